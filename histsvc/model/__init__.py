"""The values that flow through the service. All are frozen; none does I/O."""

from histsvc.model.batch import (
    Batch,
    Column,
    EventBatch,
    EventLayout,
    Fault,
    Pulse,
    RawMessages,
    Tally,
    joined,
)
from histsvc.model.frames import Frame, FrameBatch
from histsvc.model.payloads import InPlace, Int64Array, Payloads, addresses
from histsvc.model.snapshot import Role, Snapshot, Variable
from histsvc.model.work import (
    Extent,
    HistogramSpec,
    Mark,
    Offsets,
    Partition,
    Place,
    Start,
    Stream,
    WorkerSpec,
)

__all__ = [
    "Batch",
    "Column",
    "EventBatch",
    "EventLayout",
    "Extent",
    "Fault",
    "Frame",
    "FrameBatch",
    "HistogramSpec",
    "InPlace",
    "Int64Array",
    "Mark",
    "Offsets",
    "Partition",
    "Payloads",
    "Place",
    "Pulse",
    "RawMessages",
    "Role",
    "Snapshot",
    "Start",
    "Stream",
    "Tally",
    "Variable",
    "WorkerSpec",
    "addresses",
    "joined",
]
