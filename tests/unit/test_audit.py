"""The look for known vulnerabilities: what is found fails, and what nobody knows does not."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "bin" / "_audit.py"
SOUND = {"name": "sound", "version": "1", "vulns": []}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}
WRONG = {"name": "wrong", "version": "1.2", "vulns": [{"id": "CVE-1", "fix_versions": ["1.3"]}]}


def audit(patch: pytest.MonkeyPatch, stdout: str) -> int:
    found = importlib.util.spec_from_file_location("audit", FILE)
    assert found is not None
    assert found.loader is not None
    module: Any = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    answer = subprocess.CompletedProcess([], 1, stdout, "no connection")
    patch.setattr(subprocess, "run", lambda *_, **__: answer)
    code = module.main()
    assert isinstance(code, int)
    return code


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        ([SOUND], 0, ""),
        ([SOUND, UNKNOWN], 0, "nothing is known of 1 of 2 dependencies: unknown"),
        ([SOUND, WRONG], 1, "wrong 1.2: CVE-1 (fixed in 1.3)"),
    ],
)
def test_only_what_is_known_to_be_wrong_fails(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dependencies: list[dict[str, Any]],
    code: int,
    said: str,
) -> None:
    assert audit(monkeypatch, json.dumps({"dependencies": dependencies})) == code
    assert said in capsys.readouterr().out


def test_without_an_answer_nothing_was_looked_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(monkeypatch, "") == 0
    assert "nothing was looked up: ['no connection']" in capsys.readouterr().out
