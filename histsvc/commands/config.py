"""config: replaces everything that runs, after all of it was checked."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from histsvc.clock import Deadline, now_ms
from histsvc.commands.check import check_limits, check_loops, check_topics
from histsvc.commands.context import Context
from histsvc.commands.ending import end_jobs
from histsvc.commands.starts import Starts, find_starts
from histsvc.commands.steps import Steps, need, wait_for, wait_until
from histsvc.errors import Code, CommandError
from histsvc.jobs.job import Job
from histsvc.jobs.plan import Wish, plan
from histsvc.jobs.worker_process import WorkerLostError, WorkerProcess
from histsvc.model import HistogramSpec, WorkerSpec
from histsvc.protocol.commands import Command, ConfigRequest, HistogramRequest, config_request
from histsvc.worker.link import Finish, Go, Prepare

# What is left for the new histograms to begin, after those that they replace have ended.
_GO_S = 0.3


def config(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
    """Check, prepare in spare workers, end what runs, begin."""
    request = config_request(command.content)
    check_limits(request, context.limits)
    check_loops(request, context)
    warnings = list(request.warnings)
    if not request.histograms:
        need(deadline, context.ending_s)
        warnings += yield from end_jobs(context, 0.0, deadline)
        return _reply(warnings)
    # What can be refused has to be settled while there is time to end what runs.
    need(deadline, context.ending_s)
    early = Deadline(context.clock, deadline.remaining_s() - context.ending_s)
    job, specs, missing = yield from _specs(request, context, early)
    warnings += missing
    workers = yield from _prepare(specs, context, early)
    # From here on there is no way back, and nothing left that could be refused.
    replaced = Deadline(context.clock, deadline.remaining_s() - _GO_S)
    warnings += yield from end_jobs(context, 0.0, replaced)
    context.supervisor.begin(Job(job, specs), workers, specs)
    warnings += yield from _go(workers, context, deadline)
    return _reply(warnings)


def _reply(warnings: Sequence[str]) -> Mapping[str, Any]:
    return {"warnings": list(warnings)} if warnings else {}


def _specs(
    request: ConfigRequest, context: Context, deadline: Deadline
) -> Steps[tuple[str, tuple[WorkerSpec, ...], list[str]]]:
    """The job's id and what its workers do, from what the brokers say."""
    facts, warnings = yield from check_topics(request, context, deadline)
    now = now_ms(context.clock)
    start_ms, stop_ms = request.start_ms, request.stop_ms
    live = request.interval_s is not None
    if request.interval_s is not None:
        start_ms, stop_ms = now, now + round(request.interval_s * 1000)
    wanted = {(h.config.brokers, topic) for h in request.histograms for topic in h.config.data_topics}
    data = {stream: topic for stream, topic in facts.items() if stream in wanted}
    starts = yield from find_starts(data, None if live else start_ms, now, context, deadline)
    job = uuid.uuid4().hex[:12]
    wishes = [_wish(i, histogram, request, starts) for i, histogram in enumerate(request.histograms)]
    return job, plan(job, wishes, starts.offsets, (start_ms, stop_ms), context.supervisor.size), warnings


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


def _prepare(specs: Sequence[WorkerSpec], context: Context, deadline: Deadline) -> Steps[list[WorkerProcess]]:
    """Build the histograms and place the readers in spare workers; what runs is not touched."""
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
            yield from wait_for(worker.request(Finish(None, 0.0, 0.0)), deadline, f"worker process {worker.pid}")
            context.supervisor.free([worker])
        except (WorkerLostError, CommandError):
            context.supervisor.discard(worker)


def _go(workers: Sequence[WorkerProcess], context: Context, deadline: Deadline) -> Steps[list[str]]:
    """Let the workers count; one that dies here is treated as any that dies later, with a warning."""
    warnings: list[str] = []
    answers = [worker.request(Go()) for worker in workers]
    for worker, answer in zip(workers, answers, strict=True):
        try:
            yield from wait_for(answer, deadline, f"worker process {worker.pid}")
        except WorkerLostError as error:
            warnings.append(str(error))
        except CommandError as error:
            # The job has begun, so it is not refused: the histograms of this worker are in ERROR.
            context.supervisor.discard(worker)
            warnings.append(error.message)
    return warnings
