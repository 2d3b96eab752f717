"""histsvc view and bin/viewer.py: what they draw of a real service, and how they end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from events import BASE_MS, TOF_END_NS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service

from histsvc.view.text import short

ROOT = Path(__file__).parents[1]
VIEW, VIEWER = ("-m", "histsvc", "view"), (str(ROOT / "bin" / "viewer.py"),)
KINDS: dict[str, dict[str, Any]] = {
    "hist1d": {"tof_range": [0, TOF_END_NS], "num_bins": 50},
    "hist2d": {"tof_range": [0, TOF_END_NS], "num_bins": [20, 10], "det_range": [1, 101]},
    "dethist": {"det_range": [1, 100], "width": 20, "height": 5},
    "roihist": {"left_edges": [1, 21, 41], "width": 10},
}
# A window that nobody sees: it prints what it draws, one line for each time.
TOOLKIT = """
import sys, time
from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase, TimerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

class FigureManager(FigureManagerBase):
    @classmethod
    def start_main_loop(cls):
        while Gcf.get_all_fig_managers():
            for manager in Gcf.get_all_fig_managers():
                timer = manager.canvas.timer
                time.sleep(timer.interval / 1000)
                timer._on_timer()

class FigureCanvas(FigureCanvasAgg):
    manager_class = FigureManager

    def new_timer(self, interval):
        self.timer = TimerBase(interval)
        return self.timer

    def draw(self):
        super().draw()
        print(*[repr(axes.get_title()) for axes in self.figure.axes], flush=True)
"""


def environment(**more: str) -> dict[str, str]:
    """No display, and no settings but these."""
    other = ("HISTSVC_", "MPL", "DISPLAY", "WAYLAND")
    return {name: value for name, value in os.environ.items() if not name.startswith(other)} | more


def run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(**more),
    )


def said(code: int, *command: str, **more: str) -> str:
    """The one line on stderr with which it ends."""
    done = run(*command, **more)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
    assert done.stderr.startswith("histsvc view: ")
    return done.stderr


def counted(service: Service, topic: MakeTopic, sender: EventSender, schema: str = "hs00") -> dict[str, int]:
    """Let the service count into all types, until they are published; returns the counts of each."""
    data, sent = topic("data"), Sent()
    sender.pulses(data, sent, [BASE_MS + number for number in range(12)], events=1000)
    histograms = [service.histogram(kind, data, id=kind, **keys) for kind, keys in KINDS.items()]
    in_regions = np.isin(sent.pixel, np.add.outer([1, 21, 41], np.arange(10)))
    sums = dict.fromkeys(KINDS, sent.events) | {"roihist": int(in_regions.sum())}
    with service.following() as output:
        service.config(histograms, start=BASE_MS, output_schema=schema)
        for kind in KINDS:
            output.until(lambda h, k=kind: (h.info.id, h.info.sum) == (k, sums[k]))  # type: ignore[misc]
    return sums


def where(service: Service, by: str) -> list[str]:
    return [
        "-b",
        service.bootstrap,
        *(("-t", service.output) if by == "topic" else ("-hb", service.heartbeat)),
    ]


@pytest.mark.parametrize(
    ("command", "by", "log", "schema"),
    [
        (VIEW, "heartbeat", [], "hs00"),
        (VIEW, "topic", ["--log"], "da00"),
        (VIEWER, "topic", ["-l", "True"], "hs01"),
    ],
)
def test_all_types_are_drawn_into_a_file(
    command: tuple[str, ...],
    by: str,
    log: list[str],
    schema: str,
    service: Service,
    topic: MakeTopic,
    sender: EventSender,
    tmp_path: Path,
) -> None:
    sums = counted(service, topic, sender, schema)
    picture, drawing = tmp_path / "view.png", tmp_path / "view.svg"
    for file in (picture, drawing):
        asked = ["--id", *KINDS, "--save", str(file)]
        done = run(*command, *where(service, by), *log, *asked)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}\n", "")
    pixels = matplotlib.image.imread(picture)
    assert pixels.shape[:2] == (860, 1120)
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 100
    # What is written with the shapes of letters is told by comments, too.
    words = re.findall("<!-- (.*?) -->", drawing.read_text())
    for kind, counts in sums.items():
        at = words.index(kind)
        assert f"COUNTING  {short(counts)} counts" in words[at + 1]
    assert words.count("counts") == 3, "colour bars"
    assert words.count("time of flight (ms)") == 2
    assert "counts per 1.429 ms" in words
    assert any("10^" in word for word in words) == bool(log)


def test_patterns_choose(service: Service, topic: MakeTopic, sender: EventSender, tmp_path: Path) -> None:
    counted(service, topic, sender)
    file = tmp_path / "view.svg"
    done = run(*VIEW, *where(service, "heartbeat"), "--id", "hist1?", "det*", "--save", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    words = re.findall("<!-- (.*?) -->", file.read_text())
    assert [kind for kind in KINDS if kind in words] == ["hist1d", "dethist"]


@contextmanager
def window(tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A window of the toolkit above; killed after a while, so that who waits for a line ends."""
    (tmp_path / "toolkit.py").write_text(TOOLKIT)
    started = subprocess.Popen(
        [sys.executable, "-W", "error", *VIEW, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(PYTHONPATH=str(tmp_path), MPLBACKEND="module://toolkit"),
    )
    limit = threading.Timer(TIMEOUT_S, started.kill)
    limit.start()
    try:
        with started:
            yield started
            started.kill()
    finally:
        limit.cancel()


def until(process: subprocess.Popen[str], fact: Callable[[str], bool]) -> None:
    """Wait until it draws something."""
    drawn = []
    for line in process.stdout or ():
        drawn.append(line)
        if fact(line):
            return
    raise AssertionError(f"it ended after {drawn[-3:]}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_window_shows_what_comes_until_it_is_told_to_end(
    number: signal.Signals, service: Service, topic: MakeTopic, sender: EventSender, tmp_path: Path
) -> None:
    """Of what is there when it begins nothing stays: another config changes shapes under the same ids."""
    with window(tmp_path, *where(service, "heartbeat")) as shown:
        until(shown, bool)
        counted(service, topic, sender)
        until(shown, lambda line: line.count("COUNTING  12k counts") == 3)
        again = [service.histogram("hist1d", topic("data"), id="dethist", tof_range=[0, 1e9], num_bins=7)]
        service.config(again)
        until(shown, lambda line: "dethist\\nINITIALISED  0 counts  no data yet" in line)
        shown.send_signal(number)
        _, errors = shown.communicate(timeout=TIMEOUT_S)
        assert (shown.returncode, errors) == (0, "")


def test_wrong_use_is_one_line_and_code_2(broker: Broker, tmp_path: Path) -> None:
    basic = ["-b", broker.bootstrap]
    file = str(tmp_path / "view.png")
    assert "-t/--topic" in said(2, *VIEW, *basic, "--save", file)
    basic += ["-hb", "heartbeat"]
    assert "view.foo" in said(2, *VIEW, *basic, "--save", str(tmp_path / "view.foo"))
    assert "not-there" in said(2, *VIEW, *basic, "--save", str(tmp_path / "not-there" / "view.png"))
    assert "--save FILE" in said(2, *VIEW, *basic)
    assert "--save FILE" in said(2, *VIEW, *basic, MPLBACKEND="agg")
    assert "nonsense" in said(2, *VIEW, *basic, MPLBACKEND="nonsense")
    assert "'perhaps'" in said(2, *VIEWER, *basic, "-l", "perhaps")
    assert "--topics" in said(2, *VIEWER, *basic, "--topics", "a")
    assert not list(tmp_path.iterdir())


def test_nothing_in_time_is_one_line_and_code_1(service: Service, tmp_path: Path) -> None:
    for by in ("heartbeat", "topic"):
        asked = ["--id", "nobody", "--timeout", "0.5", "--save", str(tmp_path / "view.png")]
        assert "within 0.5 s" in said(1, *VIEW, *where(service, by), *asked)
    assert not list(tmp_path.iterdir())
