"""histsvc dashboard: a page that shows services and histograms, live, and steers them."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from histsvc import settings
from histsvc.cli.one_line import OneLineParser
from histsvc.cli.options import at_least, parser
from histsvc.cli.stop import Stop
from histsvc.client import Client
from histsvc.clock import SystemClock
from histsvc.errors import SettingsError, needs
from histsvc.names import check_topics

_PROG = "histsvc dashboard"
_PORT = 8888
_SHORTEST_TOKEN = 16


def main(arguments: list[str]) -> int:
    """Serve the page until a signal comes; returns 0."""
    options = options_parser().parse_args(arguments)
    check_topics("-hb/--hb-topic", options.hb_topic)
    for name, topic in (
        ("-t/--config-topic", options.config_topic),
        ("-rt/--response-topic", options.response_topic),
    ):
        if topic:
            check_topics(name, topic)
    if options.allow_commands and not (options.config_topic and options.response_topic):
        raise SettingsError("--allow-commands needs -t/--config-topic and -rt/--response-topic")
    logging.basicConfig(level=settings.log_level(options.log_level), format="%(levelname)s %(message)s")
    kafka, clock = settings.kafka_settings(options), SystemClock()
    topics = options.config_topic, options.response_topic, options.hb_topic
    with needs("Bokeh", "view", "the dashboard"):
        from histsvc.view.dashboard.serving import Dashboard
    dashboard = Dashboard(
        lambda: Client(kafka, *topics),
        clock,
        (options.address, options.port),
        token=_token(options.auth_token_file),
        origins=options.allow_origin,
        may=options.allow_commands,
    )
    print(dashboard.url, flush=True)
    if dashboard.is_open:
        warning = f"open to everybody who can reach {options.address}; --auth-token-file keeps others out"
        print(f"{_PROG}: {warning}", file=sys.stderr)
    stop = Stop()
    with stop.signals():
        dashboard.run(stop.requested)
    return 0


def options_parser() -> OneLineParser:
    """Make the argument parser of ``histsvc dashboard``."""
    made = parser(_PROG, "A page that shows services and histograms, live, and steers them.", level="3")
    topics = made.add_argument_group("topics")
    topics.add_argument("-hb", "--hb-topic", required=True, help="topic of heartbeats, by which all is found")
    topics.add_argument("-t", "--config-topic", default="", help="where commands go")
    topics.add_argument("-rt", "--response-topic", default="", help="where services reply")
    group = made.add_argument_group("page")
    about_commands = "let those who see the page steer the service"
    group.add_argument("--allow-commands", action="store_true", help=about_commands)
    group.add_argument("--address", default="127.0.0.1", help="on this machine, to listen on")
    group.add_argument("--port", type=at_least(0, 65_535), default=_PORT, help="0: any free one")
    about_file = "file whose first line is asked for before the page is shown"
    group.add_argument("--auth-token-file", type=Path, metavar="FILE", help=about_file)
    about_origin = "other names of this server, where a proxy stands before it"
    group.add_argument("--allow-origin", nargs="+", default=[], metavar="HOST:PORT", help=about_origin)
    return made


def _token(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        token = file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"--auth-token-file {file}: {reason}") from error
    if len(token) < _SHORTEST_TOKEN:
        least = f"its first line must have {_SHORTEST_TOKEN} characters or more"
        raise SettingsError(f"--auth-token-file {file}: {least}")
    return token
