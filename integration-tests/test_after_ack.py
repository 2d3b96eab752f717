"""An event produced after the ACK was read is counted. Always."""

from __future__ import annotations

from events import BASE_MS, EventSender, Sent
from kafka_broker import MakeTopic
from service_process import Service


def test_events_right_after_the_ack_are_all_counted(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data = topic("data", partitions=3)
    for attempt in range(50):
        sent = Sent()
        histogram = service.histogram("hist1d", data, id=f"attempt{attempt}", tof_range=[0, 1e8], num_bins=50)
        with service.following() as published:
            service.config([histogram])
            sender.pulses(data, sent, [BASE_MS + attempt], events=7, partition=attempt % 3)
            service.client.send({"cmd": "stop"})
            info = published.finished(f"attempt{attempt}")[f"attempt{attempt}"].info
        assert info.sum == sent.events, f"attempt {attempt}: {info}"
        assert info.messages == 1
