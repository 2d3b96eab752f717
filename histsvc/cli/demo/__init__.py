"""histsvc demo: broker, service, generator, client and dashboard on this machine, and the verdict."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from histsvc.cli.demo.plain import Plain
from histsvc.cli.demo.run import run
from histsvc.cli.demo.screen import Screen
from histsvc.cli.demo.show import Show
from histsvc.cli.one_line import OneLineParser
from histsvc.cli.options import at_least, not_negative
from histsvc.cli.stop import Stop
from histsvc.errors import SettingsError
from histsvc.view import grid

_DURATION_S = 60.0
_EVENTS = 2000


def main(arguments: list[str]) -> int:
    """Run the demo; returns 0 only if every count is exact.

    Raises SettingsError for a folder that cannot be used, and BrokerError, CommandError and TimeoutError
    where broker or service fail.
    """
    options = options_parser().parse_args(arguments)
    if options.save is not None:
        _make_folder(options.save)
    console = Console(highlight=False)
    show: Show = Plain() if options.plain or not console.is_terminal else Screen(console)
    stop, exact = Stop(), False
    with stop.signals(), show:
        duration_s = _DURATION_S if options.duration is None else options.duration
        how = {"dashboard": not options.no_dashboard, "stays": options.duration is None}
        exact = run(duration_s, options.events, options.save, show, stop, **how)
    return 0 if exact else 1


def options_parser() -> OneLineParser:
    """Make the argument parser of ``histsvc demo``."""
    made = OneLineParser(prog="histsvc demo", description=__doc__, auto_env_var_prefix="HISTSVC_DEMO_")
    about_duration = f"seconds, 0: until Ctrl-C; without it {_DURATION_S:.0f}, and while the page is open"
    made.add_argument("--duration", type=not_negative, help=about_duration)
    made.add_argument("--events", type=at_least(1, 100_000), default=_EVENTS, help="of each message")
    about_dashboard = "only the terminal, without the dashboard"
    made.add_argument("--no-dashboard", action="store_true", help=about_dashboard)
    about_plain = "lines instead of pictures, as it is where no terminal is"
    made.add_argument("--plain", action="store_true", help=about_plain)
    made.add_argument("--save", type=Path, metavar="DIR", help="keep a PNG of each histogram in this folder")
    return made


def _make_folder(folder: Path) -> None:
    """Raise SettingsError now where no picture could be kept at the end."""
    grid.load()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"--save {folder}: {error.strerror}") from error
    grid.check_file(folder / "detector.png")
