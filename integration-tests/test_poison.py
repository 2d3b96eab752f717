"""A message that ends the process that looks into it: it is found and told, and all else is counted."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import MakeTopic
from service_process import Service
from test_workers import TOF

from histsvc.wire import ev44

# Pixel ids that a plug-in cannot bear.
_POISON = 666
_MODULE = f"""
    import ctypes
    import os

    from histsvc.histograms.hist1d import Hist1d, Hist1dConfig
    from histsvc.model import Column


    class FragileConfig(Hist1dConfig):
        type: str = "fragile"

        def accumulator(self):
            return Fragile(self)


    class Fragile(Hist1d):
        def fill_events(self, rows, batch):
            for row in rows.tolist():
                address, length = batch.table[[Column.PIXEL_ADDRESS, Column.PIXEL_LENGTH], row].tolist()
                pixels = (ctypes.c_int32 * length).from_address(address)
                if {_POISON} in list(pixels):
                    os.abort()
            super().fill_events(rows, batch)
"""


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A histogram type of somebody else, as pip would install it."""
    (tmp_path / "fragile.py").write_text(textwrap.dedent(_MODULE))
    about = tmp_path / "fragile-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fragile\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[histsvc.histograms]\nfragile = fragile:FragileConfig\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.usefixtures("plug_in")
def test_a_message_that_ends_every_worker_is_passed_over(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender
) -> None:
    service = own_service("--workers", "1", "--publish-interval", "50")
    data, sent = topic("data"), Sent()
    fragile = service.histogram("fragile", data, id="fragile", **TOF)
    plain = service.histogram("hist1d", data, id="plain", **TOF)
    with service.following() as published:
        service.config([fragile, plain])
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 300))
        sender.raw(data, ev44.serialise("s", 1, 1, np.array([5]), np.array([_POISON])), BASE_MS)
        sender.pulses(data, sent, range(BASE_MS, BASE_MS + 300))
        for name in ("fragile", "plain"):
            last = published.until(lambda h, n=name: h.info.id == n and h.info.messages == 601, 60)  # type: ignore[misc]
            assert np.array_equal(last.counts, np.histogram(sent.tof, bins=50, range=(0, 1e8))[0])
            assert (last.info.undecodable, last.info.sum) == (1, sent.events)
            assert last.info.warning == (
                f"the message at offset 300 of partition 0 of {data!r} was not counted: workers die of it"
            )
    assert f"workers die of the message at offset 300 of partition 0 of {data!r}" in service.log
    # One dies, its successor, one that is careful, one that takes message by message, and one that proves it.
    assert service.log.count("was ended by signal 6") == 5
