"""Fixtures that every test against a real Kafka uses."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from kafka_broker import Broker, BrokerError, MakeTopic


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """One broker for the whole run; tests that stop or kill it make one of their own."""
    try:
        with Broker() as started:
            yield started
    except BrokerError as error:
        # Never a skip: a run without Kafka has tested nothing and must not look green.
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture
def topic(broker: Broker) -> MakeTopic:
    """`topic("data", partitions=2, config={…})` makes a topic of this test and returns its name."""

    def make(name: str, partitions: int = 1, config: dict[str, str] | None = None) -> str:
        unique = f"{name}-{uuid4().hex[:8]}"
        broker.create_topic(unique, partitions, config)
        return unique

    return make
