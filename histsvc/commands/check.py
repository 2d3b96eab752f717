"""What a config asks for, held against limits and brokers before anything that runs is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.steps import Steps, ask
from histsvc.errors import Code, CommandError
from histsvc.histograms.base import HistogramConfig
from histsvc.jobs.plan import Stream
from histsvc.ports import TopicFacts
from histsvc.protocol.commands import ConfigRequest
from histsvc.settings import Limits


def check_limits(request: ConfigRequest, limits: Limits) -> None:
    """Refuse what is too much, or too fine for numpy; raises CommandError naming the field."""
    if len(request.histograms) > limits.max_histograms:
        raise CommandError(
            Code.RESOURCE_EXHAUSTED,
            f"histograms: {len(request.histograms)} are more than the {limits.max_histograms} allowed "
            "(--max-histograms)",
            "histograms",
        )
    for i, histogram in enumerate(request.histograms):
        config = histogram.config
        if config.bins > limits.max_bins:
            raise CommandError(
                Code.RESOURCE_EXHAUSTED,
                f"histograms[{i}]: {config.bins} bins exceed the limit of {limits.max_bins} (--max-bins)",
                f"histograms[{i}]",
            )
        _check_axes(config, i)


def _check_axes(config: HistogramConfig, i: int) -> None:
    try:
        config.axes()
    except ValueError as error:
        key, reason = error.args
        field = f"histograms[{i}].{key}"
        raise CommandError(Code.INVALID_ARGUMENT, f"{field}: {reason}", field) from error


def check_loops(request: ConfigRequest, context: Context) -> None:
    """Refuse data topics that the service itself writes to; brokers in common make it the same cluster."""
    written: dict[str, list[tuple[set[str], str]]] = {}
    for topic in context.own_topics:
        written.setdefault(topic, []).append((set(context.own_brokers), "a topic of the service itself"))
    for i, histogram in enumerate(request.histograms):
        output = (set(histogram.config.brokers), f"the output topic of histograms[{i}]")
        written.setdefault(histogram.config.topic, []).append(output)
    for i, k, (brokers, topic) in _data_streams(request):
        for others, what in written.get(topic, ()):
            if not others.isdisjoint(brokers):
                field = f"histograms[{i}].data_topics[{k}]"
                reason = f"{topic!r} is {what}; it cannot be a data topic as well"
                raise CommandError(Code.INVALID_ARGUMENT, f"{field}: {reason}", field)


def check_topics(
    request: ConfigRequest, context: Context, deadline: Deadline
) -> Steps[tuple[dict[Stream, TopicFacts], list[str]]]:
    """Ask the brokers about all topics; returns the facts of the data topics, and warnings.

    Raises CommandError: NOT_FOUND for a missing data topic, UNAVAILABLE for brokers that do not answer.
    """
    facts: dict[Stream, TopicFacts] = {}
    for brokers, i in _first_users(request).items():
        topics = _topics_on(brokers, request)
        cluster = context.clusters.of(brokers)
        field = f"histograms[{i}].data_brokers"
        try:
            answer = yield from ask(lambda c=cluster, t=topics: c.describe(t), deadline, field, field)  # type: ignore[misc]
        except CommandError as error:
            reason = cluster.trouble
            hint = f" ({reason})" if reason and reason not in error.message else ""
            raise CommandError(
                error.code, f"{field}: {', '.join(brokers)}: {error.message}{hint}", field
            ) from error
        facts.update({(brokers, topic): found for topic, found in answer.items()})
    for i, k, stream in _data_streams(request):
        if not facts[stream].partitions:
            field = f"histograms[{i}].data_topics[{k}]"
            raise CommandError(
                Code.NOT_FOUND, f"{field}: there is no topic {stream[1]!r} on {', '.join(stream[0])}", field
            )
    return facts, _missing_outputs(request, facts)


def _missing_outputs(request: ConfigRequest, facts: Mapping[Stream, TopicFacts]) -> list[str]:
    return [
        f"histograms[{i}].topic: there is no topic {histogram.config.topic!r} yet; the brokers may create it"
        for i, histogram in enumerate(request.histograms)
        if not facts[histogram.config.brokers, histogram.config.topic].partitions
    ]


def _data_streams(request: ConfigRequest) -> Iterator[tuple[int, int, Stream]]:
    for i, histogram in enumerate(request.histograms):
        for k, topic in enumerate(histogram.config.data_topics):
            yield i, k, (histogram.config.brokers, topic)


def _first_users(request: ConfigRequest) -> dict[tuple[str, ...], int]:
    """Every list of brokers, and the first histogram that names it."""
    first: dict[tuple[str, ...], int] = {}
    for i, histogram in enumerate(request.histograms):
        first.setdefault(histogram.config.brokers, i)
    return first


def _topics_on(brokers: tuple[str, ...], request: ConfigRequest) -> Sequence[str]:
    configs = [h.config for h in request.histograms if h.config.brokers == brokers]
    return sorted({topic for config in configs for topic in (*config.data_topics, config.topic)})
