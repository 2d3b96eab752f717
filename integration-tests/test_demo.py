"""histsvc demo: what newcomers see of it, how it ends, and that it says so when a count is wrong."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest
from pseudo_terminal import in_terminal

DEMO = ("-m", "histsvc", "demo")
HISTOGRAMS = ("detector", "spectrum", "peak", "region")
# The detector counts each event of a message but one.
MISCOUNTS = """
import sys
from histsvc import cli
from histsvc.cli.demo import oracle
right = oracle._counted
def wrong(config, pulse):
    counts = right(config, pulse)
    if config["id"] == "detector":
        counts[48, 60] += 1
    return counts
oracle._counted = wrong
sys.exit(cli.main(["demo", "--plain", "--duration", "2"]))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=100, check=False
    )


def service_pid(of: int) -> int:
    """The process of the service that this demo has started."""
    text = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(of)], capture_output=True, text=True, check=True
    ).stdout
    (pid,) = (int(line.split()[0]) for line in text.splitlines() if "histsvc serve" in line)
    return pid


def test_lines_tell_all_commands_and_every_count_is_exact() -> None:
    done = run(*DEMO, "--plain", "--duration", "6")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    told = re.findall(r"^(\w+), (.+?): (ACK|ERR \w+)", done.stdout, re.MULTILINE)
    assert [(cmd, reply) for cmd, _, reply in told] == [
        ("config", "ACK"),
        ("config", "ERR INVALID_ARGUMENT"),
        ("add", "ACK"),
        *[("reset_counts", "ACK")] * 3,
        ("stop", "ACK"),
    ]
    assert "histograms[0].num_bins: -50" in done.stdout
    *_, detector, spectrum, peak, region, last = done.stdout.splitlines()
    for name, line in zip(HISTOGRAMS, (detector, spectrum, peak, region), strict=True):
        assert re.match(rf"{name} +[\d,]+ expected +[\d,]+ counted +[\d,]+ accounted  exact$", line)
    events = int(last.split()[0].replace(",", ""))
    assert last.endswith("events sent: every count is exact")
    assert events > 100_000
    assert f"{events:,} accounted" in detector
    assert "\x1b" not in done.stdout


def test_pictures_in_the_terminal_until_ctrl_c_and_pngs_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with in_terminal([*DEMO, "--duration", "0", "--save", str(folder)]) as demo:
        demo.until("ERR", "INVALID_ARGUMENT", *HISTOGRAMS)
        demo.process.send_signal(signal.SIGINT)
        assert demo.ended() == 0, demo.written
    live, _, left = demo.written.partition("\x1b[?1049l")
    assert "\u2580" in live
    assert "every count is exact" in left
    assert left.count(" exact") == len(HISTOGRAMS) + 1
    assert sorted(file.name for file in folder.iterdir()) == sorted(f"{name}.png" for name in HISTOGRAMS)
    for file in folder.iterdir():
        picture = matplotlib.image.imread(file)
        assert picture.shape[:2] == (550, 800)
        assert picture.std() > 0.05


def test_who_interrupts_before_it_has_begun_need_not_wait() -> None:
    with in_terminal(DEMO) as demo:
        demo.until("first start")
        demo.process.send_signal(signal.SIGINT)
        assert demo.ended() == 1
    assert "\x1b[?1049h" not in demo.written, "nothing was shown yet"
    assert "Traceback" not in demo.written


def test_a_count_that_is_wrong_is_found() -> None:
    done = run("-c", MISCOUNTS)
    assert done.returncode == 1
    assert re.search(r"^detector .* WRONG$", done.stdout, re.MULTILINE)
    assert re.search(r"^spectrum .* exact$", done.stdout, re.MULTILINE)
    assert done.stdout.rstrip().endswith("events sent: NOT EXACT")


@pytest.mark.parametrize("killed", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_service_ends_the_demo_says_so(killed: signal.Signals) -> None:
    with in_terminal([*DEMO, "--duration", "0"]) as demo:
        demo.until("detector", "COUNTING")
        pid = service_pid(demo.process.pid)
        subprocess.run(["kill", f"-{killed.value}", str(pid)], check=True)
        assert demo.ended() == 1
    _, _, left = demo.written.partition("\x1b[?1049l")
    assert left.splitlines()[-1].startswith("histsvc demo: the service ended with exit code")
    assert "Traceback" not in demo.written
