"""What the message of a histogram says (protocol.md, section 4)."""

from __future__ import annotations

import json
import math

import pytest
from fakes import NOW_MS, config_of
from unit.bench import PULSE_NS, Bench

from histsvc.protocol.info import HistogramInfo


def test_rate_is_per_second_of_pulse_time() -> None:
    bench = Bench()
    bench.count(10)
    bench.count(10, PULSE_NS + 500_000_000)
    (info,) = bench.go(0.6)
    assert (info.sum, info.diff, info.rate) == (20, 20, 40.0)
    bench.count(30, PULSE_NS + 2_500_000_000)
    (info,) = bench.go(0.6)
    assert (info.sum, info.diff, info.rate) == (50, 30, 15.0)
    assert info.last_pulse_time == PULSE_NS + 2_500_000_000


def test_when_nothing_was_added_diff_and_rate_stay_and_the_rate_ends_after_10_s() -> None:
    bench = Bench()
    bench.count(10)
    bench.count(10, PULSE_NS + 500_000_000)
    bench.go(0.6)
    assert {(info.diff, info.rate) for info in bench.go(9)} == {(20, 40.0)}
    assert (bench.go(4)[-1].diff, bench.last.rate) == (20, 0.0)


@pytest.mark.parametrize(
    "pulses",
    [[0, 0], [PULSE_NS] * 3, [PULSE_NS, 0], [2**63 - 1, -(2**63)], [-5, 5], [PULSE_NS, PULSE_NS - 10**9, 1]],
)
def test_diff_and_rate_are_always_numbers(pulses: list[int]) -> None:
    bench = Bench()
    for pulse_ns in pulses:
        bench.count(7, pulse_ns)
        (info,) = bench.go(0.6)
        assert math.isfinite(info.rate)
        assert info.rate >= 0
        assert info.diff == 7
        assert isinstance(json.loads(info.to_json())["rate"], float)


def test_a_message_without_a_pulse_time_does_not_spoil_the_rate() -> None:
    bench = Bench()
    bench.count(10, 0)
    bench.count(10, PULSE_NS)
    bench.count(10, PULSE_NS + 1_000_000_000)
    (info,) = bench.go(0.6)
    assert info.rate == pytest.approx(30, abs=10.1)


def test_the_message_and_its_info() -> None:
    bench = Bench(id="")
    bench.count(3)
    bench.count(1, tof=-1)
    bench.go(0.6)
    draft = bench.outbox.drafts[-1]
    assert (draft.key, draft.topic, draft.schema) == (b"job/0", "histograms", "hs00")
    assert draft.time_ns == NOW_MS * 1_000_000 + 500_000_000
    info = json.loads(draft.info.to_json())
    wanted = {"id": "", "start": 5, "stop": 9, "state": "COUNTING", "last_pulse_time": PULSE_NS, "sum": 3}
    wanted |= {"first_pulse_time": PULSE_NS}
    wanted |= {"job": "job", "index": 0, "generation": 1, "epoch": 1, "config_hash": "hash", "messages": 2}
    wanted |= {"underflow": 1, "overflow": 0, "filtered": 0, "out_of_window": 0, "undecodable": 0}
    wanted |= {
        "done": {"events": [1]},
        "other_schema": 0,
        "resumed": 0,
        "lost": 0,
        "offsets": {"events": {"0": 7}},
        "lag": 3,
        "data_age_ms": 750,
    }
    assert {key: info[key] for key in wanted} == wanted
    assert set(info) - set(wanted) == {"diff", "rate", "config"}
    assert info["config"] == {
        "type": "hist1d",
        "data_brokers": ["broker:9092"],
        "data_topics": ["events"],
        "topic": "histograms",
        "tof_range": [0, 100],
        "num_bins": 10,
    }
    assert HistogramInfo.from_json(draft.info.to_json()) == draft.info


def test_a_configuration_that_is_longer_than_most_histograms_is_left_out() -> None:
    few, many = list(range(5_000)), list(range(50_000))
    told = config_of("roihist", left_edges=few).told()
    assert told is not None
    assert told["left_edges"] == few
    assert config_of("roihist", left_edges=many).told() is None
    told = config_of("hist1d", region={"left_edges": few, "width": 3.0}).told()
    assert told is not None
    assert told["region"] == {"left_edges": few, "width": 3}
    assert config_of("hist1d", region={"left_edges": many, "width": 3}).told() is None
