"""The window: it changes as histograms come, and ends when it is told to, closed, or brokers refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes import FakeClock
from matplotlib import pyplot
from matplotlib.backend_bases import ResizeEvent
from matplotlib.layout_engine import ConstrainedLayoutEngine
from unit import toolkit
from unit.shown import NOW_MS, of_type

from histsvc.client import BrokerError, Histogram
from histsvc.errors import SettingsError
from histsvc.view.window import Window, open_figure


class Script:
    """What is followed: each poll does the next step and gives what has changed, the last one stops."""

    def __init__(self, clock: FakeClock, *steps: Callable[[], list[Histogram]]) -> None:
        self.latest: dict[str, Histogram] = {}
        self.stopped = False
        self._steps = iter(steps)
        self._clock = clock

    def poll(self, timeout_s: float) -> list[Histogram]:
        assert timeout_s == 0, "who waits here freezes the window"
        self._clock.advance(0.2)
        step = next(self._steps, None)
        if step is None:
            self.stopped = True
            return []
        changed = step()
        self.latest |= {each.id: each for each in changed}
        return changed


class Shown:
    """A window that shows a script, and what it said."""

    def __init__(self, *steps: Callable[[], list[Histogram]], log: bool = False) -> None:
        self.clock = FakeClock(NOW_MS)
        self.script = Script(self.clock, *steps)
        self.figure = open_figure()
        self.arranged: list[bool] = []
        self.left_out: list[int] = []
        self._draw = self.figure.canvas.draw
        self.figure.canvas.draw = self._counted
        self.window = Window(
            self.figure,
            self.script,
            self.clock,
            log=log,
            stopped=lambda: self.script.stopped,
            left_out=self.left_out.append,
        )

    def _counted(self) -> None:
        self.arranged.append(isinstance(self.figure.get_layout_engine(), ConstrainedLayoutEngine))
        self._draw()

    @property
    def titles(self) -> list[str]:
        return [axes.get_title() for axes in self.figure.axes]

    def run(self) -> None:
        self.window.run()
        assert not pyplot.get_fignums()
        assert not any(timer.running for timer in toolkit.timers)


@pytest.fixture(autouse=True)
def _backend() -> Iterator[None]:
    toolkit.timers.clear()
    pyplot.switch_backend("module://unit.toolkit")
    yield
    pyplot.close("all")
    pyplot.switch_backend("agg")


def nothing() -> list[Histogram]:
    return []


def test_histograms_are_shown_as_they_come() -> None:
    seen: list[Any] = []

    def step(*histograms: Histogram) -> Callable[[], list[Histogram]]:
        def come() -> list[Histogram]:
            seen.append([title.splitlines()[0] for title in shown.titles])
            return list(histograms)

        return come

    spectrum, image = of_type("hist1d", name="b"), of_type("dethist", name="a")
    shown = Shown(step(), step(spectrum), step(image), step())
    shown.run()
    assert seen == [[], [], ["b"], ["a", "b"]]
    assert not shown.left_out


@pytest.mark.parametrize("log", [False, True])
def test_counts_are_changed_in_place(log: bool) -> None:
    drawn: list[Any] = []

    def remember() -> list[Histogram]:
        (axes,) = shown.figure.axes
        drawn.append((axes, axes.patches[0].get_data().values.tolist()))
        return []

    first, second = of_type("hist1d"), of_type("hist1d", seed=2)
    shown = Shown(lambda: [first], remember, lambda: [second], remember, log=log)
    shown.run()
    (axes, before), (same_axes, after) = drawn
    assert axes is same_axes
    assert (before, after) == (first.counts.tolist(), second.counts.tolist())
    assert axes.get_yscale() == ("log" if log else "linear")


def test_ages_go_on_where_nothing_comes_but_not_at_every_poll() -> None:
    shown = Shown(lambda: [of_type("hist1d", data_age_ms=0)], *[nothing] * 20)
    shown.run()
    assert shown.titles == ["hist1d\nCOUNTING  45 counts  4.0 s old"]
    assert 4 <= len(shown.arranged) <= 6


def test_room_for_labels_is_made_now_and_then_and_when_the_size_changes() -> None:
    def resize() -> list[Histogram]:
        event = ResizeEvent("resize_event", shown.figure.canvas)
        shown.figure.canvas.callbacks.process("resize_event", event)
        return [of_type("hist1d", seed=99)]

    changes = [lambda seed=seed: [of_type("hist1d", seed=seed)] for seed in range(20)]
    shown = Shown(*changes)
    shown.run()
    assert len(shown.arranged) == 20
    assert shown.arranged[0]
    assert 2 <= sum(shown.arranged) <= 3

    shown = Shown(*changes[:2], resize)
    shown.run()
    assert shown.arranged == [True, False, True]


def test_how_many_are_left_out_is_said_when_it_changes() -> None:
    def come(first: int, last: int) -> list[Histogram]:
        return [of_type("hist1d", name=f"b{number}") for number in range(first, last)]

    shown = Shown(lambda: come(0, 27), lambda: come(0, 1), lambda: come(27, 29))
    shown.run()
    assert shown.left_out == [2, 4]


def test_who_closes_the_window_ends_it() -> None:
    def close() -> list[Histogram]:
        pyplot.close(shown.figure)
        return []

    shown = Shown(lambda: [of_type("hist1d")], close, pytest.fail)
    shown.run()


def test_who_has_asked_to_stop_gets_no_window() -> None:
    shown = Shown(pytest.fail)
    shown.script.stopped = True
    shown.run()
    assert not shown.arranged


@pytest.mark.parametrize("steps", [0, 2])
def test_brokers_that_refuse_end_it(steps: int) -> None:
    """Toolkits print what is raised in a timer, and go on."""

    def refuse() -> list[Histogram]:
        raise BrokerError("not authorised", retriable=False, denied=True)

    shown = Shown(*[nothing] * steps, refuse, pytest.fail)
    with pytest.raises(BrokerError, match="not authorised"):
        shown.window.run()
    assert not pyplot.get_fignums()


def test_what_fails_while_it_is_drawn_ends_it_too() -> None:
    shown = Shown(lambda: [of_type("hist1d")], pytest.fail)

    def fail() -> None:
        raise RuntimeError("no memory")

    shown.figure.canvas.draw = fail
    with pytest.raises(RuntimeError, match="no memory"):
        shown.window.run()


def test_polls_come_about_5_times_a_second_but_a_slow_window_hears_its_user() -> None:
    def slow(took_s: float) -> Callable[[], list[Histogram]]:
        def step() -> list[Histogram]:
            pauses_ms.append(toolkit.timers[-1].interval)
            shown.clock.advance(took_s - 0.2)  # polls take 0.2 s
            return []

        return step

    pauses_ms: list[int] = []
    shown = Shown(slow(0.05), slow(1.0), slow(0.05))
    shown.run()
    assert pauses_ms == [200, 150, 500]


@pytest.mark.parametrize("backend", ["agg", "svg"])
def test_without_a_display_it_says_what_works(backend: str) -> None:
    pyplot.switch_backend(backend)
    with pytest.raises(SettingsError, match=rf"backend is {backend}.*--save FILE"):
        open_figure()
    assert not pyplot.get_fignums()


def test_a_toolkit_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("couldn't connect to display")

    monkeypatch.setattr(pyplot, "figure", fail)
    with pytest.raises(SettingsError, match=r"couldn't connect.*--save FILE"):
        open_figure()
