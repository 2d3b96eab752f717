"""What workers say about their own cost (protocol.md, section 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import MakeTopic
from service_process import Service

PHASES = ("wait", "read", "decode", "fill", "publish")
KEYS = {*PHASES, "events_per_s", "bytes_per_s", "lag"}


def load_if(fact: Callable[[dict[str, Any]], bool]) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """The load of the one worker that counts, if something is true of it."""

    def found(beat: dict[str, Any]) -> dict[str, Any] | None:
        loads = [worker["load"] for worker in beat["workers"] if "load" in worker]
        assert all(worker["state"] == "COUNTING" for worker in beat["workers"] if "load" in worker)
        return loads[0] if loads and fact(loads[0]) else None

    return found


def test_load_of_a_worker(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, sent = topic("data"), Sent()
    service.config([service.histogram("hist1d", data, id="tof", tof_range=[0, 1e8], num_bins=50)])
    idle = service.heartbeat_until(load_if(lambda load: True))
    assert idle.keys() == KEYS
    assert (idle["events_per_s"], idle["bytes_per_s"], idle["lag"]) == (0, 0, 0)
    assert idle["wait"] > 0.5
    sender.pulses(data, sent, range(BASE_MS, BASE_MS + 200), events=1000)
    busy = service.heartbeat_until(load_if(lambda load: load["events_per_s"] > 0))
    # Two vectors of int32 and the rest of the message.
    assert 8 < busy["bytes_per_s"] / busy["events_per_s"] < 8.5
    assert all(busy[phase] > 0 for phase in ("decode", "fill", "publish"))
    assert sum(busy[phase] for phase in PHASES) == pytest.approx(1, abs=0.1)
    service.heartbeat_until(load_if(lambda load: load["events_per_s"] == 0 and load["lag"] == 0))
    workers = service.client.send({"cmd": "status"})["workers"]
    assert [worker["load"].keys() for worker in workers if worker["state"] == "COUNTING"] == [KEYS]
    service.client.send({"cmd": "stop"})
    service.heartbeat_until(lambda beat: all("load" not in worker for worker in beat["workers"]))
