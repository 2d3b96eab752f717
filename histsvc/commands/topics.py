"""What a config asks for, held against the brokers: which may be used, which topics there are, how large."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from histsvc.clock import Deadline
from histsvc.commands.check import data_streams
from histsvc.commands.context import Context
from histsvc.commands.steps import Steps, ask
from histsvc.errors import BrokerError, Code, CommandError, shown
from histsvc.model import Stream
from histsvc.ports import Cluster, TopicFacts
from histsvc.protocol.config import ConfigRequest

# A broker needs some ms to know a topic that another has just made.
_NEW_TOPIC_S = 0.3
# Only warnings depend on the sizes that topics allow.
_SIZES_S = 0.5


@dataclass(frozen=True)
class Topics:
    """The data topics that there are, those that are waited for, and what a user should know."""

    data: dict[Stream, TopicFacts]
    awaited: frozenset[Stream]
    warnings: list[str]


def check_brokers(request: ConfigRequest, context: Context, deadline: Deadline) -> Steps[frozenset[str]]:
    """Refuse data brokers that the service may not talk to; raises CommandError naming the field.

    Returns the names of the service's own cluster as far as they are needed.
    """
    settings = context.settings
    own = settings.kafka.brokers
    names = {broker.lower() for broker in own}
    if settings.allowed_brokers is None:
        return frozenset(names)
    allowed = names | {broker.lower() for broker in settings.allowed_brokers}
    asked = False
    for i, histogram in enumerate(request.histograms):
        for k, broker in enumerate(histogram.config.data_brokers):
            field = f"histograms[{i}].data_brokers[{k}]"
            if broker.lower() not in allowed and not asked:
                cluster = context.clusters.of(own)
                addresses = yield from ask(cluster, cluster.addresses, deadline, ", ".join(own), field)
                names |= {address.lower() for address in addresses}
                allowed |= names
                asked = True
            if broker.lower() not in allowed:
                message = f"{field}: {shown(broker)} is none of {', '.join(sorted(allowed))}"
                hint = "the service must be allowed to use it (--allow-data-brokers)"
                raise CommandError(Code.PERMISSION_DENIED, f"{message}; {hint}", field)
    return frozenset(names)


def check_topics(request: ConfigRequest, context: Context, deadline: Deadline) -> Steps[Topics]:
    """Ask the brokers about all topics.

    Raises CommandError: NOT_FOUND for a missing data topic, UNAVAILABLE for brokers that do not answer.
    """
    data: dict[Stream, TopicFacts] = {}
    outputs: dict[Stream, TopicFacts] = {}
    sizes: dict[Stream, int] = {}
    for brokers, i in _first_users(request).items():
        field = f"histograms[{i}].data_brokers"
        configs = [h.config for h in request.histograms if h.config.brokers == brokers]
        read, written = {t for c in configs for t in c.data_topics}, {c.topic for c in configs}
        found = yield from _describe(context.data.of(brokers), brokers, read, context, deadline, field)
        data.update({(brokers, topic): facts for topic, facts in found.items()})
        cluster = context.clusters.of(brokers)
        found = yield from _describe(cluster, brokers, written, context, deadline, field, new=False)
        outputs.update({(brokers, topic): facts for topic, facts in found.items()})
        known = [topic for topic, facts in found.items() if facts.partitions]
        limits = yield from _sizes(cluster, known, context, deadline)
        sizes.update({(brokers, topic): limit for topic, limit in limits.items()})
    missing = _missing(request, data, context)
    there = {stream: facts for stream, facts in data.items() if facts.partitions}
    warnings = [*missing, *_missing_outputs(request, outputs), *_too_small(request, sizes)]
    return Topics(there, frozenset(data.keys() - there.keys()), warnings)


def _describe(
    cluster: Cluster,
    brokers: tuple[str, ...],
    topics: Iterable[str],
    context: Context,
    deadline: Deadline,
    field: str,
    *,
    new: bool = True,
) -> Steps[dict[str, TopicFacts]]:
    """Ask one cluster about topics; with `new` a missing one may have been made just now."""
    wanted, whom = sorted(topics), f"{field}: {', '.join(brokers)}"
    patience = Deadline(context.clock, min(_NEW_TOPIC_S, deadline.remaining_s() / 2))
    while True:
        found = yield from ask(cluster, lambda: cluster.describe(wanted), deadline, whom, field)
        if not new or patience.expired() or all(facts.partitions for facts in found.values()):
            return found
        yield


def _sizes(
    cluster: Cluster, topics: list[str], context: Context, deadline: Deadline
) -> Steps[dict[str, int]]:
    """The largest message of each topic; of none where the broker does not tell: not everybody may."""
    answer = cluster.largest_messages(topics)
    patience = Deadline(context.clock, min(_SIZES_S, deadline.remaining_s() / 4))
    while not answer.done() and not patience.expired():
        yield
    try:
        return answer.result() if answer.done() else {}
    except BrokerError:
        return {}


def _missing(request: ConfigRequest, data: dict[Stream, TopicFacts], context: Context) -> list[str]:
    """Warnings about data topics that are waited for; raises CommandError where they are not."""
    warnings = []
    for i, k, stream in data_streams(request):
        if data[stream].partitions:
            continue
        field = f"histograms[{i}].data_topics[{k}]"
        message = f"{field}: there is no topic {stream[1]!r} on {', '.join(stream[0])}"
        if not context.settings.wait_for_topics:
            raise CommandError(Code.NOT_FOUND, message, field)
        warnings.append(f"{message} yet; it is read from its beginning once it appears")
    return warnings


def _missing_outputs(request: ConfigRequest, outputs: dict[Stream, TopicFacts]) -> list[str]:
    return [
        f"histograms[{i}].topic: there is no topic {histogram.config.topic!r} yet; the brokers may create it"
        for i, histogram in enumerate(request.histograms)
        if not outputs[histogram.config.brokers, histogram.config.topic].partitions
    ]


def _too_small(request: ConfigRequest, sizes: dict[Stream, int]) -> list[str]:
    warnings = []
    for i, histogram in enumerate(request.histograms):
        config, size = histogram.config, histogram.message_bytes
        largest = sizes.get((config.brokers, config.topic))
        if largest is not None and size > largest:
            warnings.append(
                f"histograms[{i}].topic: {config.topic!r} takes messages of at most {largest} bytes "
                f"(max.message.bytes, after compression); this histogram has about {size} "
                "before compression and may be refused"
            )
    return warnings


def _first_users(request: ConfigRequest) -> dict[tuple[str, ...], int]:
    """Every list of brokers, and the first histogram that names it."""
    first: dict[tuple[str, ...], int] = {}
    for i, histogram in enumerate(request.histograms):
        first.setdefault(histogram.config.brokers, i)
    return first
