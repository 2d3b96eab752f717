"""Where counting begins (protocol.md, section 3)."""

from __future__ import annotations

import time

from events import BASE_MS, EventSender, Sent, accounted
from kafka_broker import MakeTopic
from service_process import Service

from histsvc.protocol.info import State

TOF = {"id": "tof", "tof_range": [0, 1e8], "num_bins": 50}


def test_start_exactly_at_the_first_message(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, sent = topic("data"), Sent()
    sender.pulses(data, sent, range(BASE_MS, BASE_MS + 10))
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)], start=BASE_MS, stop=BASE_MS + 100)
        info = published.finished("tof")["tof"].info
    assert info.sum == sent.events
    assert info.start == BASE_MS
    assert info.stop == BASE_MS + 100


def test_start_between_messages_skips_those_before(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data"), Sent()
    sender.pulses(data, Sent(), [BASE_MS, BASE_MS + 10])
    sender.pulses(data, sent, [BASE_MS + 20, BASE_MS + 30])
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)], start=BASE_MS + 11, stop=BASE_MS + 100)
        info = published.finished("tof")["tof"].info
    assert accounted(info) == info.sum == sent.events


def test_start_on_an_empty_topic(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, sent = topic("data", partitions=2), Sent()
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)], start=BASE_MS)
        assert published.until(lambda h: h.info.state is State.INITIALISED)
        sender.pulses(data, sent, [BASE_MS, BASE_MS + 1], partition=1)
        published.until(lambda h: h.info.sum == sent.events)


def test_start_in_the_future(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, early, sent = topic("data"), Sent(), Sent()
    start = time.time_ns() // 1_000_000 + 60_000
    sender.pulses(data, Sent(), [start - 120_000])
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)], start=start)
        sender.pulses(data, early, [start - 1])
        sender.pulses(data, sent, [start, start + 1])
        info = published.until(lambda h: h.info.sum == sent.events).info
    assert info.out_of_window == early.events
    assert info.state is State.COUNTING


def test_start_before_the_oldest_message_of_a_whole_topic(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data"), Sent()
    sender.pulses(data, sent, [BASE_MS, BASE_MS + 1])
    with service.following() as published:
        service.config(
            [service.histogram("hist1d", data, **TOF)], start=BASE_MS - 1_000_000, stop=BASE_MS + 5
        )
        assert published.finished("tof")["tof"].info.sum == sent.events


def test_start_before_removed_data_is_an_error_of_that_histogram_alone(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    cut, whole, sent = topic("cut", partitions=2), topic("whole"), Sent()
    sender.pulses(cut, Sent(), range(BASE_MS, BASE_MS + 10), partition=1)
    sender.pulses(whole, sent, range(BASE_MS, BASE_MS + 10))
    service.broker.delete_records(cut, 1, before=4)
    with service.following() as published:
        service.config(
            [
                service.histogram("hist1d", cut, **{**TOF, "id": "cut"}),
                service.histogram("hist1d", whole, **{**TOF, "id": "whole"}),
            ],
            start=BASE_MS,
            stop=BASE_MS + 100,
        )
        info = published.until(lambda h: h.info.id == "cut" and h.info.state is State.ERROR).info
        assert info.error_message is not None
        assert "Cannot find start time in the data" in info.error_message
        assert str(BASE_MS + 4) in info.error_message
        assert info.sum == 0
        assert published.finished("whole")["whole"].info.sum == sent.events
        again = len(published.of("cut"))
        published.until(lambda h: h.info.id == "cut" and len(published.of("cut")) > again)
    state = service.heartbeat_until(lambda beat: beat["state"])
    assert state == "DEGRADED"


def test_start_at_the_oldest_kept_message_is_no_error(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data"), Sent()
    sender.pulses(data, Sent(), range(BASE_MS, BASE_MS + 4))
    sender.pulses(data, sent, range(BASE_MS + 4, BASE_MS + 10))
    service.broker.delete_records(data, 0, before=4)
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)], start=BASE_MS + 4, stop=BASE_MS + 50)
        assert published.finished("tof")["tof"].info.sum == sent.events


def test_recent_start_before_removed_data_is_no_error(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data"), Sent()
    now = time.time_ns() // 1_000_000
    sender.pulses(data, Sent(), [now - 20_000])
    sender.pulses(data, sent, [now])
    service.broker.delete_records(data, 0, before=1)
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)], start=now - 30_000)
        assert published.until(lambda h: h.info.sum == sent.events).info.state is State.COUNTING


def test_without_start_only_what_comes_later_counts(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data"), Sent()
    sender.pulses(data, Sent(), range(BASE_MS, BASE_MS + 10))
    with service.following() as published:
        service.config([service.histogram("hist1d", data, **TOF)])
        sender.pulses(data, sent, [BASE_MS - 5, BASE_MS + 5])  # no lower time bound
        info = published.until(lambda h: h.info.sum == sent.events).info
    assert info.start is None
    assert info.out_of_window == 0
    assert info.messages == 2
