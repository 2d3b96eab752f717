"""Chaos: a service on a real broker whose processes are killed and frozen while it counts (``bin/chaos``)."""
