"""AdminClients, none of which outlives the interpreter.

confluent-kafka gives each answer to Python from a thread of librdkafka's, also the one that a request has
timed out. Where the interpreter has ended by then, that ends the process with signal 11. So each client is
closed before; what has not been answered ends with an error then.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

from confluent_kafka.admin import AdminClient

from histsvc.kafka.security import create

_open: WeakSet[AdminClient] = WeakSet()


def admin_client(config: Mapping[str, Any]) -> AdminClient:
    """Make a client that is closed at the end of the process at the latest; raises SettingsError."""
    client = create(AdminClient, config)
    _open.add(client)
    return client


@atexit.register
def _close_all() -> None:
    for client in list(_open):
        client.__exit__(None, None, None)
