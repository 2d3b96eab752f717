"""One invariant: good messages around each bad one are counted exactly, and each bad one is accounted for."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import config_of, decoder_of, event_message, filling_of, payloads, tally_of
from hostile import corpus

from histsvc.window import Verdict
from histsvc.worker.fill import Filling

KINDS = ("hist1d", "hist2d", "dethist", "roihist")
GOOD = [
    event_message("ev44", [5, 15, 25], [1, 2, 3], time_ns=10),
    event_message("ev42", range(4000), np.arange(4000) % 12 + 1, time_ns=20),
    event_message("ev44", [99], [12], time_ns=30),
]
OTHER = corpus.other_schema()
BAD = corpus.undecodable()


def filled(kind: str, messages: list[bytes]) -> Filling:
    filling = filling_of(config_of(kind))
    batch = decoder_of().events(payloads(messages))
    filling.take(batch, np.full(len(messages), Verdict.COUNTS, np.uint8))
    return filling


def assert_unharmed(kind: str, bad: list[bytes], what: str) -> None:
    alone = filled(kind, GOOD)
    mixed = filled(kind, [*bad, GOOD[0], *bad, GOOD[1], *bad, GOOD[2], *bad])
    assert alone.accumulator.sum > 0
    np.testing.assert_array_equal(mixed.accumulator.counts, alone.accumulator.counts)
    tally = tally_of(alone)
    assert tally_of(mixed) == {**tally, what: 4 * len(bad), "messages": tally["messages"] + 4 * len(bad)}
    assert mixed.last_pulse_ns == 30


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("kind", KINDS)
def test_undecodable(kind: str, name: str) -> None:
    assert_unharmed(kind, [BAD[name]], "undecodable")


@pytest.mark.parametrize("name", OTHER)
@pytest.mark.parametrize("kind", KINDS)
def test_other_schema(kind: str, name: str) -> None:
    assert_unharmed(kind, [OTHER[name]], "other_schema")


def test_all_at_once() -> None:
    for kind in KINDS:
        assert_unharmed(kind, list(BAD.values()), "undecodable")


def test_a_broken_message_of_a_schema_that_is_not_wanted_is_of_another_schema() -> None:
    bad = [payload for name, payload in BAD.items() if name.startswith("ev42")]
    filling = filling_of(config_of("dethist"), ["ev44"])
    batch = decoder_of().events(payloads(bad))
    filling.take(batch, np.full(len(bad), Verdict.COUNTS, np.uint8))
    assert tally_of(filling) == {"messages": len(bad), "other_schema": len(bad)}
