"""A matplotlib backend whose windows nobody sees: its main loop calls the timers that run."""

from __future__ import annotations

from typing import Any

from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase, TimerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

timers: list[Any] = []


class Timer(TimerBase):
    """Runs where the main loop is told so."""

    running = False

    def __init__(self, *arguments: Any, **keys: Any) -> None:
        timers.append(self)
        super().__init__(*arguments, **keys)

    def _timer_start(self) -> None:
        self.running = True

    def _timer_stop(self) -> None:
        self.running = False


class FigureManager(FigureManagerBase):
    """Ends its main loop when all windows are closed."""

    @classmethod
    def start_main_loop(cls) -> None:
        while Gcf.get_all_fig_managers():
            running = [timer for timer in timers if timer.running]
            assert running, "a window that nobody changes or closes"
            for timer in running:
                timer._on_timer()


class FigureCanvas(FigureCanvasAgg):  # type: ignore[misc]
    """Draws into memory."""

    manager_class = FigureManager
    _timer_cls = Timer
