"""Spare worker processes: on a busy machine a service that has just started has only one for seconds."""

from __future__ import annotations

from service_process import Service


def until_spare(service: Service, count: int) -> None:
    """Wait until a heartbeat tells of so many spare workers."""
    service.heartbeat_until(
        lambda beat: len([each for each in beat["workers"] if each["state"] == "SPARE"]) >= count, 90
    )
