"""The broker's server.properties, and the ports that go into it."""

import random
import socket
import uuid
from base64 import urlsafe_b64encode
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

USER = "histsvc"
PASSWORD = "histsvc-secret"

SASL_CLIENT = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "PLAIN",
    "sasl.username": USER,
    "sasl.password": PASSWORD,
}
"""What a client of `Broker.sasl_bootstrap` needs beside the address."""

_HOST = "127.0.0.1"
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FOREVER_MS = 2**63 - 1


@dataclass(frozen=True)
class Ports:
    """Where the broker listens, on loopback only; a restarted broker keeps its ports."""

    plain: int
    sasl: int
    tls: int
    sasl_tls: int
    controller: int


@dataclass(frozen=True)
class Tls:
    """PEM files of a broker: its key (PKCS8, Kafka reads no other) with its chain, and who signs clients."""

    keystore: Path
    truststore: Path


@dataclass(frozen=True)
class Member:
    """A broker's place in a cluster: its number, from 1 on, and the ports of all members."""

    number: int
    cluster_id: str
    ports: tuple[Ports, ...]

    @property
    def own(self) -> Ports:
        """Where it listens itself."""
        return self.ports[self.number - 1]

    @property
    def voters(self) -> str:
        """All members as controllers."""
        return ",".join(f"{n}@{address(ports.controller)}" for n, ports in enumerate(self.ports, 1))


def members(count: int) -> list[Member]:
    """The places in a new cluster of so many."""
    # Behind "A" it cannot begin with "-", which would be taken for an option.
    cluster_id = "A" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
    ports = tuple(free_ports() for _ in range(count))
    return [Member(number, cluster_id, ports) for number in range(1, count + 1)]


@dataclass(frozen=True)
class Setup:
    """How a broker is different from the simplest; `front` is where clients are told that it listens."""

    tls: Tls | None = None
    acls: bool = False
    front: str | None = None


def free_ports() -> Ports:
    """Choose ports that nobody uses and that the kernel gives to no outgoing connection.

    From the ephemeral range, a client that tries again and again to reach a stopped broker can end up
    connected to itself, and so take the port that the broker needs when it comes back.
    """
    lowest_ephemeral, _ = (int(word) for word in _PORT_RANGE.read_text().split())
    candidates = list(range(10_000, lowest_ephemeral)) or list(range(61_000, 65_536))
    random.shuffle(candidates)
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < 5:
            listener = held.enter_context(socket.socket())
            port = candidates.pop()
            try:
                listener.bind((_HOST, port))
            except OSError:
                continue
            found.append(port)
    return Ports(*found)


def address(port: int) -> str:
    """Address of a listener, as clients take it."""
    return f"{_HOST}:{port}"


def server_properties(member: Member, log_dir: Path, setup: Setup) -> str:
    """Text of server.properties: a combined KRaft node with everything at test speed."""
    replicas = min(len(member.ports), 3)
    properties = _node(member, log_dir) | _sasl("sasl_plaintext") | _replicas(replicas) | _retention()
    properties |= _patient() if replicas > 1 else _quick_restart()
    if setup.tls is not None:
        more = f"SSL://{address(member.own.tls)},SASL_SSL://{address(member.own.sasl_tls)}"
        properties |= _tls(setup.tls) | _sasl("sasl_ssl") | {"listeners": f"{properties['listeners']},{more}"}
    if setup.acls:
        properties |= _acls()
    if setup.front is not None:
        own = f"SASL_PLAINTEXT://{address(member.own.sasl)}"
        properties["advertised.listeners"] = f"PLAINTEXT://{setup.front},{own}"
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def _node(member: Member, log_dir: Path) -> dict[str, object]:
    ports = member.own
    listeners = {"PLAINTEXT": ports.plain, "SASL_PLAINTEXT": ports.sasl, "CONTROLLER": ports.controller}
    return {
        "process.roles": "broker,controller",
        "node.id": member.number,
        "controller.quorum.voters": member.voters,
        "listeners": ",".join(f"{name}://{address(port)}" for name, port in listeners.items()),
        "listener.security.protocol.map": (
            "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT"
        ),
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": log_dir,
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
    }


def _sasl(listener: str) -> dict[str, object]:
    """PLAIN for one user; SCRAM users are those that an admin client makes."""
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    prefix = f"listener.name.{listener}"
    return {
        f"{prefix}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        f"{prefix}.plain.sasl.jaas.config": f'{login} user_{USER}="{PASSWORD}";',
        f"{prefix}.scram-sha-512.sasl.jaas.config": f"{scram};",
    }


def _acls() -> dict[str, object]:
    """Who logs in has the rights that it is given; everybody else, and the broker itself, has all."""
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }


def _tls(tls: Tls) -> dict[str, object]:
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": tls.keystore,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": tls.truststore,
        "listener.name.ssl.ssl.client.auth": "required",
    }


def _replicas(count: int) -> dict[str, object]:
    return {
        "default.replication.factor": count,
        "offsets.topic.replication.factor": count,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": count,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": count,
        "share.coordinator.state.topic.min.isr": 1,
    }


def _quick_restart() -> dict[str, object]:
    # A killed broker cannot come back before its old registration has expired (9 s by default).
    return {
        "broker.session.timeout.ms": 1000,
        "broker.heartbeat.interval.ms": 200,
        "controller.quorum.fetch.timeout.ms": 1000,
        "controller.quorum.election.timeout.ms": 500,
    }


def _patient() -> dict[str, object]:
    # Members of a cluster that a busy machine holds up for a second must not be given up by the others: who
    # is killed then would be the only one in sync, and nobody could take the lead.
    return {
        "broker.session.timeout.ms": 6000,
        "broker.heartbeat.interval.ms": 500,
        "controller.quorum.fetch.timeout.ms": 4000,
        "controller.quorum.election.timeout.ms": 2000,
    }


def _retention() -> dict[str, object]:
    # Recorded data carry timestamps of 2016: by default nothing expires and every timestamp is accepted.
    # A topic that sets retention of its own is cleaned within seconds (by default: minutes).
    return {
        "log.retention.ms": -1,
        "log.message.timestamp.before.max.ms": _FOREVER_MS,
        "log.message.timestamp.after.max.ms": _FOREVER_MS,
        "log.initial.task.delay.ms": 0,
        "log.retention.check.interval.ms": 500,
        "log.segment.delete.delay.ms": 500,
        "log.cleaner.backoff.ms": 500,
    }
