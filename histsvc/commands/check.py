"""What a config asks for, held against limits and brokers before anything that runs is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.steps import Steps, ask
from histsvc.errors import Code, CommandError
from histsvc.histograms.base import HistogramConfig
from histsvc.model import Stream
from histsvc.ports import TopicFacts
from histsvc.protocol.commands import ConfigRequest
from histsvc.settings import Limits

# A broker needs some ms to know a topic that another has just made.
_NEW_TOPIC_S = 0.3


def check_limits(request: ConfigRequest, limits: Limits) -> None:
    """Refuse what is too much, or too fine for numpy; raises CommandError naming the field."""
    if len(request.histograms) > limits.max_histograms:
        raise CommandError(
            Code.RESOURCE_EXHAUSTED,
            f"histograms: {len(request.histograms)} are more than the {limits.max_histograms} allowed "
            "(--max-histograms)",
            "histograms",
        )
    total = 0
    for i, histogram in enumerate(request.histograms):
        total += histogram.config.bins
        if total > limits.max_bins:
            message = (
                f"histograms[{i}]: with it {total} bins exceed the limit of {limits.max_bins} (--max-bins)"
            )
            raise CommandError(Code.RESOURCE_EXHAUSTED, message, f"histograms[{i}]")
        _check_bins(histogram.config, i)


def _check_bins(config: HistogramConfig, i: int) -> None:
    try:
        config.check()
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
        described = yield from _describe(brokers, request, context, deadline, f"histograms[{i}].data_brokers")
        facts.update({(brokers, topic): found for topic, found in described.items()})
    for i, k, stream in _data_streams(request):
        if not facts[stream].partitions:
            field = f"histograms[{i}].data_topics[{k}]"
            raise CommandError(
                Code.NOT_FOUND, f"{field}: there is no topic {stream[1]!r} on {', '.join(stream[0])}", field
            )
    return facts, _missing_outputs(request, facts)


def _describe(
    brokers: tuple[str, ...], request: ConfigRequest, context: Context, deadline: Deadline, field: str
) -> Steps[dict[str, TopicFacts]]:
    """Ask one cluster about its topics; a data topic that is missing may have been made just now."""
    cluster = context.clusters.of(brokers)
    configs = [h.config for h in request.histograms if h.config.brokers == brokers]
    needed = {topic for config in configs for topic in config.data_topics}
    topics = sorted(needed | {config.topic for config in configs})
    patience = Deadline(context.clock, min(_NEW_TOPIC_S, deadline.remaining_s() / 2))
    while True:
        try:
            found = yield from ask(lambda: cluster.describe(topics), deadline, field, field)
        except CommandError as error:
            reason = cluster.trouble
            hint = f" ({reason})" if reason and reason not in error.message else ""
            message = f"{field}: {', '.join(brokers)}: {error.message.removeprefix(f'{field}: ')}{hint}"
            raise CommandError(error.code, message, field) from error
        if patience.expired() or all(found[topic].partitions for topic in needed):
            return found
        yield


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
