"""What a document says to type, done in a copy of the clone, and what it says is printed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Not part of a clone, or not needed to install and use the service.
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "tests", "integration-tests")
_HASH = re.compile(r"(?<![\w.])(?=[0-9a-f]*[0-9])[0-9a-f]{12,16}\b")
_PROCESS = re.compile(r"\S+:\d+(?= )")
_NUMBER = re.compile(r"\d[\d.,:]*(?:e[+-]?\d+)?[kM]?(?: [kM]?B(?=/s))?")
# How many wait, and whether they have begun to, is for the machine to say.
_WAITING = re.compile(r"(?: (?:STARTING|SPARE)(?: #)+)+")


def section(text: str, title: str) -> str:
    """The text below a heading, up to the next that is not below it."""
    level, found, rest = re.split(rf"^(#+) ({re.escape(title)})$", text, maxsplit=1, flags=re.MULTILINE)[1:]
    assert found == title
    return re.split(rf"^#{{2,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and content of every fenced block, in order."""
    return re.findall(r"^```(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def script(text: str) -> str:
    """What a reader types into one terminal: bash as it stands, Python into `python`."""
    parts = ["set -euo pipefail"]
    for language, content in blocks(text):
        assert language in ("bash", "python", "text"), language
        if language == "bash":
            parts.append(content)
        elif language == "python":
            parts.append(f"python - <<'END OF PYTHON'\n{content}END OF PYTHON")
    return "\n".join(parts)


def clone(folder: Path, name: str) -> Path:
    """A copy of what a clone has, for readers; what they install beside it is for all of that folder."""
    shutil.copytree(ROOT, folder / name, ignore=LEFT_OUT)
    return folder / name


def run(text: str, folder: Path, broker: str) -> str:
    """Do what a text says, in a clone; returns what was printed. What it has started ends with it."""
    out, log = folder.with_name("printed"), folder / "histsvc.log"
    ours = ("HISTSVC_", "VIRTUAL_ENV", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment["PATH"] = f"{Path(sys.base_prefix, 'bin')}{os.pathsep}{environment['PATH']}"
    environment["BROKER"] = broker
    with out.open("w") as printed:
        process = subprocess.Popen(
            ["bash", "-c", script(text)],
            cwd=folder,
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        code = process.wait(timeout=240)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert code == 0, f"{out.read_text()}\n{log.read_text() if log.exists() else ''}"
    return out.read_text()


def done(text: str, folder: Path, broker: str) -> str:
    """Do what a text says and compare what is printed with what it shows; returns what was printed."""
    printed = run(text, folder, broker)
    # Where the broker of a text is.
    found, expected = normal(printed.replace(broker, "localhost:9092")), shown(text)
    assert len(expected) > 8
    for part in expected:
        assert part in found, printed
    return printed


def normal(text: str) -> str:
    """A text with # in place of what differs from run to run, and one blank for many."""
    text = _PROCESS.sub("#", _HASH.sub("#", text))
    return _WAITING.sub(" SPARE #", " ".join(_NUMBER.sub("#", text).split()))


def shown(text: str) -> list[str]:
    """What the text says is printed, made `normal`, line by line; indented lines belong to those above."""
    return [
        normal(part)
        for language, content in blocks(text)
        if language == "text"
        for part in re.split(r"\n(?! )", content.strip("\n"))
    ]
