"""The heartbeat as x5f2 (protocol.md, section 5), read by the field's usual decoder."""

from __future__ import annotations

import json

import pytest
from streaming_data_types.exceptions import WrongSchemaException
from streaming_data_types.status_x5f2 import deserialise_x5f2
from streaming_data_types.utils import get_schema

from histsvc.protocol.heartbeat import Heartbeat, ServiceIdentity, WorkerStatus
from histsvc.protocol.info import HistogramInfo, State
from histsvc.wire import x5f2

IDENTITY = ServiceIdentity("histsvc", "bänk-1", "0.1", "1.0", 77, "host-1", 4711)
BEAT = Heartbeat(
    123,
    2500,
    IDENTITY,
    (HistogramInfo(id="hä", state=State.COUNTING, sum=3),),
    (WorkerStatus(12, "COUNTING", 1),),
    counters={"messages": 5},
)


def test_heartbeat_as_the_stock_decoder_reads_it() -> None:
    payload = x5f2.heartbeat(BEAT)
    assert get_schema(payload) == "x5f2"
    read = deserialise_x5f2(payload)
    assert (read.software_name, read.software_version, read.service_id) == ("histsvc", "0.1", "bänk-1")
    assert (read.host_name, read.process_id, read.update_interval) == ("host-1", 4711, 2500)
    content = json.loads(read.status_json)
    assert content == json.loads(BEAT.to_json())
    assert (content["message"], content["message_interval"]) == (123, 2500)


def test_without_a_service_id_it_can_still_be_read() -> None:
    identity = ServiceIdentity("histsvc", "", "0.1", "1.0", 0)
    payload = x5f2.heartbeat(Heartbeat(1, 1000, identity, (), ()))
    assert deserialise_x5f2(payload).service_id == ""


def test_both_directions() -> None:
    status = x5f2.StatusMessage("a", "b", "c", "d", 2**32 - 1, 5, '{"state": "IDLE"}')
    assert x5f2.deserialise(x5f2.serialise(status)) == status


def test_another_schema_is_refused() -> None:
    payload = bytearray(x5f2.heartbeat(BEAT))
    payload[4:8] = b"hs00"
    with pytest.raises(WrongSchemaException):
        x5f2.deserialise(bytes(payload))
