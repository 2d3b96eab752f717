"""The dashboard of histsvc demo, from the address that it prints: what newcomers do, and what ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h5py
import pytest
from browser import tab
from playwright.sync_api import Browser
from tool_process import children, piped

from histsvc.cli.demo.show import GOES_ON

LIMIT_S = 150.0
DEMO = ("-m", "histsvc", "demo", "--plain")
USUAL_PORT = 8888
# As a newcomer starts it, but for a time that is over soon.
SHORT_S = 10
STAYS = f"""
import sys
from histsvc import cli
from histsvc.cli import demo
demo._DURATION_S = {SHORT_S}
sys.exit(cli.main(["demo", "--plain"]))
"""


class Told:
    """What a demo prints, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def until(self, begin: str) -> str:
        """Read on to a line that begins like this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith(begin):
                return self.lines[-1]
        raise AssertionError("\n".join([f"never {begin!r}:", *self.lines]))

    def ended(self) -> list[str]:
        """Read all the rest, which it must end with exit code 0 and no complaints; the verdict."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.lines += self.process.stdout.read().splitlines()
        errors = self.process.stderr.read()
        assert (self.process.wait(LIMIT_S), errors) == (0, ""), "\n".join(self.lines)
        return self.lines[self.lines.index("") + 1 :]


@contextmanager
def telling(*command: str) -> Iterator[Told]:
    with piped(*command, limit_s=LIMIT_S) as process:
        yield Told(process)


def address(demo: Told) -> str:
    return demo.until("dashboard: http://localhost:").removeprefix("dashboard: ")


def test_a_newcomer_is_not_cut_off_and_may_steer(browser: Browser) -> None:
    with telling("-c", STAYS) as demo:
        url = address(demo)
        with tab(browser, url) as page:
            demo.until("dashboard: pages open: 1")
            page.until("total", "detector", lambda total: total is not None and total > 0)
            page.drag("detector", (30.5, 30.5), (60.5, 60.5))
            name = page.until("value", "region name")
            page.press("Count its image")
            page.until("total", name, lambda total: total is not None and total > 0)
            with page.page.expect_download() as download:
                page.cell(name).get_by_role("link", name="Save").click()
            with h5py.File(download.value.path()) as file:
                assert file["entry/data/counts"][()].sum() > 0
            page.fill("Which ids", "spectrum")
            page.press("Reset\u2026")
            page.press("Yes")
            page.page.locator(".sent", has_text="reset_counts spectrum").locator("b.good").wait_for()
            demo.until(GOES_ON)
            before = page.ask("total", "detector")
            # One line a second, when the time is over.
            for _ in range(5):
                demo.until("sent ")
            page.until("total", "detector", lambda total: total > before)
        demo.until("dashboard: pages open: 0")
        detector, spectrum, peak, region, last = demo.ended()
    assert spectrum == "spectrum changed from the page (reset_counts): not judged"
    for line in (detector, peak, region):
        assert re.fullmatch(r"\w+ +[\d,]+ expected .* accounted  exact", line)
    assert last.endswith("events sent: every count that was judged is exact")


def test_what_is_stopped_from_the_page_is_not_judged_and_no_more_steered(browser: Browser) -> None:
    with telling(*DEMO, "--duration", "20") as demo:
        with tab(browser, address(demo)) as page:
            demo.until("config, detector")
            page.until("total", "detector", lambda total: total is not None and total > 0)
            page.press("Stop\u2026")
            page.press("Yes")
            page.page.locator(".sent", has_text="stop").locator("b.good").wait_for()
            # Who has the page open does not change how long was asked for.
            demo.until("stop, everything: ACK")
        lines = demo.ended()
    stopped = [line for line in lines if line.endswith("changed from the page (stop): not judged")]
    assert {line.split()[0] for line in stopped} >= {"detector", "spectrum", "peak"}
    assert lines[-1].endswith(("nothing is left to judge", "every count that was judged is exact"))
    assert GOES_ON not in demo.lines
    # Three resets were due, of which one may have been on its way.
    assert len([line for line in demo.lines if line.startswith("reset_counts, only the peak: ERR")]) <= 1


def test_the_address_answers_and_the_demo_goes_on_when_the_dashboard_is_killed() -> None:
    with telling(*DEMO, "--duration", "5") as demo:
        with urllib.request.urlopen(address(demo), timeout=LIMIT_S) as answer:
            assert answer.status == 200
            assert b"<html" in answer.read().lower()
        os.kill(children(demo.process.pid)["dashboard"], signal.SIGKILL)
        demo.until("dashboard: it ended with exit code -9; the demo goes on without")
        demo.until("config, detector")
        assert demo.ended()[-1].endswith("events sent: every count is exact")


def test_where_the_usual_port_is_taken_another_one_is_found() -> None:
    with ExitStack() as stack:
        try:
            stack.enter_context(socket.create_server(("127.0.0.1", USUAL_PORT)))
        except OSError:
            socket.create_connection(("127.0.0.1", USUAL_PORT)).close()  # somebody else has it
        with telling(*DEMO, "--duration", "1") as demo:
            url = address(demo)
            assert not url.endswith(f":{USUAL_PORT}/")
            with urllib.request.urlopen(url, timeout=LIMIT_S) as answer:
                assert answer.status == 200
            demo.ended()


def test_without_bokeh_it_says_what_to_install_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "bokeh" / "__init__.py"
    missing.parent.mkdir()
    missing.write_text("""raise ModuleNotFoundError("No module named 'bokeh'", name="bokeh")\n""")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with telling(*DEMO, "--duration", "2") as demo:
        last = demo.ended()[-1]
    assert last.endswith("events sent: every count is exact")
    (told,) = [line for line in demo.lines if "dashboard" in line]
    assert "needs Bokeh: pip install 'histsvc[view]' (No module named 'bokeh')" in told
