"""A real Apache Kafka broker for the tests: one JVM, no Docker, gone when the tests are."""

from kafka_broker.broker import Broker, MakeTopic
from kafka_broker.cluster import Cluster
from kafka_broker.config import SASL_CLIENT, Tls
from kafka_broker.errors import BrokerError

__all__ = ["SASL_CLIENT", "Broker", "BrokerError", "Cluster", "MakeTopic", "Tls"]
