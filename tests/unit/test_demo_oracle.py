"""The oracle of the demo finds whatever is wrong."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from unit.shown import pixels, shown, tof

from histsvc.cli.demo.oracle import Oracle
from histsvc.client import Histogram
from histsvc.wire import ev44

CONFIG: dict[str, Any] = {
    "type": "dethist",
    "id": "image",
    "source": "detector",
    "det_range": [1, 6],
    "width": 3,
    "height": 2,
}


class Taking:
    """A producer that takes what it is told to take."""

    delivered = failed = 0
    failure = None

    def __init__(self) -> None:
        self.takes = True
        self.flushed = 0

    def produce(self, topic: str, payload: bytes, timestamp_ms: int, **_: object) -> bool:
        return self.takes

    def flush(self, patience_s: Callable[[], float]) -> None:
        self.flushed += 1


def oracle(*configs: dict[str, Any]) -> tuple[Oracle, Taking]:
    producer = Taking()
    made = Oracle(producer)
    made.add(configs or [CONFIG])
    return made, producer


def send(to: Oracle, pixel_id: list[int], source: str = "detector") -> None:
    payload = ev44.serialise(source, 1, 1, np.arange(len(pixel_id)) * 100, pixel_id)
    to.produce("events", payload, 1, partition=0, give_up=lambda: False)


def published(counts: list[list[int]], **info: Any) -> Histogram:
    return shown(np.array(counts, np.float64), (pixels(3), pixels(2, "y")), name="image", **info)


def test_what_numpy_makes_of_the_events_is_exact() -> None:
    judge, _ = oracle()
    send(judge, [1, 2, 2, 6])
    exact, lines = judge.verdict({"image": published([[1, 0], [2, 0], [0, 1]])}, {})
    assert exact
    assert lines == ["image              4 expected            4 counted            4 accounted  exact"]
    assert len(lines[0]) <= 80


@pytest.mark.parametrize(
    "counts",
    [
        [[1, 0], [2, 0], [0, 0]],  # one event is missing
        [[1, 0], [1, 1], [0, 1]],  # one event is in the wrong bin
        [[1, 0], [2, 0], [0, 2]],  # one event was counted twice
    ],
)
def test_a_single_wrong_bin_is_found(counts: list[list[int]]) -> None:
    judge, _ = oracle()
    send(judge, [1, 2, 2, 6])
    exact, (line,) = judge.verdict({"image": published(counts)}, {})
    assert not exact
    assert line.endswith("WRONG")


def test_events_that_are_not_accounted_for_are_found() -> None:
    judge, _ = oracle()
    send(judge, [1])
    send(judge, [1, 2, 3], source="monitor")
    counts = [[1, 0], [0, 0], [0, 0]]
    assert judge.verdict({"image": published(counts, filtered=3)}, {})[0]
    assert not judge.verdict({"image": published(counts, filtered=2)}, {})[0]
    assert not judge.verdict({"image": published(counts)}, {})[0]


def test_what_was_never_published_is_not_exact() -> None:
    judge, _ = oracle()
    send(judge, [1])
    assert judge.verdict({}, {}) == (False, ["image    was never published as FINISHED"])


def test_what_others_have_changed_is_not_judged_and_the_rest_is() -> None:
    judge, _ = oracle(CONFIG, {**CONFIG, "id": "other"})
    send(judge, [1])
    right, wrong = published([[1, 0], [0, 0], [0, 0]]), published([[0, 0], [0, 0], [0, 0]])
    exact, lines = judge.verdict({"image": wrong, "other": right}, {"image": "reset_counts"})
    assert exact
    assert lines[0] == "image    changed from the page (reset_counts): not judged"
    assert lines[1].endswith("exact")
    assert judge.verdict({"other": right}, {"image": "stop"})[0]
    exact, lines = judge.verdict({"image": right, "other": wrong}, {"image": "reset_counts"})
    assert not exact
    assert lines[1].endswith("WRONG")
    assert judge.verdict({}, {"image": "stop", "other": "stop"})[0]


def test_without_events_nothing_is_proved() -> None:
    judge, _ = oracle()
    assert not judge.verdict({"image": published([[0, 0], [0, 0], [0, 0]])}, {})[0]


def test_only_what_was_taken_is_expected() -> None:
    judge, producer = oracle()
    send(judge, [1])
    producer.takes = False
    send(judge, [1, 1, 1])
    assert judge.events == 1
    assert judge.verdict({"image": published([[1, 0], [0, 0], [0, 0]])}, {})[0]


def test_a_histogram_counts_from_when_it_was_added_or_reset() -> None:
    late = CONFIG | {"id": "late"}
    judge, _ = oracle()
    send(judge, [1])
    judge.add([late])
    send(judge, [1])
    judge.expected["image"].clear()
    send(judge, [6])
    last = published([[0, 0], [0, 0], [0, 1]])
    both = published([[1, 0], [0, 0], [0, 1]])
    assert judge.verdict({"image": last, "late": both}, {})[0]
    assert not judge.verdict({"image": last, "late": last}, {})[0]


def test_nothing_is_sent_while_the_oracle_is_held() -> None:
    judge, producer = oracle()
    with ThreadPoolExecutor(1) as pool:
        with judge.held():
            assert producer.flushed == 1
            sending = pool.submit(send, judge, [1])
            with pytest.raises(TimeoutError):
                sending.result(timeout=0.1)
            assert judge.events == 0
        sending.result(timeout=10)
    assert judge.events == 1


def test_spectra_maps_and_regions_are_expected_as_numpy_makes_them() -> None:
    spectrum = {"type": "hist1d", "id": "a", "source": "detector", "tof_range": [0, 400], "num_bins": 4}
    both = {
        "type": "hist2d", "id": "b", "source": "detector", "tof_range": [0, 400], "det_range": [1, 3],
        "num_bins": [2, 2],
    }  # fmt: skip
    region = {"type": "roihist", "id": "c", "source": "detector", "left_edges": [1, 5], "width": 2}
    judge, _ = oracle(spectrum, both, region)
    send(judge, [1, 2, 6, 6])
    found = {name: expected.counts.tolist() for name, expected in judge.expected.items()}
    assert found == {"a": [1, 1, 1, 1], "b": [[1, 1], [0, 0]], "c": [[1, 0], [1, 2]]}
    judge.expected["c"].clear()
    send(judge, [1])  # nothing of it is behind the first row of the region
    assert judge.expected["c"].counts.tolist() == [[1, 0], [0, 0]]
    judge.expected["a"].clear()
    send(judge, [1, 2, 6, 6])
    right = shown(np.ones(4), (tof(4, 400),), name="a")
    assert judge.verdict({"a": right}, {})[1][0].endswith("exact")
    assert judge.verdict({"a": replace(right, counts=np.array([1, 1, 2, 0]))}, {})[1][0].endswith("WRONG")
