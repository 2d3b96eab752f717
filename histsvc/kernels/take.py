"""What the Kafka client has queued is taken from it message by message, without the interpreter.

The C functions are librdkafka's, and so is the layout of a message: `rd_kafka_message_t` in its rdkafka.h.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from histsvc.kernels.jit import call, kernel, vector
from histsvc.model import Int64Array


class Taken(IntEnum):
    """The rows of what `take` writes, one column for each event of librdkafka.

    TOPIC and SIZE are 0 where the event is no message; the others then have no meaning. EVENT, TOPIC and
    ADDRESS are addresses, of which the latter two are valid until the event is let go.
    """

    EVENT = 0
    TOPIC = 1
    PARTITION = 2
    OFFSET = 3
    TIMESTAMP_MS = 4
    ADDRESS = 5
    SIZE = 6


FUNCTIONS = (
    "rd_kafka_queue_poll",
    "rd_kafka_event_message_next",
    "rd_kafka_message_timestamp",
)
"""Whose addresses `take` is given."""
_POLL, _MESSAGE, _TIMESTAMP = range(3)
_EVENT, _TOPIC, _PARTITION, _OFFSET, _TIMESTAMP_MS, _ADDRESS, _SIZE = (int(row) for row in Taken)
_INT32 = 0xFFFFFFFF
# Of rd_kafka_message_t, in words of 8 bytes: err, rkt, partition, payload, len, key, key_len, offset.
_ERR, _RKT, _PARTITION_WORD, _PAYLOAD, _LEN, _OFFSET_WORD, _WORDS = 0, 1, 2, 3, 4, 7, 8


@kernel("int64(int64[::1], int64, int64, int64, int64, int64[:, ::1])")
def take(
    functions: Int64Array, queue: int, timeout_ms: int, most_bytes: int, begin: int, taken: Int64Array
) -> int:
    """Take events into the columns of `taken`, int64 (len(Taken), most), from column `begin` on.

    It waits for the first no longer than `timeout_ms`, and then takes what is there until payloads have
    `most_bytes` or all columns are used. Returns how many are used now. `functions` are the addresses of
    FUNCTIONS, `queue` is an `rd_kafka_queue_t *`.
    """
    kind = np.zeros(1, np.int64)
    n, size = begin, 0
    while n < taken.shape[1] and size < most_bytes:
        event = call(functions[_POLL], queue, timeout_ms)
        if event == 0:
            break
        timeout_ms = 0
        taken[_EVENT, n] = event
        taken[_TOPIC, n] = taken[_SIZE, n] = 0
        message = call(functions[_MESSAGE], event, 0)
        if message != 0:
            words = vector(message, _WORDS, np.int64)
            if words[_ERR] & _INT32 == 0:
                taken[_TOPIC, n] = words[_RKT]
                taken[_PARTITION, n] = words[_PARTITION_WORD] & _INT32
                taken[_OFFSET, n] = words[_OFFSET_WORD]
                taken[_TIMESTAMP_MS, n] = call(functions[_TIMESTAMP], message, kind.ctypes.data)
                taken[_ADDRESS, n] = words[_PAYLOAD]
                taken[_SIZE, n] = words[_LEN]
                size += words[_LEN]
        n += 1
    return n


@kernel("void(int64, int64[::1])")
def let_go(destroy: int, events: Int64Array) -> None:
    """Give events back; `destroy` is the address of ``rd_kafka_event_destroy``."""
    for i in range(events.size):
        call(destroy, events[i], 0)
