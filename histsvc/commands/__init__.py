"""The commands: each module does one of them, in steps that never block the service's loop."""
