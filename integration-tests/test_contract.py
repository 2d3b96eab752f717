"""The real broker keeps the contract of the ports, and can be asked for times."""

from __future__ import annotations

import pytest
from contract.adapters import Kafka
from contract.ports import PortsContract
from events import BASE_MS, EventSender
from kafka_broker import Broker, MakeTopic

from histsvc.model import Partition
from histsvc.ports import FoundOffset


class TestRealBroker(PortsContract):
    make: MakeTopic

    @pytest.fixture(autouse=True)
    def maker(self, topic: MakeTopic) -> None:
        self.make = topic

    @pytest.fixture
    def bootstrap(self, broker: Broker) -> str:
        return broker.bootstrap

    def new_topic(self, partitions: int) -> str:
        return self.make("topic", partitions)

    def test_offsets_by_time(self, kafka: Kafka, sender: EventSender) -> None:
        topic = self.new_topic(1)
        for time_ms in (BASE_MS, BASE_MS + 10, BASE_MS + 5):
            sender.raw(topic, b"x", time_ms)
        sender.flush()
        partition = Partition(kafka.brokers, topic, 0)
        for time_ms, found in (
            (0, FoundOffset(0, BASE_MS)),
            (BASE_MS, FoundOffset(0, BASE_MS)),
            (BASE_MS + 1, FoundOffset(1, BASE_MS + 10)),
            (BASE_MS + 11, FoundOffset(-1, -1)),
        ):
            assert kafka.ask(kafka.cluster.offsets([partition], time_ms)) == {partition: found}
