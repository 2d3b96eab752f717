"""A broker that knows of none, as one that has just stood still, is asked in ways that end no process."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from histsvc.errors import BrokerError
from histsvc.kafka import trouble
from histsvc.kafka.admin import admin_client
from histsvc.kafka.cluster import KafkaCluster
from histsvc.kafka.security import client_config
from histsvc.settings import Security

METADATA, API_VERSIONS = 3, 18
UNSUPPORTED_VERSION, UNKNOWN_TOPIC = 35, 3
ANSWER_S = 10.0


class Forgetful(socketserver.ThreadingTCPServer):
    """A broker that knows itself until it has forgotten that."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Speaking)
        self.port = int(self.server_address[1])
        self.has_forgotten = False


class Speaking(socketserver.StreamRequestHandler):
    """Speaks as much Kafka as a question for metadata needs (https://kafka.apache.org/protocol)."""

    server: Forgetful

    def handle(self) -> None:
        while len(size := self.rfile.read(4)) == 4:
            request = self.rfile.read(struct.unpack(">i", size)[0])
            key, version, correlation, name = struct.unpack_from(">hhih", request)
            body = self.versions(version) if key == API_VERSIONS else self.metadata(request[10 + name :])
            answer = struct.pack(">i", correlation) + body
            self.wfile.write(struct.pack(">i", len(answer)) + answer)

    def versions(self, version: int) -> bytes:
        error = UNSUPPORTED_VERSION if version else 0
        return struct.pack(">hihhhhhh", error, 2, METADATA, 0, 2, API_VERSIONS, 0, 0)

    def metadata(self, topics: bytes) -> bytes:
        """Version 2: brokers, cluster, controller, and each topic that was asked for, which is unknown."""
        (number,) = struct.unpack_from(">i", topics)
        cluster = struct.pack(">h1s", 1, b"c")
        answer, position = struct.pack(">i", 0) + cluster + struct.pack(">i", -1), 4
        if not self.server.has_forgotten:
            host = b"127.0.0.1"
            itself = struct.pack(f">ih{len(host)}sih", 1, len(host), host, self.server.port, -1)
            answer = struct.pack(">i", 1) + itself + cluster + struct.pack(">i", 1)
        answer += struct.pack(">i", max(0, number))
        for _ in range(number):
            (length,) = struct.unpack_from(">h", topics, position)
            named = topics[position : position + 2 + length]
            answer += struct.pack(">h", UNKNOWN_TOPIC) + named + struct.pack(">bi", 0, 0)
            position += 2 + length
        return answer


@pytest.fixture
def broker() -> Iterator[Forgetful]:
    with Forgetful() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_its_addresses_are_asked_for_again(broker: Forgetful) -> None:
    address = f"127.0.0.1:{broker.port}"
    cluster = KafkaCluster((address,), Security())
    assert cluster.addresses().result(ANSWER_S) == {address}
    broker.has_forgotten = True
    with pytest.raises(BrokerError) as told:
        cluster.addresses().result(ANSWER_S)
    assert told.value.retriable


def test_it_answers(broker: Forgetful) -> None:
    quiet = {"error_cb": lambda _: None}
    with admin_client({**client_config([f"127.0.0.1:{broker.port}"], Security()), **quiet}) as client:
        assert trouble._answers(client, Future())
        broker.has_forgotten = True
        assert trouble._answers(client, Future())
