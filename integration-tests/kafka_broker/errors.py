"""What goes wrong with the broker, said in one line that a test can fail with."""


class BrokerError(RuntimeError):
    """The broker cannot be made to run, or did not do what it was asked in time."""
