"""A window that shows histograms as they come, until it is closed or somebody asks to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from histsvc.client import Histogram
from histsvc.clock import Clock, Every, now_ms
from histsvc.errors import SettingsError
from histsvc.view.grid import Grid, load

_PERIOD_MS = 200
# Ages change all the time: to draw everything for them alone is dear. So is to make room for labels.
_AGES_S, _ARRANGE_S = 1.0, 3.0
# A window of this size fits the usual screen.
_LARGEST_IN = (16.0, 9.0)


class Followed(Protocol):
    """What Window needs of a HistogramFollowing."""

    @property
    def latest(self) -> Mapping[str, Histogram]:
        """The newest of each id."""

    def poll(self, timeout_s: float) -> Sequence[Histogram]:
        """What has changed."""


def open_figure() -> Any:
    """Make a pyplot figure with a window; raises SettingsError where there is no display."""
    load()
    try:
        from matplotlib import pyplot
        from matplotlib.backend_bases import FigureManagerBase

        figure = pyplot.figure("histsvc view")
    except Exception as error:  # each toolkit fails in its own way
        raise _no_window(str(error)) from error
    # Those that cannot show anything have no loop of their own to wait in.
    manager: Any = figure.canvas.manager
    base: Any = FigureManagerBase
    if type(manager).start_main_loop.__func__ is base.start_main_loop.__func__:
        pyplot.close(figure)
        raise _no_window(f"matplotlib's backend is {pyplot.get_backend()}")
    return figure


def _no_window(why: str) -> SettingsError:
    return SettingsError(f"no window can be opened ({why}); --save FILE draws into a file instead")


class Window:
    """Shows in a figure what `following` has, `stopped` says when to end, `left_out` hears of how many."""

    def __init__(
        self,
        figure: Any,
        following: Followed,
        clock: Clock,
        *,
        log: bool,
        stopped: Callable[[], bool],
        left_out: Callable[[int], None],
    ) -> None:
        self._figure = figure
        self._following = following
        self._clock = clock
        self._stopped = stopped
        self._left_out = left_out
        self._grid = Grid(figure, log=log, largest_in=_LARGEST_IN)
        self._ages_due, self._arrange_due = Every(clock, _AGES_S), Every(clock, _ARRANGE_S)
        self._failure: Exception | None = None
        self._timer = figure.canvas.new_timer(interval=_PERIOD_MS)
        self._timer.add_callback(self._tick)

    def run(self) -> None:
        """Show the window until it is closed or `stopped`; raises BrokerError as `following` does."""
        from matplotlib import pyplot

        self._figure.canvas.mpl_connect("close_event", lambda _: self._timer.stop())
        self._figure.canvas.mpl_connect("resize_event", lambda _: self._grid.arrange())
        self._tick()
        if self._failure is None and not self._stopped():
            self._timer.start()
            pyplot.show(block=True)
        self._timer.stop()
        pyplot.close(self._figure)
        if self._failure is not None:
            raise self._failure

    def _tick(self) -> None:
        """Show what has come. Nothing is raised: toolkits print that, and go on."""
        try:
            begin_s = self._clock.monotonic_s()
            if self._stopped():
                self._close()
                return
            self._show()
            # Toolkits wait so long from now on. A window that only draws does not hear its user.
            took_ms = 1000 * (self._clock.monotonic_s() - begin_s)
            self._timer.interval = max(1, int(_PERIOD_MS - took_ms), int(took_ms / 2))
        except Exception as error:  # noqa: BLE001  # run() raises it
            self._failure = error
            self._close()

    def _show(self) -> None:
        changed = self._following.poll(0)
        if not self._ages_due.due() and not changed:
            return
        before = self._grid.left_out
        if self._grid.show(self._following.latest.values(), now_ms(self._clock)):
            if self._arrange_due.due():
                self._grid.arrange()
            self._figure.canvas.draw()
            self._grid.keep()
        if self._grid.left_out != before:
            self._left_out(self._grid.left_out)

    def _close(self) -> None:
        from matplotlib import pyplot

        self._timer.stop()
        pyplot.close(self._figure)
