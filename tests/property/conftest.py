"""What all property tests need."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _warm_kernels() -> None:
    """Compile what is not cached before Hypothesis looks at the clock."""
    from histsvc.kernels import warm

    assert warm.KERNELS
