"""What all unit tests have."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have settings of histsvc in the environment: none of them counts here."""
    for name in [name for name in os.environ if name.startswith("HISTSVC_")]:
        monkeypatch.delenv(name)
