"""Pages of a dashboard in a real browser, and what can be seen and done there."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, sync_playwright
from service_process import TIMEOUT_S

_PAUSE_MS = 50
_STILL = 10
_SCRIPT = Path(__file__).with_suffix(".js")


def chromium() -> str:
    """Where the browser is that is used for all tests."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found is not None, "no browser: install Chromium (Debian: chromium)"
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """A real browser without a screen; each page is in a window of its own."""
    with sync_playwright() as playwright:
        # There is no sandbox for root; what is opened is our own page.
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield started
        started.close()


class Tab:
    """One page of a dashboard; `complaints` is what the browser has to say against it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.outside: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._note)
        page.add_init_script(path=_SCRIPT)
        page.goto(url)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _note(self, request: Request) -> None:
        if not request.url.startswith((self.url, self.url.replace("http", "ws", 1), "data:", "blob:")):
            self.outside.append(request.url)

    def ask(self, what: str, about: Any = None) -> Any:
        """What the page says at this moment: a function of browser.js, and what it is given."""
        return self.page.evaluate(f"(about) => window.page.{what}(about)", about)

    def until(
        self, what: str, about: Any, fact: Callable[[Any], bool] = bool, timeout_s: float = TIMEOUT_S
    ) -> Any:
        """Ask again and again until the answer is as it should be."""
        deadline = time.monotonic() + timeout_s
        while not fact(found := self.ask(what, about)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} {about} is {found}; {self.complaints}; {self.ask('state')}")
            self.page.wait_for_timeout(_PAUSE_MS)
        return found

    def until_total(self, name: str, events: float) -> None:
        """Wait until an image shows so many counts in all."""
        self.until("total", name, lambda total: total == events)

    def until_sum(self, name: str, events: float) -> npt.NDArray[np.float64]:
        """Wait until a spectrum shows so many counts in all, and say which."""
        return np.array(self.until("column", [name, "value"], lambda values: sum(values) == events))

    def image(self, name: str) -> npt.NDArray[np.float64]:
        """What is drawn of an image, as [x][y]."""
        found = self.until("image", name)
        return np.array(found["values"]).reshape(found["shape"]).T

    def column(self, name: str, column: str = "value") -> npt.NDArray[np.float64]:
        """A column of what is drawn of a spectrum."""
        return np.array(self.until("column", [name, column]))

    def drag(self, name: str, begin: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw a rectangle on a picture, with the mouse, in the coordinates of its axes."""
        self.until("chooseRegion", name)
        # A picture that has just come is fitted to its place once the browser has said how large that is.
        self.until("isFitted", name)
        where: list[Any] = []
        while len(where) < _STILL or any(each != where[-1] for each in where[-_STILL:]):
            where.append([self.until("place", [name, *corner]) for corner in (begin, end)])
            self.page.wait_for_timeout(_PAUSE_MS)
        self.page.mouse.move(*where[-1][0])
        self.page.mouse.down()
        self.page.mouse.move(*where[-1][1], steps=5)
        self.page.mouse.up()

    def press(self, button: str) -> None:
        """Press a button, as a user finds it."""
        self.page.get_by_role("button", name=button).click()

    def fill(self, label: str, value: str) -> None:
        """Fill something in, as a user finds it."""
        self.page.get_by_label(label, exact=True).first.fill(value)
        self.page.get_by_label(label, exact=True).first.press("Tab")

    def sees(self, text: str) -> None:
        """Wait until this can be read on the page."""
        self.page.get_by_text(text).first.wait_for()

    def cell(self, name: str) -> Locator:
        """The title, the picture and the options of a histogram."""
        return self.page.locator(f".cell:has(.name[title='{name}'])")

    def mark(self, name: str) -> Locator:
        """What the title bar of a histogram says of its state."""
        return self.cell(name).locator(".chip")


@contextmanager
def tab(browser: Browser, url: str, **keys: Any) -> Iterator[Tab]:
    """A page in a window of its own, which must have nothing to complain about and call nobody else."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **keys})
    try:
        made = Tab(context.new_page(), url)
        yield made
        assert made.complaints == [], made.complaints
        assert made.outside == [], made.outside
    finally:
        context.close()
