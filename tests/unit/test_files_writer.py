"""NeXus files, read back with h5py, nexusformat and silx; and that nobody ever sees half of one."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import silx.io
from nexusformat.nexus import nxload
from silx.io import nxdata
from unit.shown import AXES, NOW_MS, of_type, pixels, shown, tof

from histsvc.client import Axis, Histogram, State
from histsvc.errors import SettingsError
from histsvc.files import check_folder, save, writer

FIRST_NS, LAST_NS = 1_795_593_758_535_025_004, 1_795_593_762_534_968_231
NAMES = {"hist1d": ["tof"], "hist2d": ["tof", "pixel"], "dethist": ["x", "y"], "roihist": ["x", "row"]}


def full(kind: str, **keys: Any) -> Histogram:
    """A histogram of a type with everything that a service says of it."""
    config = {"type": kind, "tof_range": [0, 1.5], "id": kind}
    about = {"first_pulse_time": FIRST_NS, "last_pulse_time": LAST_NS, "job": "27b17e", "rate": 2.5}
    offsets = {"events": {0: 100, 1: 7}}
    made = of_type(kind, **{**about, "config": config, "offsets": offsets, "state": State.FINISHED, **keys})
    axes = tuple(
        dataclasses.replace(each, name=name) for each, name in zip(made.axes, NAMES[kind], strict=True)
    )
    return dataclasses.replace(made, axes=axes)


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    with h5py.File(file) as read:
        yield read


@pytest.mark.parametrize("kind", AXES)
def test_h5py_reads_what_was_written(kind: str, tmp_path: Path) -> None:
    histogram = full(kind)
    with opened(save(tmp_path, histogram)) as file:
        entry, data = file["entry"], file["entry/data"]
        classes = {each.name: each.attrs["NX_class"] for each in (file, entry, data)}
        assert classes == {"/": "NXroot", "/entry": "NXentry", "/entry/data": "NXdata"}
        assert (file.attrs["default"], entry.attrs["default"]) == ("entry", "data")
        assert (data.attrs["signal"], list(data.attrs["axes"])) == ("counts", NAMES[kind])
        counts = data["counts"]
        np.testing.assert_array_equal(counts[()], histogram.counts)
        assert (counts.dtype, counts.attrs["units"]) == (histogram.counts.dtype, "counts")
        np.testing.assert_array_equal(data["counts_errors"][()], np.sqrt(histogram.counts))
        for number, axis in enumerate(histogram.axes):
            edges = data[axis.name]
            np.testing.assert_array_equal(edges[()], axis.edges)
            assert edges.attrs["units"] == axis.unit
            assert edges.attrs["long_name"].startswith(axis.label)
            assert data.attrs[f"{axis.name}_indices"] == number
        assert entry["title"].asstr()[()] == kind
        assert entry["start_time"].asstr()[()] == "2026-11-25T08:02:38.535025004+00:00"
        assert entry["end_time"].asstr()[()] == "2026-11-25T08:02:42.534968231+00:00"


def test_info_is_there_as_attributes(tmp_path: Path) -> None:
    histogram = full("hist1d")
    info: dict[str, Any]
    message: dict[str, Any]
    with opened(save(tmp_path, histogram)) as file:
        info, message = (dict(file[f"entry/{name}"].attrs) for name in ("info", "message"))
    told = json.loads(histogram.info.to_json())
    assert info.pop("NX_class") == message.pop("NX_class") == "NXcollection"
    assert info.keys() == told.keys()
    found = {key: json.loads(info[key]) if isinstance(told[key], dict) else info[key] for key in told}
    assert found == told
    assert found["config"]["tof_range"] == [0, 1.5]
    assert message == {
        "topic": "output",
        "schema": "hs00",
        "source": "histsvc",
        "timestamp_ns": histogram.timestamp_ns,
    }


@pytest.mark.parametrize("kind", AXES)
def test_nexusformat_plots_it_at_once(kind: str, tmp_path: Path) -> None:
    histogram = full(kind)
    data = nxload(save(tmp_path, histogram)).get_default()
    assert data.is_plottable()
    np.testing.assert_array_equal(data.nxsignal.nxvalue, histogram.counts)
    np.testing.assert_array_equal(data.nxerrors.nxvalue, np.sqrt(histogram.counts))
    assert [each.nxname for each in data.nxaxes] == NAMES[kind]
    for read, axis in zip(data.nxaxes, histogram.axes, strict=True):
        np.testing.assert_array_equal(read.nxvalue, axis.edges)
        assert read.attrs["units"] == axis.unit


@pytest.mark.parametrize("kind", AXES)
def test_silx_plots_it_at_once(kind: str, tmp_path: Path) -> None:
    histogram = full(kind)
    with silx.io.open(str(save(tmp_path, histogram))) as file:
        data = nxdata.get_default(file)
        assert data is not None, "which is what it says of one that it finds fault with"
        assert data.is_curve if histogram.counts.ndim == 1 else data.is_image
        np.testing.assert_array_equal(data.signal[()], histogram.counts)
        np.testing.assert_array_equal(data.errors[()], np.sqrt(histogram.counts))
        assert data.axes_dataset_names == NAMES[kind]
        for lower, axis in zip(data.axes, histogram.axes, strict=True):
            np.testing.assert_array_equal(lower, axis.edges[:-1])
        assert data.title == f"{kind} (FINISHED)"


def test_whatever_others_publish_can_be_written(tmp_path: Path) -> None:
    nasty = "a\0b\x1bé"
    axes = tuple(Axis(np.arange(3.0), "", nasty, name) for name in ("counts", "counts", "", "a b", "../x"))
    keys: dict[str, Any] = {
        "error_message": nasty,
        "first_pulse_time": 1 << 70,
        "last_pulse_time": -5,
        "stop": 1 << 63,
        "config": {"nasty": nasty, "huge": 1 << 90},
    }
    counts = np.full((2,) * 5, -1, np.int32)
    made = shown(counts, axes, name=nasty, **keys)
    with opened(save(tmp_path, dataclasses.replace(made, source="/"))) as file:
        entry = file["entry"]
        assert list(entry["data"].attrs["axes"]) == ["counts_0", "counts_1", "dim_2", "dim_3", "dim_4"]
        assert entry["info"].attrs["error_message"] == "a\\x00b\x1bé"
        assert entry["info"].attrs["first_pulse_time"] == str(1 << 70)
        assert entry["info"].attrs["stop"] == 1 << 63
        assert json.loads(entry["info"].attrs["config"])["huge"] == 1 << 90
        assert not {"start_time", "end_time"} & set(entry)
        np.testing.assert_array_equal(entry["data/counts"][()], counts)
        assert not entry["data/counts_errors"][()].any()


def test_more_than_attributes_have_room_for_in_the_header(tmp_path: Path) -> None:
    config = {"left_edges": list(range(200_000))}
    with opened(save(tmp_path, full("roihist", config=config))) as file:
        assert json.loads(file["entry/info"].attrs["config"]) == config


def test_large_images_are_compressed_and_equal(tmp_path: Path) -> None:
    counts = np.random.default_rng(1).poisson(0.1, (1000, 700)).astype(np.uint64)
    file = save(tmp_path, shown(counts, (pixels(1000), pixels(700, "y"))))
    with opened(file) as read:
        data = read["entry/data"]
        np.testing.assert_array_equal(data["counts"][()], counts)
        assert data["counts"].compression == "gzip"
        assert data["counts"].dtype == np.uint64
    assert file.stat().st_size < counts.nbytes / 4


def test_without_axes_and_without_bins(tmp_path: Path) -> None:
    empty = shown(np.empty(0), (tof(1),))
    empty = dataclasses.replace(empty, axes=(dataclasses.replace(empty.axes[0], edges=np.zeros(1)),))
    lone = shown(np.array(3.0), (), name="lone")
    for each in (empty, lone):
        with opened(save(tmp_path, each)) as file:
            assert file["entry/data/counts"].shape == each.counts.shape


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    histogram = full("hist1d")
    file = save(tmp_path, histogram)
    os.utime(file, ns=(0, 0))
    assert save(tmp_path, histogram) == file
    assert file.stat().st_mtime_ns == 0
    later = dataclasses.replace(histogram, timestamp_ns=NOW_MS)
    assert save(tmp_path, later) != file
    assert len(list(tmp_path.iterdir())) == 2


def test_what_cannot_be_laid_out_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("half-way")

    monkeypatch.setattr(writer, "_set", fail)
    with pytest.raises(RuntimeError, match="half-way"):
        save(tmp_path, full("hist1d"))
    assert not list(tmp_path.iterdir())


def test_folders_are_checked_and_left_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_folder(tmp_path)
    assert not list(tmp_path.iterdir())
    file = tmp_path / "file"
    file.touch()
    for wrong in (tmp_path / "not-there", file):
        with pytest.raises(SettingsError, match=f"--to {wrong}: there is no such folder"):
            check_folder(wrong)
    with pytest.raises(SettingsError, match="--to /proc: nothing can be written there: "):
        check_folder(Path("/proc"))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(SettingsError, match=r"pip install 'histsvc\[nexus\]'"):
        check_folder(tmp_path)
