"""The embedded broker keeps the contract of the ports."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from contract.adapters import TIMEOUT_S
from contract.ports import PortsContract

from histsvc.errors import BrokerError
from histsvc.kafka.cluster import KafkaClusters
from histsvc.kafka.embedded import EmbeddedBroker
from histsvc.settings import Security


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker({}) as started:
        yield started


class TestEmbeddedBroker(PortsContract):
    broker: EmbeddedBroker

    @pytest.fixture
    def bootstrap(self, broker: EmbeddedBroker) -> str:
        self.broker = broker
        return broker.bootstrap

    def new_topic(self, partitions: int) -> str:
        name = f"topic-{uuid4().hex[:8]}"
        self.broker.create_topic(name, partitions)
        return name


def test_brokers_that_are_not_there_are_a_retriable_error() -> None:
    cluster = KafkaClusters(Security()).of(("127.0.0.1:1",))
    with pytest.raises(BrokerError) as raised:
        cluster.describe(["topic"]).result(TIMEOUT_S)
    assert raised.value.retriable
    assert "refused" in cluster.trouble
