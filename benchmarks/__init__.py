"""Benchmarks: the service as users run it, on a real broker, beside yardsticks in the same run."""
