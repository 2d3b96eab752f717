"""Which of the running histograms a command is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from histsvc.errors import Code, CommandError, shown
from histsvc.jobs.supervisor import Supervisor

Chosen = Mapping[str, frozenset[int]]
"""Indices of histograms by job."""

_MOST_SHOWN = 10


def everything(supervisor: Supervisor) -> Chosen:
    """All histograms that run."""
    return _grouped([(info.job, info.index) for info in supervisor.infos()])


def chosen(supervisor: Supervisor, ids: Sequence[str] | None) -> Chosen:
    """The histograms of these ids (job/index where there is no id), None for all; equal ids go together.

    Raises CommandError NOT_FOUND for an id that does not run.
    """
    if ids is None:
        return everything(supervisor)
    found: dict[str, list[tuple[str, int]]] = {}
    for info in supervisor.infos():
        found.setdefault(info.id or f"{info.job}/{info.index}", []).append((info.job, info.index))
    for k, name in enumerate(ids):
        if name not in found:
            running = ", ".join(shown(each) for each in list(found)[:_MOST_SHOWN]) or "none"
            message = f"ids[{k}]: no histogram {shown(name)} runs; those that run: {running}"
            more = len(found) - _MOST_SHOWN
            raise CommandError(
                Code.NOT_FOUND, message + (f" and {more} more" if more > 0 else ""), f"ids[{k}]"
            )
    return _grouped([place for name in ids for place in found[name]])


def _grouped(places: Sequence[tuple[str, int]]) -> Chosen:
    jobs = {job for job, _ in places}
    return {job: frozenset(index for where, index in places if where == job) for job in jobs}
