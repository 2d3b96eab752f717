"""What is kept of the jobs that run, so that a service that is started again can go on with them. Pure.

Two records, both JSON: `jobs` changes with commands and with deaths of workers, `marks` every second. Each
replaces the one before it. `marks` of jobs that are not in `jobs` mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from histsvc.model import Mark, WorkerSpec

JOBS, MARKS = "jobs", "marks"


@dataclass(frozen=True)
class JobRecord:
    """A job: `first_number` and `size` as Job has them, and what its workers do."""

    id: str
    first_number: int
    size: int
    specs: tuple[WorkerSpec, ...]


@dataclass(frozen=True)
class Record:
    """One message of the state topic; `service` is the id of the service that wrote it."""

    kind: str
    service: str
    jobs: tuple[JobRecord, ...] = ()
    marks: Mapping[str, Mapping[int, Mark]] | None = None


_RECORD = TypeAdapter(Record)


def to_json(record: Record) -> bytes:
    """Write a record."""
    return _RECORD.dump_json(record)


def from_json(payload: bytes) -> Record:
    """Read a record; raises ValueError for what is none."""
    try:
        return _RECORD.validate_json(payload)
    except ValidationError as error:
        raise ValueError(f"no record of a service: {error.errors()[0]['msg']}") from error


def marked(jobs: Iterable[JobRecord], marks: Mapping[str, Mapping[int, Mark]]) -> tuple[JobRecord, ...]:
    """The jobs as others can take them up: each histogram knows its mark, and its epoch has risen."""
    return tuple(
        replace(job, specs=tuple(_taken(spec, marks.get(job.id, {})) for spec in job.specs)) for job in jobs
    )


def _taken(spec: WorkerSpec, marks: Mapping[int, Mark]) -> WorkerSpec:
    histograms = (
        replace(h, epoch=h.epoch + 1, mark=marks.get(h.index, h.mark or Mark())) for h in spec.histograms
    )
    return replace(spec, histograms=tuple(histograms), attempt=0, reached={}, suspects=())
