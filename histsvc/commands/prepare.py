"""What config and add have in common: to check everything, to prepare it in spare workers, to let it go."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from histsvc.clock import Deadline, now_ms
from histsvc.commands.check import check_limits, check_loops, check_memory
from histsvc.commands.context import Context
from histsvc.commands.starts import Starts, find_starts
from histsvc.commands.steps import Steps, wait_for, wait_until
from histsvc.commands.topics import check_brokers, check_topics
from histsvc.errors import Code, CommandError
from histsvc.jobs.job import Job
from histsvc.jobs.plan import Wish, plan
from histsvc.jobs.worker_process import WorkerLostError, WorkerProcess
from histsvc.model import HistogramSpec, WorkerSpec
from histsvc.protocol.config import ConfigRequest, HistogramRequest
from histsvc.worker.link import Finish, Go, Prepare

# What is left for the new histograms to begin.
GO_S = 0.3


@dataclass(frozen=True)
class Prepared:
    """A job that has only to be let go: each worker has built its part and placed its reader."""

    job: str
    specs: tuple[WorkerSpec, ...]
    workers: list[WorkerProcess]
    warnings: list[str]


def prepare(
    request: ConfigRequest, context: Context, workers: int, deadline: Deadline, *, beside: bool
) -> Steps[Prepared]:
    """Check all of it and prepare it in at most `workers` spare workers; what runs is not touched.

    `beside`: what runs goes on after that, too. Raises CommandError where anything is wrong.
    """
    check_limits(request, context.settings.limits)
    check_memory(request, context)
    own = yield from check_brokers(request, context, deadline)
    check_loops(request, context, own, beside=beside)
    job = uuid.uuid4().hex[:12]
    specs, warnings = yield from _specs(job, request, context, workers, deadline)
    return Prepared(job, specs, (yield from _in_spares(specs, context, deadline)), warnings)


def _specs(
    job: str, request: ConfigRequest, context: Context, workers: int, deadline: Deadline
) -> Steps[tuple[tuple[WorkerSpec, ...], list[str]]]:
    """What the job's workers do, from what the brokers say."""
    topics = yield from check_topics(request, context, deadline)
    now = now_ms(context.clock)
    start_ms, stop_ms = request.start_ms, request.stop_ms
    live = request.interval_s is not None
    if request.interval_s is not None:
        start_ms, stop_ms = now, now + round(request.interval_s * 1000)
    starts = yield from find_starts(topics.data, None if live else start_ms, now, context, deadline)
    wishes = [_wish(i, histogram, request, starts) for i, histogram in enumerate(request.histograms)]
    times = start_ms, stop_ms
    specs = plan(job, wishes, starts.offsets, times, workers, topics.awaited, starts.ends)
    ids = tuple((stream, facts.topic_id) for stream, facts in topics.data.items())
    return tuple(replace(spec, topic_ids=ids, begun_ms=now) for spec in specs), topics.warnings


def _wish(index: int, histogram: HistogramRequest, request: ConfigRequest, starts: Starts) -> Wish:
    streams = tuple(
        (histogram.config.brokers, topic) for topic in dict.fromkeys(histogram.config.data_topics)
    )
    errors = [starts.errors[stream] for stream in streams if stream in starts.errors]
    content = [histogram.raw, request.start_ms, request.stop_ms, request.interval_s, histogram.input_schemas]
    spec = HistogramSpec(
        index=index,
        config=histogram.raw,
        input_schemas=histogram.input_schemas,
        output_schema=histogram.output_schema,
        config_hash=hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16],
        error=errors[0] if errors else None,
    )
    return Wish(spec, streams)


def _in_spares(
    specs: Sequence[WorkerSpec], context: Context, deadline: Deadline
) -> Steps[list[WorkerProcess]]:
    """Build the histograms and place the readers in spare workers."""
    supervisor = context.supervisor
    workers = yield from wait_until(
        lambda: supervisor.reserve(len(specs)),
        deadline,
        f"{len(specs)} spare worker processes were not ready in time",
    )
    try:
        answers = [worker.request(Prepare(spec)) for worker, spec in zip(workers, specs, strict=True)]
        for worker, answer in zip(workers, answers, strict=True):
            yield from wait_for(answer, deadline, f"worker process {worker.pid}")
    except WorkerLostError as error:
        yield from _release(workers, context)
        raise CommandError(Code.INTERNAL, f"the histograms could not be prepared: {error}") from error
    except CommandError:
        yield from _release(workers, context)
        raise
    return workers


def _release(workers: Sequence[WorkerProcess], context: Context) -> Steps[None]:
    """Give prepared workers back; one that does not answer at once is ended."""
    deadline = Deadline(context.clock, 0.5)
    for worker in workers:
        if worker.busy:
            context.supervisor.discard(worker)
            continue
        try:
            answer = worker.request(Finish(None, 0.0, 0.0))
            yield from wait_for(answer, deadline, f"worker process {worker.pid}")
            context.supervisor.free(worker, None)
        except (WorkerLostError, CommandError):
            context.supervisor.discard(worker)


def go(prepared: Prepared, context: Context, deadline: Deadline) -> Steps[list[str]]:
    """Let the workers count; one that dies here is treated as any that dies later, with a warning."""
    context.supervisor.begin(Job(prepared.job, prepared.specs), prepared.workers, prepared.specs)
    warnings: list[str] = []
    answers = [worker.request(Go()) for worker in prepared.workers]
    for worker, answer in zip(prepared.workers, answers, strict=True):
        try:
            yield from wait_for(answer, deadline, f"worker process {worker.pid}")
        except WorkerLostError as error:
            warnings.append(str(error))
        except CommandError as error:
            # The job has begun, so it is not refused: the histograms of this worker are in ERROR.
            context.supervisor.discard(worker)
            warnings.append(error.message)
    return warnings
