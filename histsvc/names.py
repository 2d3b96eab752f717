"""How brokers, topics and patterns of ids are written; wrong ones are refused in one line that names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from histsvc.errors import SettingsError

HOST_PORT = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
TOPIC_RULE = "1 to 249 of the characters a-z A-Z 0-9 . _ -"


def is_host_port(text: str) -> bool:
    """Whether this names one broker: a host's name, its IPv4 or [IPv6] address, a colon and a port."""
    found = HOST_PORT.fullmatch(text)
    return found is not None and 0 < int(found[1]) < 65_536


def host_ports(option: str, given: Sequence[str]) -> tuple[str, ...]:
    """Split what names brokers; raises SettingsError that names the option."""
    brokers = tuple(sorted({broker for word in given for broker in word.replace(",", " ").split()}))
    if not brokers:
        raise SettingsError(f"{option} names no broker; give host:port")
    for broker in brokers:
        if not is_host_port(broker):
            raise SettingsError(f"{option}: {broker!r} is not host:port")
    return brokers


def is_topic(text: str) -> bool:
    """Whether this can be the name of a topic."""
    return TOPIC.fullmatch(text) is not None and text not in (".", "..")


def check_topics(option: str, *topics: str) -> None:
    """Raise SettingsError, which names the option, for what cannot be the name of a topic."""
    for topic in topics:
        if not is_topic(topic):
            raise SettingsError(f"{option}: {topic!r} is no topic: {TOPIC_RULE}")


def plain_ids(patterns: Iterable[str]) -> list[str]:
    """Those that are an id, and not a pattern such as ``bank*``."""
    return [pattern for pattern in patterns if not set(pattern) & set("*?[")]
