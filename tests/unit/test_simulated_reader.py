"""The reader of virtual logs: as a reader of partitions, and the same bytes whenever they are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from fakes import NOW_MS, Row
from unit.simulated_bench import NOW, ReaderBench, start, wish

from histsvc.model import RawMessages

BOTH = ["events", "more"]


def rows(reads: Sequence[RawMessages]) -> list[Row]:
    return [
        (*where, payload)
        for read in reads
        for *where, payload in zip(
            read.slot.tolist(), read.offset.tolist(), read.timestamp_ms.tolist(), read.payload, strict=True
        )
    ]


def test_messages_have_ascending_offsets_and_times_up_to_now() -> None:
    bench = ReaderBench()
    bench.reader.assign([start(NOW - 250)])
    reads = bench.read_all()
    assert [(slot, offset, time_ms) for slot, offset, time_ms, _ in rows(reads)] == [
        (0, offset, offset * 20) for offset in range(NOW - 250, NOW)
    ]
    assert [len(read.payload) for read in reads] == [100, 100, 50]
    assert [read.ends for read in reads] == [{}, {}, {0: NOW}]
    assert not bench.waits


@pytest.mark.parametrize("cuts", [[0, 50, 50, 120], [119], range(120)])
def test_any_part_is_the_same_whenever_and_in_whatever_pieces_it_is_read(cuts: Sequence[int]) -> None:
    histograms = [wish("hist1d"), wish("dethist", source="a"), wish("hist1d", ["da00"]), wish("roihist")]
    whole = ReaderBench(*histograms)
    whole.reader.assign([start(NOW - 120)])
    expected = rows(whole.read_all())
    pieces = ReaderBench(*histograms, now_ms=NOW_MS + 3_600_000)
    for cut in cuts:
        pieces.reader.assign([start(NOW - 120 + cut)])
        assert rows([pieces.reader.read(0)])[: 120 - cut] == expected[cut:][:100]
    assert len({payload for *_, payload in expected}) == 120


def test_topics_differ() -> None:
    bench = ReaderBench(wish("hist1d", data_topics=BOTH))
    bench.reader.assign([start(NOW - 1), start(NOW - 1, "more")])
    (one, other) = rows(bench.read_all(2))
    assert one[:3] == (0, NOW - 1, NOW_MS)
    assert other[:3] == (1, NOW - 1, NOW_MS)
    assert one[3] != other[3]


def test_a_message_is_made_for_the_histograms_that_read_its_topic() -> None:
    bench = ReaderBench(
        wish("hist1d", source="a"),
        wish("hist1d", source="b", data_topics=BOTH),
        wish("hist1d", source="c", data_brokers=["elsewhere:9092"]),
    )
    bench.reader.assign([start(NOW - 20), start(NOW - 20, "more")])
    found = Counter((slot, source) for slot, *_, value in rows(bench.read_all(2)) for source in _named(value))
    assert found == {(0, b"a"): 10, (0, b"b"): 10, (1, b"b"): 20}


def _named(payload: bytes) -> list[bytes]:
    # A name lies in the message behind its length.
    return [name for name in (b"a", b"b", b"c") if b"\1\0\0\0" + name + b"\0" in payload]


def test_no_slot_waits_for_one_that_is_far_behind() -> None:
    bench = ReaderBench(wish("hist1d", data_topics=["events", "more", "third"]))
    bench.reader.assign([start(NOW - 10_000), start(NOW - 60, "more"), start(NOW - 60, "third")])
    shares = [Counter(bench.reader.read(0).slot.tolist()) for _ in range(3)]
    assert shares[0] == {0: 33, 1: 33, 2: 33}
    assert shares[1] == {0: 33, 1: 27, 2: 27}
    assert shares[2] == {0: 100}


def test_more_slots_than_messages_of_a_read_take_turns() -> None:
    topics = [f"t{i}" for i in range(150)]
    bench = ReaderBench(wish("hist1d", data_topics=topics))
    bench.reader.assign([start(NOW - 2, topic) for topic in topics])
    reads = [bench.reader.read(0) for _ in range(3)]
    assert [read.slot.tolist() for read in reads] == [
        [*range(100)],
        [*range(100, 150), *range(50)],
        [*range(50, 150)],
    ]


def test_large_messages_come_in_small_reads() -> None:
    bench = ReaderBench(wish("hist1d", ["da00"], tof_range=[0, 71e6], num_bins=100_000))
    bench.reader.assign([start(NOW - 5)])
    assert [len(read.payload) for read in bench.read_all()] == [2, 2, 1]


def test_it_waits_for_the_next_message_but_not_longer_than_it_may() -> None:
    bench = ReaderBench(now_ms=NOW_MS + 5)
    bench.reader.assign([start(NOW)])
    assert bench.reader.read(0.01).payload == []
    read = bench.reader.read(0.01)
    assert read.timestamp_ms.tolist() == [NOW_MS + 20]
    assert read.ends == {0: NOW + 1}
    assert bench.waits == [0.01, 0.005]
    assert bench.reader.read(0).ends == {0: NOW + 1}
    assert len(bench.waits) == 2


def test_a_start_in_the_future_is_waited_for() -> None:
    bench = ReaderBench()
    bench.reader.assign([start(NOW + 1)])
    assert bench.reader.read(1.0).payload == []
    assert bench.reader.read(1.0).offset.tolist() == [NOW + 1]
    assert bench.waits == [0.02, 0.02]


def test_what_is_older_than_the_log_is_kept_is_still_read() -> None:
    bench = ReaderBench()
    bench.reader.assign([start(0)])
    assert bench.reader.read(0).offset.tolist() == list(range(100))


def test_extend_drop_ends_release() -> None:
    bench = ReaderBench(wish("hist1d", data_topics=[*BOTH, "third"]))
    bench.reader.assign([start(NOW - 1)])
    bench.reader.extend([start(NOW - 1, "more")])
    bench.reader.drop([0, 7])
    bench.reader.extend([start(NOW - 2, "third")])
    assert bench.reader.ends() == {1: NOW, 2: NOW}
    assert [row[:2] for row in rows(bench.read_all(2))] == [(1, NOW - 1), (2, NOW - 2), (2, NOW - 1)]
    bench.reader.release()
    assert bench.reader.ends() == {}
    assert bench.reader.read(1.0).payload == []
    bench.reader.assign([start(NOW - 1, "more")])
    assert bench.reader.ends() == {0: NOW + 1}


def test_a_topic_that_no_histogram_reads_has_empty_messages() -> None:
    bench = ReaderBench()
    bench.reader.assign([start(NOW - 2, "another")])
    assert [payload for *_, payload in rows(bench.read_all())] == [b"", b""]
