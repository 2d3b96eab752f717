"""How tools refuse what they are told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from histsvc.cli import main


def check_refused(capsys: pytest.CaptureFixture[str], arguments: Sequence[str], named: Sequence[str]) -> None:
    """Wrong use is one line on stderr, which names these, and exit code 2."""
    try:
        code = main([*arguments])
    except SystemExit as error:
        code = int(str(error.code))
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith(f"histsvc {arguments[0]}: ")
    assert all(part in err for part in named)
