"""The pulses of a histogram: the oldest of the first batch that had one, and the newest of all."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from histsvc.kernels.account import note_pulses, note_pulses_numpy

TIMES_NS = st.lists(st.integers(-5, 1 << 62) | st.integers(-2, 9), min_size=1, max_size=8)


@given(st.data())
def test_pulses_are_those_of_the_messages_that_are_looked_into(data: st.DataObject) -> None:
    compiled, twin = np.zeros(2, np.int64), np.zeros(2, np.int64)
    first = newest = 0
    for _ in range(data.draw(st.integers(1, 4))):
        times = data.draw(TIMES_NS)
        rows = data.draw(st.lists(st.sampled_from(range(len(times))), unique=True).map(sorted))
        for pulse_ns, note in ((compiled, note_pulses), (twin, note_pulses_numpy)):
            note(np.array(times, np.int64), np.array(rows, np.int64), pulse_ns)
        known = [times[row] for row in rows if times[row] > 0]
        first = first or min(known, default=0)
        newest = max([newest, *known])
        assert compiled.tolist() == twin.tolist() == [first, newest]
