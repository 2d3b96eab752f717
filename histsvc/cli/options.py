"""The options of the sub-commands, from file < environment < arguments.

Every option ``--some-option`` is also the environment variable ``HISTSVC_SOME_OPTION`` and the key
``some-option`` of the configuration file given with ``-c``. An empty variable counts as not set. The file
may have options of the service that a tool does not know, so that both can share it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from histsvc.cli.one_line import OneLineParser
from histsvc.settings import Limits, ServiceSettings, WorkerSettings

_PREFIX = "HISTSVC_"
# Whatever is counted, or waited for in ms: it fits 64 bits, and with a day no timer has trouble.
_MOST = (1 << 63) - 1
_DAY_MS = 24 * 3600 * 1000


def at_least(minimum: int, most: int = _MOST) -> Callable[[str], int]:
    """Make an argument type: a whole number that is no smaller than `minimum` and no larger than `most`."""

    def whole_number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < minimum:
            raise argparse.ArgumentTypeError(f"{value} is less than {minimum}")
        if value > most:
            raise argparse.ArgumentTypeError(f"{value} is more than {most}")
        return value

    return whole_number


def not_negative(text: str) -> float:
    """An argument type: a finite number from 0 up."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 up")
    return value


def parser(
    prog: str, description: str, log_level: tuple[str, ...] = ("-l", "--log-level"), level: str = "2"
) -> OneLineParser:
    """Make an argument parser with the options that every sub-command that talks to Kafka has."""
    made = OneLineParser(
        prog=prog,
        description=description,
        auto_env_var_prefix=_PREFIX,
        also_known=lambda: service_parser(prog).keys,
    )
    made.add_argument(
        "-c",
        "--config-file",
        is_config_file=True,
        env_var=f"{_PREFIX}CONFIG_FILE",
        help="file with `option = value` lines",
    )
    made.add_argument("-b", "--brokers", nargs="+", required=True, metavar="HOST:PORT", help="Kafka brokers")
    made.add_argument(*log_level, default=level, help="1 (debug) to 5 (critical), or a name")
    group = made.add_argument_group("security", "passed through to every Kafka client")
    group.add_argument("--security-protocol", help="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
    group.add_argument("--sasl-mechanism", help="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
    group.add_argument("--sasl-username")
    password = group.add_mutually_exclusive_group()
    password.add_argument("--sasl-password", help="seen in `ps` for a moment: prefer --sasl-password-file")
    password.add_argument("--sasl-password-file", help="file whose first line is the password")
    group.add_argument("--ssl-cafile", help="PEM file of the certificate authority")
    group.add_argument("--ssl-certfile", help="PEM file of the client's certificate")
    group.add_argument("--ssl-keyfile", help="PEM file of the client's key")
    return made


def service_parser(prog: str) -> OneLineParser:
    """Make the argument parser of ``histsvc serve``."""
    made = parser(prog, "Read commands and events from Kafka, publish histograms.")
    topics = made.add_argument_group("topics")
    topics.add_argument("-t", "--config-topic", required=True, help="where commands come from")
    topics.add_argument("-hb", "--hb-topic", help="where the heartbeat goes")
    topics.add_argument("-rt", "--response-topic", help="where replies to commands go")
    about_state = "where it is kept what runs; made if it is missing"
    topics.add_argument("--state-topic", metavar="TOPIC", help=about_state)
    about_resume = "go on with what ran when the service was killed (--state-topic)"
    topics.add_argument("--resume", action="store_true", help=about_resume)
    _add_timing(made.add_argument_group("timing, in ms"))
    _add_data(made.add_argument_group("data"))
    _add_output(made.add_argument_group("output"))
    _add_more(made.add_argument_group("more"))
    return made


def _add_timing(group: argparse._ArgumentGroup) -> None:
    option, worker = group.add_argument, WorkerSettings
    option("--heartbeat-interval", type=at_least(1, _DAY_MS), default=ServiceSettings.heartbeat_interval_ms)
    option("--publish-interval", type=at_least(1, _DAY_MS), default=worker.publish_interval_ms)
    about_timeout = "for each command's reply"
    default_ms = ServiceSettings.command_timeout_ms
    option("--command-timeout", type=at_least(1, _DAY_MS), default=default_ms, help=about_timeout)
    about_worker = (
        "after which a worker process is replaced that says nothing, or does not read what there is"
    )
    option("--worker-timeout", type=at_least(2000, _DAY_MS), default=worker.timeout_ms, help=about_worker)
    about_leeway = "how far sources on one partition may be out of step at stop"
    option("--stop-leeway", type=at_least(0, _DAY_MS), default=worker.stop_leeway_ms, help=about_leeway)


def _add_data(group: argparse._ArgumentGroup) -> None:
    option = group.add_argument
    about_simulation = "read no data topics: make events up that fit each histogram"
    option("-s", "--simulation-mode", action="store_true", help=about_simulation)
    about_missing = "what a config does about a data topic that does not exist"
    option("--missing-topics", choices=["error", "wait"], default="error", help=about_missing)
    about_loss = "what becomes of a histogram of which messages were removed before they were read"
    option(
        "--on-data-loss", choices=["error", "continue"], default=WorkerSettings.on_data_loss, help=about_loss
    )
    about_allow = (
        "may be named in `data_brokers` beside those of -b and what their cluster advertises; any: all may"
    )
    option("--allow-data-brokers", nargs="+", metavar="HOST:PORT", help=about_allow)


def _add_output(group: argparse._ArgumentGroup) -> None:
    option, worker = group.add_argument, WorkerSettings
    option("--source-name", default=worker.source_name, help="`source` of the published histograms")
    about_dtype = "of the published counts; int: the smallest integer that fits"
    option("--output-dtype", choices=["float64", "int"], default=worker.output_dtype, help=about_dtype)
    compressions = ["none", "gzip", "snappy", "lz4", "zstd"]
    option("--compression", choices=compressions, default=worker.compression)
    default_schema = ServiceSettings.heartbeat_schema
    option("--heartbeat-schema", choices=["json", "x5f2"], default=default_schema)
    about_graphite = "JSON file with address, port, prefix and metric of a Graphite server"
    option("-g", "--graphite-config-file", metavar="FILE", help=about_graphite)
    about_metrics = "of /metrics for Prometheus, /healthz and /readyz; 0: any free one"
    option("--metrics-port", type=at_least(0, 65_535), metavar="PORT", help=about_metrics)
    option("--metrics-address", default="127.0.0.1", metavar="ADDRESS", help="of that port, on this machine")


def _add_more(group: argparse._ArgumentGroup) -> None:
    option = group.add_argument
    option("--log-format", choices=["text", "json"], default=WorkerSettings.log_format)
    option("--service-id", default="", help="commands with another `target` are ignored")
    option("--workers", type=at_least(0), default=0, help="that read; 0: as many as cores")
    about_most = "worker processes that may count at once, with those of `add`; at least --workers may"
    option("--max-workers", type=at_least(1), default=Limits.max_workers, help=about_most)
    option("--max-bins", type=at_least(1), default=Limits.max_bins, help="of all histograms of one config")
    about_memory = "of all histograms, those that run included; 0: 75 %% of what there is"
    option("--max-memory-mb", type=at_least(0), default=Limits.max_memory_mb, help=about_memory)
    about_command = "largest command"
    option("--max-command-bytes", type=at_least(1), default=Limits.max_command_bytes, help=about_command)
    option("--max-topics", type=at_least(1), default=Limits.max_topics, help="data topics of one config")
    option("--max-histograms", type=at_least(1), default=Limits.max_histograms, help="of one config")
