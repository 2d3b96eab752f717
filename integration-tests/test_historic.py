"""Data that is already in Kafka is read to its end, however much it is; an empty read proves nothing."""

from __future__ import annotations

import numpy as np
from events import BASE_MS, EventSender, Sent, accounted
from kafka_broker import MakeTopic
from service_process import Service

from histsvc.wire import ev44


def test_ten_million_events_finish_by_themselves(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data = topic("data", partitions=2)
    rng = np.random.default_rng(3)
    drawn = [(rng.integers(0, 71_428_571, 1000), rng.integers(1, 1025, 1000)) for _ in range(100)]
    # 100 different messages, each sent 100 times: only the pulse time would differ, and nobody counts it.
    payloads = [ev44.serialise("s", i, BASE_MS * 1_000_000, *events) for i, events in enumerate(drawn)]
    for number in range(10_000):
        sender.raw(data, payloads[number % 100], BASE_MS + number, number % 2)
    sender.flush()
    tof = np.concatenate([events[0] for events in drawn])
    pixel = np.concatenate([events[1] for events in drawn])
    with service.following() as published:
        service.config(
            [
                service.histogram("hist1d", data, id="tof", tof_range=[0, 7e7], num_bins=200),
                service.histogram("dethist", data, id="image", det_range=[1, 1024], width=32, height=32),
            ],
            start=BASE_MS,
            stop=BASE_MS + 10_000,
        )
        finished = published.finished("tof", "image", timeout_s=60)
    expected, _ = np.histogram(tof, bins=200, range=(0, 7e7))
    np.testing.assert_array_equal(finished["tof"].counts, expected * 100)
    expected = np.bincount(pixel - 1, minlength=1024).reshape(32, 32).T
    np.testing.assert_array_equal(finished["image"].counts, expected * 100)
    for received in finished.values():
        assert accounted(received.info) == 10_000_000
        assert received.info.messages == 10_000
        assert received.info.offsets == {data: {0: 5_000, 1: 5_000}}
        assert received.info.lag == 0


def test_stop_in_the_middle_counts_to_the_millisecond(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    """Messages after stop + leeway end the partition; those inside the leeway are out of the window."""
    data = topic("data")
    inside, outside = Sent(), Sent()
    sender.pulses(data, outside, [BASE_MS - 1])
    sender.pulses(data, inside, range(BASE_MS, BASE_MS + 101))
    sender.pulses(data, outside, [BASE_MS + 101, BASE_MS + 1100])
    sender.pulses(data, inside, [BASE_MS + 100])  # out of step, but inside the leeway
    sender.pulses(data, Sent(), [BASE_MS + 1101, BASE_MS + 50])  # ends the partition, and what comes after
    with service.following() as published:
        service.config(
            [service.histogram("hist1d", data, id="tof", tof_range=[0, 1e8], num_bins=50)],
            start=BASE_MS,
            stop=BASE_MS + 100,
        )
        info = published.finished("tof")["tof"].info
    assert info.sum == inside.events
    # The first of those outside lies before the starting offset.
    assert info.out_of_window == outside.events - 100
    assert info.messages == 104
    assert info.offsets == {data: {0: 105}}
