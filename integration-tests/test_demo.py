"""histsvc demo: what is seen of it in a terminal, how it ends, and that it says so when a count is wrong."""

from __future__ import annotations

import os
import re
import select
import signal
from contextlib import ExitStack
from pathlib import Path

import matplotlib.image
import pytest
from service_process import TIMEOUT_S
from tool_process import Terminal, children, refused, run, terminal

DEMO = ("-m", "histsvc", "demo")
HISTOGRAMS = ("detector", "spectrum", "peak", "region")
LIMIT_S = 100.0
URL = "dashboard: http://localhost:"
PICTURES, USUAL_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
# The oracle counts an event of each message twice.
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
sys.exit(cli.main(["demo", "--plain", "--no-dashboard", "--duration", "2"]))
"""


def ended(demo: Terminal) -> int:
    """The exit code of a demo that ends by itself, when all that it wrote is read."""
    return demo.end(signal.SIGCONT)  # which does nothing to what was not stopped


def test_lines_tell_all_commands_and_every_count_is_exact() -> None:
    done = run(*DEMO, "--plain", "--no-dashboard", "--duration", "6")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
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
    assert "dashboard" not in done.stdout


def test_pictures_in_the_terminal_until_ctrl_c_and_pngs_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    command = [*DEMO, "--duration", "0", "--save", str(folder)]
    with terminal(*command, columns=80, rows=24, limit_s=LIMIT_S) as demo:
        demo.until(lambda text: all(name in text for name in ("INVALID_ARGUMENT", URL, *HISTOGRAMS)))
        assert demo.end(signal.SIGINT) == 0, demo.shown
        assert demo.as_before
    live, _, left = demo.shown.partition(USUAL_SCREEN)
    assert PICTURES in live
    assert "\u2580" in live
    assert URL not in left
    assert "every count is exact" in left
    assert left.count(" exact") == len(HISTOGRAMS) + 1
    assert sorted(file.name for file in folder.iterdir()) == sorted(f"{name}.png" for name in HISTOGRAMS)
    for file in folder.iterdir():
        picture = matplotlib.image.imread(file)
        assert picture.shape[:2] == (550, 800)
        assert picture.std() > 0.05


def test_who_interrupts_before_it_has_begun_need_not_wait() -> None:
    with terminal(*DEMO, columns=80, rows=24, limit_s=LIMIT_S) as demo:
        demo.until(lambda text: "first start" in text)
        assert demo.end(signal.SIGINT) == 1
    assert PICTURES not in demo.shown
    assert "Traceback" not in demo.shown


def test_a_count_that_is_wrong_is_found() -> None:
    done = run("-c", MISCOUNTS)
    assert done.returncode == 1
    assert re.search(r"^detector .* WRONG$", done.stdout, re.MULTILINE)
    assert re.search(r"^spectrum .* exact$", done.stdout, re.MULTILINE)
    assert done.stdout.rstrip().endswith("events sent: NOT EXACT")


@pytest.mark.parametrize("killed", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_service_ends_the_demo_says_so(killed: signal.Signals) -> None:
    command = [*DEMO, "--no-dashboard", "--duration", "0"]
    with terminal(*command, columns=80, rows=24, limit_s=LIMIT_S) as demo:
        demo.until(lambda text: "detector" in text and "COUNTING" in text)
        os.kill(children(demo.process.pid)["serve"], killed)
        assert ended(demo) == 1
    _, _, left = demo.shown.partition(USUAL_SCREEN)
    assert left.splitlines()[-1].startswith("histsvc demo: the service ended with exit code")
    assert "Traceback" not in demo.shown


def test_when_the_demo_is_killed_service_and_dashboard_end() -> None:
    with (
        terminal(*DEMO, "--duration", "0", columns=80, rows=24, limit_s=LIMIT_S) as demo,
        ExitStack() as stack,
    ):
        demo.until(lambda text: all(part in text for part in ("detector", "COUNTING", URL)))
        started = children(demo.process.pid)
        assert set(started) == {"serve", "dashboard"}
        handles = [os.pidfd_open(pid) for pid in started.values()]
        for handle in handles:
            stack.callback(os.close, handle)
        demo.end(signal.SIGKILL)
        for handle in handles:
            assert select.select([handle], [], [], TIMEOUT_S)[0], f"one of {started} is still there"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--duration", "-1"], "--duration: -1"),
        (["--duration", "nan"], "--duration: nan"),
        (["--events", "0"], "--events: 0"),
        (["--save", "/dev/null/pictures"], "--save /dev/null/pictures"),
        (["--colour"], "--colour"),
    ],
)
def test_wrong_use_is_refused_at_once(arguments: list[str], said: str) -> None:
    assert said in refused(2, *DEMO, *arguments)
