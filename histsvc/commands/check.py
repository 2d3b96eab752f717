"""What a config asks for, held against the limits and against what runs; no broker is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from histsvc.commands.context import Context
from histsvc.errors import Code, CommandError
from histsvc.histograms.base import HistogramConfig
from histsvc.histograms.registry import histogram_types
from histsvc.machine import memory_bytes
from histsvc.model import Stream
from histsvc.protocol.config import NUMBERS_PER_BIN, ConfigRequest
from histsvc.settings import Limits

# Counts are 9 bytes a bin, and while a histogram is published its message and the client's copy of it 16 more
# for each number in it (docs/performance.md). Processes, and events on their way, need the rest.
_COUNTS_BYTES, _PUBLISHED_BYTES = 9, 16
_SHARE = 0.75


def check_limits(request: ConfigRequest, limits: Limits) -> None:
    """Refuse what is too much, or too fine for numpy; raises CommandError naming the field."""
    if len(request.histograms) > limits.max_histograms:
        raise CommandError(
            Code.RESOURCE_EXHAUSTED,
            f"histograms: {len(request.histograms)} are more than the {limits.max_histograms} allowed "
            "(--max-histograms)",
            "histograms",
        )
    _check_topics(request, limits.max_topics)
    total = 0
    for i, histogram in enumerate(request.histograms):
        total += histogram.config.bins
        if total > limits.max_bins:
            message = (
                f"histograms[{i}]: with it {total} bins exceed the limit of {limits.max_bins} (--max-bins)"
            )
            raise CommandError(Code.RESOURCE_EXHAUSTED, message, f"histograms[{i}]")
        _check_bins(histogram.config, i)


def _check_topics(request: ConfigRequest, most: int) -> None:
    streams: set[Stream] = set()
    for i, k, stream in data_streams(request):
        streams.add(stream)
        if len(streams) > most:
            field = f"histograms[{i}].data_topics[{k}]"
            message = f"{field}: with it {len(streams)} data topics exceed the limit of {most} (--max-topics)"
            raise CommandError(Code.RESOURCE_EXHAUSTED, message, field)


def check_memory(request: ConfigRequest, context: Context) -> None:
    """Refuse what would not fit beside all that runs: what is replaced is there until the new one begins.

    Raises CommandError, before anything is allocated.
    """
    mb = context.settings.limits.max_memory_mb
    limit = mb * 1_000_000 if mb else int(memory_bytes() * _SHARE)
    running = sum(_bytes(config, schema) for config, schema in _running(context))
    needed = running
    for i, histogram in enumerate(request.histograms):
        needed += _bytes(histogram.config, histogram.output_schema)
        if needed > limit:
            need_mb, running_mb, limit_mb = (size // 1_000_000 for size in (needed, running, limit))
            what = f"with it histograms need {need_mb} MB, of which {running_mb} run already"
            message = f"histograms[{i}]: {what}; the limit is {limit_mb} MB (--max-memory-mb)"
            raise CommandError(Code.RESOURCE_EXHAUSTED, message, f"histograms[{i}]")


def _bytes(config: HistogramConfig, output_schema: str) -> int:
    bins_bytes = config.bins * (_COUNTS_BYTES + _PUBLISHED_BYTES * NUMBERS_PER_BIN[output_schema])
    return bins_bytes + config.table_bytes


def _check_bins(config: HistogramConfig, i: int) -> None:
    try:
        config.check()
    except ValueError as error:
        key, reason = error.args
        field = f"histograms[{i}].{key}"
        raise CommandError(Code.INVALID_ARGUMENT, f"{field}: {reason}", field) from error


def check_loops(request: ConfigRequest, context: Context, own: Collection[str], *, beside: bool) -> None:
    """Refuse data topics that the service itself writes to; brokers in common make it the same cluster.

    `own` are the names of the service's brokers. `beside`: what runs goes on, so that it is looked at, too.
    """
    written = _Places()
    for topic in context.own_topics:
        written.put(own, topic, "a topic of the service itself")
    for i, histogram in enumerate(request.histograms):
        config = histogram.config
        written.put(config.brokers, config.topic, f"the output topic of histograms[{i}]")
    read = _Places()
    for running, _ in _running(context) if beside else ():
        name = f"the running histogram {running.id!r}"
        written.put(running.brokers, running.topic, f"the output topic of {name}")
        for topic in running.data_topics:
            read.put(running.brokers, topic, f"a data topic of {name}")
    for i, k, (brokers, topic) in data_streams(request):
        _refuse(written.what(brokers, topic), topic, f"histograms[{i}].data_topics[{k}]", "a data topic")
    for i, histogram in enumerate(request.histograms):
        config = histogram.config
        what = read.what(config.brokers, config.topic)
        _refuse(what, config.topic, f"histograms[{i}].topic", "an output topic")


class _Places:
    """Topics, and what each is to somebody."""

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[set[str], str]]] = {}

    def put(self, brokers: Collection[str], topic: str, what: str) -> None:
        self._known.setdefault(topic, []).append(({broker.lower() for broker in brokers}, what))

    def what(self, brokers: Collection[str], topic: str) -> str | None:
        for others, what in self._known.get(topic, ()):
            if not others.isdisjoint(broker.lower() for broker in brokers):
                return what
        return None


def _refuse(what: str | None, topic: str, field: str, role: str) -> None:
    if what is not None:
        message = f"{field}: {topic!r} is {what}; it cannot be {role} as well"
        raise CommandError(Code.INVALID_ARGUMENT, message, field)


def _running(context: Context) -> list[tuple[HistogramConfig, str]]:
    """The configuration and the output schema of all that runs."""
    types = histogram_types()
    return [
        (types[spec.config["type"]].model_validate(dict(spec.config)), spec.output_schema)
        for job in context.supervisor.jobs.values()
        for spec in job.histograms
    ]


def data_streams(request: ConfigRequest) -> Iterator[tuple[int, int, Stream]]:
    """Every data topic: the index of its histogram, its own index there, and the stream."""
    for i, histogram in enumerate(request.histograms):
        for k, topic in enumerate(histogram.config.data_topics):
            yield i, k, (histogram.config.brokers, topic)
