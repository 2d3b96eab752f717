"""Every event of a NeXus file comes out once, in exact nanoseconds; what cannot be right is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from histsvc.errors import SettingsError
from histsvc.sources.nexus import NexusSource

EV42 = (0, 2**32 - 1)
EV44 = (-(2**31), 2**31 - 1)
SANS2D = Path(__file__).parents[3] / "shared" / "data" / "SANS2D_minimal.nxs"
MAY_2020_NS = 1_588_291_200_000_000_000

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(event_id=…, units={dataset: unit}, offset=…)` writes a file; pulses of 2, 0, 3 and 0 events."""

    def make(units: dict[str, str] | None = None, offset: object = "2020-05-01T00:00", **data: Any) -> Path:
        path = tmp_path / "run.nxs"
        defaults: dict[str, Any] = {
            "event_id": np.array([1, 2, 3, 4, 5], np.uint32),
            "event_time_offset": np.array([0.0, 1.5, 100.25, 0.0006, 99_999.6], np.float32),
            "event_time_zero": np.array([0.0, 0.1, 0.2, 0.3]),
            "event_index": np.array([0, 2, 2, 5], np.uint64),
        }
        with h5py.File(path, "w") as file:
            group = file.create_group("entry/instrument/bank_7")
            group.attrs["NX_class"] = "NXevent_data"
            for name, values in (defaults | data).items():
                if values is not None:
                    group[name] = values
            for name, unit in (units or {}).items():
                group[name].attrs["units"] = unit
            if offset is not None and "event_time_zero" in group:
                group["event_time_zero"].attrs["offset"] = offset
        return path

    return make


def test_pulses_have_their_events_and_times(write: Write) -> None:
    pulses = list(NexusSource(write(), EV42).pulses())

    assert [pulse.pixel_id.tolist() for pulse in pulses] == [[1, 2], [], [3, 4, 5], []]
    assert [pulse.tof_ns.tolist() for pulse in pulses] == [[0, 1500], [], [100_250, 1, 99_999_602], []]
    assert [pulse.reference_time_ns - MAY_2020_NS for pulse in pulses] == [0, 10**8, 2 * 10**8, 3 * 10**8]
    assert {pulse.source for pulse in pulses} == {"bank_7"}


@pytest.mark.parametrize(
    ("unit", "values", "expected"),
    [
        ("ns", np.array([1, 2, 3, 4, 2**31], np.int64), [1, 2, 3, 4, 2**31]),
        ("ns", np.array([0.4, 0.6, 1.5, 2.5, 1e6], np.float64), [0, 1, 2, 2, 1_000_000]),
        ("us", np.array([1, 2, 3, 4, 5], np.uint16), [1000, 2000, 3000, 4000, 5000]),
        ("microseconds", np.array([0.1, 0.2, 0.3, 0.4, 0.5], np.float64), [100, 200, 300, 400, 500]),
        ("ms", np.array([1, 2, 3, 4, 5.5], np.float32), [10**6, 2 * 10**6, 3 * 10**6, 4 * 10**6, 5_500_000]),
        ("s", np.array([0, 0, 0, 0, 1.25], np.float64), [0, 0, 0, 0, 1_250_000_000]),
    ],
)
def test_units_of_times_of_flight(write: Write, unit: str, values: Any, expected: list[int]) -> None:
    path = write(event_time_offset=values, units={"event_time_offset": unit})
    pulses = NexusSource(path, EV42).pulses()
    assert np.concatenate([pulse.tof_ns for pulse in pulses]).tolist() == expected


@pytest.mark.parametrize(
    ("unit", "zero", "offset", "expected"),
    [
        (None, [0.0, 0.1, 0.2, 1e6 + 1e-9], "2020-05-01T00:00:00Z", 1_000_000_000_000_001),
        ("ns", np.array([0, 1, 2, 3], np.uint64), "2020-05-01T02:00:00+02:00", 3),
        ("ns", np.array([0, 1, 2, MAY_2020_NS + 3], np.uint64), None, 3),
        ("us", np.array([0, 1, 2, 3], np.int32), b"2020-05-01 00:00:00.000000007", 3007),
        ("ms", [0, 1, 2, 3.5], "2020-05-01", 3_500_000),
        ("second", [0, 1, 2, 3], np.array([b"2020-04-30T23:00:00.5-0100"]), 3_500_000_000),
    ],
)
def test_units_and_offsets_of_pulse_times(
    write: Write, unit: str | None, zero: Any, offset: object, expected: int
) -> None:
    units = {"event_time_zero": unit} if unit else {}
    source = NexusSource(write(event_time_zero=zero, offset=offset, units=units), EV42)
    assert int(source.time_ns[3]) - MAY_2020_NS == expected


def test_blocks_do_not_show(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(NexusSource(write(), EV42).pulses())
    for events in (1, 2, 3, 4):
        monkeypatch.setattr("histsvc.sources.nexus._BLOCK_EVENTS", events)
        blocks = list(NexusSource(write(), EV42).pulses())
        assert [pulse.pixel_id.tolist() for pulse in blocks] == [pulse.pixel_id.tolist() for pulse in whole]
        assert [pulse.tof_ns.tolist() for pulse in blocks] == [pulse.tof_ns.tolist() for pulse in whole]


def test_repeated_pulses_go_on_where_the_file_ended(write: Write) -> None:
    pulses = NexusSource(write(), EV42).pulses(repeat=True)
    times = [next(pulses).reference_time_ns - MAY_2020_NS for _ in range(9)]
    assert times == [number * 10**8 for number in range(9)]


def test_a_file_without_pulses_is_empty_even_repeated(write: Write) -> None:
    empty = np.empty(0)
    nothing = {"event_id": empty.astype(int), "event_index": empty.astype(int)}
    source = NexusSource(write(event_time_offset=empty, event_time_zero=empty, **nothing), EV42)
    assert list(source.pulses(repeat=True)) == []


def test_the_source_is_named_after_the_instrument(write: Write) -> None:
    path = write()
    with h5py.File(path, "a") as file:
        file["entry/name"] = np.array([b"LOKI"])
    assert NexusSource(path, EV42).source == "LOKI"
    with h5py.File(path, "a") as file:
        file["entry/instrument/name"] = "loki_bank"
    assert NexusSource(path, EV42).source == "loki_bank"
    assert NexusSource(path, EV42, source="mine").source == "mine"


def test_a_group_is_chosen_by_name(write: Write) -> None:
    path = write()
    with h5py.File(path, "a") as file:
        file.copy("entry/instrument/bank_7", "entry/instrument/bank_8")
        del file["entry/instrument/bank_8/event_id"]
        file["entry/instrument/bank_8/event_id"] = np.full(5, 8)
    assert NexusSource(path, EV42).group == "entry/instrument/bank_7"
    second = NexusSource(path, EV42, group="/entry/instrument/bank_8")
    assert next(second.pulses()).pixel_id.tolist() == [8, 8]
    with pytest.raises(SettingsError, match="'bank_9' is no group of events; there are entry/instr"):
        NexusSource(path, EV42, group="bank_9")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"event_index": [0, 2, 2, 6]}, "event_index: pulse 3 begins at event 6, but what follows at 5"),
        ({"event_index": [0, 3, 2, 5]}, "event_index: pulse 1 begins at event 3, but what follows at 2"),
        ({"event_index": [1, 2, 2, 5]}, "event_index: begins at event 1"),
        ({"event_index": [0.0, 2, 2, 5]}, "event_index: integers are needed, not float64"),
        ({"event_index": [0, 2, 5]}, "event_index: 3 values, but event_time_zero has 4"),
        ({"event_id": [1, 2]}, "event_time_offset: 5 values, but event_id has 2"),
        ({"event_id": None}, "has no dataset event_id"),
        ({"event_id": np.ones((5, 1), int)}, "event_id: is not a one-dimensional dataset"),
        ({"event_id": np.ones(5)}, "event_id: integers are needed, not float64"),
        ({"event_id": [1, 2, 3, -4, 5]}, "event_id: event 3: -4; the schema takes 0 to 4294967295"),
        ({"event_id": [1, 2, 3, 4, 2**32]}, "event_id: event 4: 4294967296; the schema"),
        ({"event_id": np.full(5, 2**64 - 1, np.uint64)}, "event_id: a value does not fit 64 bits"),
        ({"event_time_offset": [0, 1, 2, 3, 4294967.296]}, "event_time_offset: event 4: 4294967296 ns;"),
        ({"event_time_offset": [0, np.nan, 2, 3, 4]}, "event_time_offset: a value is not finite"),
        ({"event_time_offset": [0, 1e30, 2, 3, 4]}, "event_time_offset: a value does not fit 64 bits"),
        ({"event_time_offset": [b"x"] * 5}, "event_time_offset: numbers are needed"),
        ({"event_time_zero": [0.0, np.inf, 1, 2]}, "event_time_zero: a value is not finite"),
        ({"event_time_zero": [0.0, 0, 0, 9e9]}, "event_time_zero: a pulse time does not fit 64 bits"),
        ({"units": {"event_time_offset": "furlong"}}, "event_time_offset: the unit 'furlong' is none of"),
        ({"units": {"event_time_zero": "h"}}, "event_time_zero: the unit 'h' is none of"),
        ({"offset": "yesterday"}, "event_time_zero: 'yesterday' is not an ISO 8601 date"),
        ({"offset": "2020-13-01"}, "event_time_zero: '2020-13-01' is not an ISO 8601 date"),
    ],
)
def test_what_cannot_be_right_is_refused(write: Write, data: dict[str, Any], message: str) -> None:
    path = write(**data)
    with pytest.raises(SettingsError) as raised:
        NexusSource(path, EV42)
    assert str(raised.value).startswith(f"{path}: /entry/instrument/bank_7")
    assert message in str(raised.value)


def test_signed_times_fit_where_the_schema_is_signed(write: Write) -> None:
    path = write(event_time_offset=np.array([-1.0, 0, 0, 0, 0]))
    assert next(NexusSource(path, EV44).pulses()).tof_ns[0] == -1000
    with pytest.raises(SettingsError, match="event 0: -1000 ns"):
        NexusSource(path, EV42)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bad.nxs"
    with pytest.raises(SettingsError, match=r"bad\.nxs: there is no such file"):
        NexusSource(path, EV42)
    path.write_bytes(b"no HDF5 file")
    with pytest.raises(SettingsError, match=r"bad\.nxs: cannot be read as HDF5"):
        NexusSource(path, EV42)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(SettingsError, match=r"bad\.nxs: has no group of events"):
        NexusSource(path, EV42)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(SettingsError, match=r"histsvc\[nexus\]"):
        NexusSource(path, EV42)


@pytest.mark.skipif(not SANS2D.exists(), reason="the recorded data is not here")
def test_recorded_data_is_exact() -> None:
    source = NexusSource(SANS2D, EV44)
    with h5py.File(SANS2D) as file:
        group = {name: item[()] for name, item in file["raw_data_1/detector_1_events"].items()}
    tof_ns = np.rint(group["event_time_offset"].astype(np.float64) * 1000).astype(np.int64)
    start_ns = np.datetime64("2016-04-12T02:58:52", "ns").astype(np.int64)

    pulses = list(source.pulses())

    assert (len(pulses), source.events, source.source) == (300, 237_078, "SANS2D")
    for pulse, ids, tofs in zip(
        pulses,
        np.split(group["event_id"], group["event_index"][1:].astype(int)),
        np.split(tof_ns, group["event_index"][1:].astype(int)),
        strict=True,
    ):
        np.testing.assert_array_equal(pulse.pixel_id, ids)
        np.testing.assert_array_equal(pulse.tof_ns, tofs)
    times = [pulse.reference_time_ns - start_ns for pulse in pulses]
    np.testing.assert_array_equal(times, np.rint(group["event_time_zero"] * 1e9).astype(np.int64))
