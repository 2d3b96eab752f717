"""--output-dtype (protocol.md, 4): what the field's usual decoders read, in every schema."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from events import BASE_MS, EventSender, Sent, image, regions
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service
from spares import until_spare
from stock_histograms import INTEGERS, STOCK
from streaming_data_types.dataarray_da00 import Variable, serialise_da00

from histsvc.client import TopicReader
from histsvc.ports import OffsetAt

SCHEMAS = list(STOCK)
TOF: dict[str, Any] = {"tof_range": [0, 1e8], "num_bins": 50}
TIMES: dict[str, Any] = {"start": BASE_MS, "stop": BASE_MS + 1_000}
# The most that a bin holds, and the bits of the smallest integers that hold it: without a sign, and with one.
LARGEST = [
    (2**31 - 1, 32, 32),
    (2**31, 32, 64),
    (2**32 - 1, 32, 64),
    (2**32, 64, 64),
    (2**53 - 10, 64, 64),
]


@pytest.fixture(scope="module")
def whole(broker: Broker) -> Iterator[Service]:
    """A service that publishes integers."""
    started = Service(broker, "--output-dtype", "int", "--workers", "1")
    try:
        until_spare(started, 2)
        yield started
    finally:
        started.close()


def decoded(service: Service, histograms: list[dict[str, Any]], **keys: Any) -> dict[str, dict[str, Any]]:
    """The FINISHED message of each histogram as the stock decoder of its schema reads it."""
    follower = TopicReader(service.kafka, [service.output], OffsetAt.LATEST)
    found: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + TIMEOUT_S
    try:
        service.config(histograms, **TIMES, **keys)
        while len(found) < len(histograms):
            assert time.monotonic() < deadline, f"only {list(found)} are FINISHED"
            for _, payload in follower.poll(0.05):
                read = STOCK[payload[4:8].decode()](payload)
                info = json.loads(read["info"])
                if info["state"] == "FINISHED":
                    # What it reads shares its memory with the payload.
                    found[info["id"]] = {**read, "info": info, "schema": payload[4:8].decode()}
    finally:
        follower.close()
    return found


def all_types(service: Service, data: str) -> list[dict[str, Any]]:
    pixels = {"det_range": [1, 100]}
    return [
        service.histogram("hist1d", data, id="tof", **TOF),
        service.histogram("hist2d", data, id="both", **{**TOF, "num_bins": [9, 10]}, **pixels),
        service.histogram("dethist", data, id="image", width=20, height=5, **pixels),
        service.histogram("roihist", data, id="regions", left_edges=[1, 5, 90], width=8),
    ]


def expected(sent: Sent) -> dict[str, npt.NDArray[Any]]:
    ranges = ((0, 1e8), (1, 100))
    return {
        "tof": np.histogram(sent.tof, bins=50, range=ranges[0])[0],
        "both": np.histogram2d(sent.tof, sent.pixel, bins=(9, 10), range=ranges)[0],
        "image": image(sent.pixel, 1, 20, 5),
        "regions": regions(sent.pixel, [1, 5, 90], 8),
    }


@pytest.mark.parametrize("schema", SCHEMAS)
def test_integers_of_every_type_are_exact(
    whole: Service, topic: MakeTopic, sender: EventSender, schema: str
) -> None:
    data, sent = topic("data"), Sent()
    sender.pulses(data, sent, [BASE_MS + i for i in range(30)])
    got = decoded(whole, all_types(whole, data), output_schema=schema)
    for name, counts in expected(sent).items():
        read = got[name]
        assert read["schema"] == schema
        assert read["data"].dtype == INTEGERS[schema][0]
        np.testing.assert_array_equal(read["data"], counts)
        assert read["current_shape"] == list(counts.shape)
        assert int(read["data"].sum()) == read["info"]["sum"]
        # Edges are no counts: they stay what they are.
        assert {axis["bin_boundaries"].dtype for axis in read["dim_metadata"]} == {np.dtype(np.float64)}
    np.testing.assert_array_equal(got["tof"]["dim_metadata"][0]["bin_boundaries"], np.linspace(0, 1e8, 51))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_histograms_without_counts_are_integers_too(whole: Service, topic: MakeTopic, schema: str) -> None:
    got = decoded(whole, all_types(whole, topic("data")), output_schema=schema)
    for name, counts in expected(Sent()).items():
        np.testing.assert_array_equal(got[name]["data"], np.zeros(counts.shape))
        assert got[name]["data"].dtype == INTEGERS[schema][0]


@pytest.mark.parametrize(("largest", "unsigned", "signed"), LARGEST)
def test_the_smallest_integer_that_holds_all_counts(
    whole: Service, topic: MakeTopic, sender: EventSender, largest: int, unsigned: int, signed: int
) -> None:
    data, counts = topic("data"), np.array([0, 3, largest, 1, 0])
    frame = [
        Variable("signal", counts, ["tof"]),
        Variable("tof", np.linspace(0, 1e8, 6), ["tof"], unit="ns"),
    ]
    sender.raw(data, serialise_da00("monitor", BASE_MS * 1_000_000, frame), BASE_MS)
    sender.flush()
    histograms = [
        whole.histogram("hist1d", data, id=schema, output_schema=schema, **{**TOF, "num_bins": 5})
        for schema in SCHEMAS
    ]
    got = decoded(whole, histograms)
    for schema in SCHEMAS:
        bits = unsigned if schema == "hs00" else signed
        assert got[schema]["data"].dtype == INTEGERS[schema][bits == 64]
        assert got[schema]["data"].tolist() == counts.tolist()
        assert got[schema]["info"]["sum"] == largest + 4


def test_float64_is_the_default(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, sent = topic("data"), Sent()
    sender.pulses(data, sent, [BASE_MS])
    for schema in SCHEMAS:
        got = decoded(service, all_types(service, data), output_schema=schema)
        for name, counts in expected(sent).items():
            assert got[name]["data"].dtype == np.float64
            np.testing.assert_array_equal(got[name]["data"], counts)
