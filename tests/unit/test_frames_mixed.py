"""Reads in which frames and events come together: every event is in exactly one place."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import NOW_MS, config_of, event_message, raw, tally_of
from unit.frame_bench import BAD, EDGES, Path, counts, frame, ones

from histsvc.model import Tally
from histsvc.wire import EVENT_LAYOUTS, FRAME_DESERIALISERS
from histsvc.worker.read import Decoder

OTHER = b"\x08\0\0\0f144" + bytes(9)


def mixed(draw: np.random.Generator, number: int) -> tuple[list[bytes], int]:
    """Messages of every kind, shuffled, and how many events the good ones of them have."""
    made: list[bytes] = []
    events = 0
    for _ in range(number):
        signal = draw.integers(0, 50, 10)
        edges = EDGES + draw.choice([0, 0, -35, 250, 3.3])
        tof = draw.integers(-50, 150, draw.integers(1, 9))
        source = str(draw.choice(["monitor", "x"]))
        made += [frame(signal, edges, source), event_message("ev44", tof, np.ones(tof.size), source)]
        events += int(signal.sum()) + tof.size
    bad = [*BAD, OTHER, b"", event_message("ev44", [1], [1, 2])]
    everything = [*made, *bad]
    return [everything[i] for i in draw.permutation(len(everything))], events


@pytest.mark.parametrize("seed", range(5))
def test_every_event_of_a_mixed_read_is_in_exactly_one_place(seed: int) -> None:
    messages, events = mixed(np.random.default_rng(seed), 20)
    path = Path(config_of("hist1d", source="monitor"), config_of("hist1d"), config_of("dethist"))
    path.take(*messages, outside=range(0, len(messages), 3))
    for filling in path.fillings[:2]:
        tally = filling.accumulator.tally
        places = (Tally.COUNTED, Tally.UNDERFLOW, Tally.OVERFLOW, Tally.FILTERED, Tally.OUT_OF_WINDOW)
        assert sum(int(tally[place]) for place in places) == events
        assert sum(counts(filling)) == tally[Tally.COUNTED] > 0
        assert (tally[Tally.MESSAGES], tally[Tally.OTHER_SCHEMA]) == (len(messages), 1)
        assert tally[Tally.UNDECODABLE] == len(BAD) + 2
    detector = tally_of(path.fillings[2])
    # Frames do not fit it: they are of a schema that carries no events for it, the broken ones too.
    assert (detector["messages"], detector["other_schema"]) == (len(messages), 20 + len(BAD) + 1)
    assert detector["undecodable"] == 2


@pytest.mark.parametrize("seed", range(3))
def test_how_messages_are_cut_into_reads_changes_nothing(seed: int) -> None:
    messages, _ = mixed(np.random.default_rng(seed), 10)
    whole, cut = Path(), Path()
    whole.take(*messages)
    for begin in range(0, len(messages), 4):
        cut.take(*messages[begin : begin + 4])
    assert counts(whole.fillings[0]) == counts(cut.fillings[0])
    assert tally_of(whole.fillings[0]) == tally_of(cut.fillings[0])


def test_a_mixed_read_keeps_what_belongs_to_each_message() -> None:
    decoder = Decoder(EVENT_LAYOUTS, [], FRAME_DESERIALISERS)
    order = [
        frame(ones(), time_ns=3),
        event_message("ev42", [1], [1]),
        OTHER,
        frame([0] * 9 + [2], time_ns=9),
    ]
    rows = [(i % 2, 70 + i, NOW_MS + i, payload) for i, payload in enumerate(order)]
    (events, others), (frames, mine) = decoder.decode(raw(rows))
    assert (np.asarray(others).tolist(), np.asarray(mine).tolist()) == ([1, 2], [0, 3])
    assert (events.offset.tolist(), events.slot.tolist()) == ([71, 72], [1, 0])
    assert (frames.offset.tolist(), frames.slot.tolist()) == ([70, 73], [0, 1])
    assert frames.timestamp_ms.tolist() == [NOW_MS, NOW_MS + 3]
    assert (frames.events.tolist(), frames.reference_time_ns.tolist()) == ([10, 2], [3, 9])
