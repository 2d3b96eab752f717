"""Row 4: the histograms of a whole instrument, 14 over 10 topics that are filled alike."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from examples import command
from service_process import Service

from benchmarks.bench import Bench
from benchmarks.data import Events, Filled, Shape, beginning, fill, remove
from benchmarks.finding import Finding
from benchmarks.pairs import Run, interleaved
from benchmarks.rates import DISCARD, NAIVE
from benchmarks.sides import Counted, Yardsticks

_SHAPE = Shape("compact", 1_000)
_MEGABYTES, _QUICK_MEGABYTES = 600, 8
# The usual way is so slow that it reads so many times fewer messages; rates are compared, not times.
_NAIVE_PART = 200
_SERVICE = "histsvc"


def findings(bench: Bench) -> Iterator[Finding]:
    """Beside as many processes that drop everything, and beside a process for each histogram."""
    histograms = command("loki.json")["histograms"]
    topics = filled(bench, histograms)
    with bench.service() as service, contextlib.ExitStack() as processes:
        sides = _sides(service, histograms, topics, processes)
        measured = interleaved(sides, bench.runs)
    for each in topics.values():
        remove(bench.broker, each.topic)
    events = sum(each.events for each in topics.values())
    work = "loki.json: 14 histograms, 10 topics"
    for to, part, target in ((DISCARD, 1, 0.6), (NAIVE, _NAIVE_PART, 30.0)):
        also = {
            "events_per_s": events / measured.seconds(_SERVICE).median,
            f"events_per_s_{to}": events / measured.seconds(to).median / part,
            "cpu_s_per_billion_events": measured.cpu_s(_SERVICE).median / events * 1e9,
        }
        yield Finding(4, work, f"of {to}", measured.ratio(_SERVICE, to).times(part), "", target, also=also)


def filled(bench: Bench, histograms: list[dict[str, Any]]) -> dict[str, Filled]:
    """A topic for each of the scenario, with events of its pixels and sources."""
    megabytes = _QUICK_MEGABYTES if bench.quick else _MEGABYTES
    messages = _SHAPE.messages(megabytes * 1_000_000)
    first_ms = beginning(messages)
    return {
        name: fill(bench.broker, f"bench-{name}", _SHAPE, messages, events, first_ms)
        for name, events in streams(histograms).items()
    }


def streams(histograms: Sequence[Mapping[str, Any]]) -> dict[str, Events]:
    """Which events each data topic must have so that all of them are counted, whatever counts them."""
    made: dict[str, Events] = {}
    for name in sorted({histogram["data_topics"][0] for histogram in histograms}):
        mine = [histogram for histogram in histograms if histogram["data_topics"] == [name]]
        first, last = mine[0]["det_range"]
        sources = tuple(histogram["source"] or "bank" for histogram in mine)
        made[name] = Events(max(first, 1), last - max(first, 1) + 1, sources)
    return made


def counted(
    service: Service, histograms: list[dict[str, Any]], topics: Mapping[str, Filled]
) -> tuple[Counted, list[dict[str, Any]]]:
    """The service that counts all of that, and what it is told to count."""
    configs = [{**each, "data_topics": [topics[each["data_topics"][0]].topic]} for each in histograms]
    expected = {each["id"]: topics[each["data_topics"][0]].counts(each) for each in histograms}
    return Counted(service, next(iter(topics.values())).window, configs, expected), configs


def _sides(
    service: Service,
    histograms: list[dict[str, Any]],
    topics: Mapping[str, Filled],
    processes: contextlib.ExitStack,
) -> dict[str, Callable[[], Run]]:
    counting, configs = counted(service, histograms, topics)
    names, one = [each.topic for each in topics.values()], next(iter(topics.values()))
    workers = os.cpu_count() or 1
    dealt = [names[number::workers] for number in range(workers)]
    single = [[json.dumps(each)] for each in configs]
    return {
        DISCARD: processes.enter_context(Yardsticks(DISCARD, service.bootstrap, one.messages + 1, dealt)),
        _SERVICE: counting,
        NAIVE: processes.enter_context(
            Yardsticks(NAIVE, service.bootstrap, one.messages // _NAIVE_PART, single)
        ),
    }
