"""Limits: of memory, against what there is and before anything is allocated, and of the size of a command."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, cast

import pytest
from fake_cluster import FakeClusters
from fakes import BROKERS, FakeClock, histogram_spec, raw_config, worker_spec
from unit.fake_worker import Workers
from unit.serving import Service
from unit.test_check import request

from histsvc.commands import check as module
from histsvc.commands.check import check_memory
from histsvc.commands.context import Context
from histsvc.errors import Code, CommandError
from histsvc.jobs import supervisor
from histsvc.jobs.job import Job
from histsvc.jobs.supervisor import Supervisor
from histsvc.machine import memory_bytes
from histsvc.protocol.heartbeat import Heartbeat, ServiceIdentity
from histsvc.settings import KafkaSettings, Limits, ServiceSettings


class Running:
    """A supervisor of one job, whose histogram has a million bins."""

    jobs: ClassVar = {"job": Job("job", [worker_spec(histogram_spec("hist1d", num_bins=1_000_000))])}


def context(max_memory_mb: int) -> Context:
    settings = ServiceSettings(KafkaSettings(BROKERS), "c", limits=Limits(max_memory_mb=max_memory_mb))
    heartbeat = Heartbeat(0, 1000, ServiceIdentity("histsvc", "", "0", "1.0", 0), (), ())
    clusters = FakeClusters()
    return Context(cast(Supervisor, Running()), clusters, clusters, FakeClock(), settings, lambda: heartbeat)


def test_what_runs_counts_as_well() -> None:
    million = {"num_bins": 1_000_000}
    check_memory(request(dict(million)), context(50))
    with pytest.raises(CommandError) as caught:
        check_memory(request(dict(million), dict(million)), context(74))
    assert (caught.value.code, caught.value.field) == (Code.RESOURCE_EXHAUSTED, "histograms[1]")
    assert caught.value.message == (
        "histograms[1]: with it histograms need 75 MB, of which 25 run already; "
        "the limit is 74 MB (--max-memory-mb)"
    )


def test_errors_need_memory_too() -> None:
    """Of da00 there are two numbers for each bin in the message, and in the client's copy of it."""
    million = {"num_bins": 1_000_000}
    check_memory(request(million | {"output_schema": "da00"}), context(66))
    with pytest.raises(CommandError, match="need 66 MB, of which 25 run already"):
        check_memory(request(million | {"output_schema": "da00"}), context(65))
    check_memory(request(million | {"output_schema": "hs01"}), context(50))


def test_tables_that_pixels_are_looked_up_in_count_as_well() -> None:
    region = {"left_edges": list(range(10_000)), "width": 1}
    check_memory(request({"region": region}), context(28))
    with pytest.raises(CommandError, match="need 27 MB, of which 25 run already; the limit is 27 MB"):
        check_memory(request({"region": region}), context(27))


def test_without_a_limit_it_is_most_of_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "memory_bytes", lambda: 100_000_000)
    check_memory(request({"num_bins": 2_000_000}), context(0))
    with pytest.raises(CommandError, match=r"the limit is 75 MB"):
        check_memory(request({"num_bins": 2_000_001}), context(0))


def test_a_config_is_held_against_it_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "memory_bytes", lambda: 10_000_000)
    monkeypatch.setattr(supervisor, "wait", lambda ends, timeout_s: [])
    service = Service(workers=Workers(1))
    histograms = [raw_config("hist1d", num_bins=1_000_000)]
    service.send({"cmd": "config", "msg_id": 1, "histograms": histograms})
    (reply,) = service.work()
    assert (reply["code"], reply["field"]) == ("RESOURCE_EXHAUSTED", "histograms[0]")


def confined(tmp_path: Path, lines: str, files: dict[str, str]) -> int:
    """What is found with this /proc/self/cgroup and these files below /sys/fs/cgroup."""
    process = tmp_path / "self"
    process.write_text(lines)
    for name, content in files.items():
        file = tmp_path / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return memory_bytes(tmp_path / "groups", process)


MB = 1_000_000


@pytest.mark.parametrize(
    ("lines", "files", "expected"),
    [
        ("0::/a/b\n", {"a/b/memory.max": f"{7 * MB}\n"}, 7 * MB),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": f"{9 * MB}\n"}, 9 * MB),
        ("0::/a/b\n", {"a/b/memory.max": f"{7 * MB}\n", "memory.max": f"{5 * MB}\n"}, 5 * MB),
        # As a container sees it.
        ("0::/\n", {"memory.max": f"{6 * MB}\n"}, 6 * MB),
        (
            "3:cpu,memory:/x\n2:cpuset:/\n0::/\n",
            {"memory/x/memory.limit_in_bytes": f"{8 * MB}\n"},
            8 * MB,
        ),
    ],
)
def test_the_least_of_all_groups_holds(
    lines: str, files: dict[str, str], expected: int, tmp_path: Path
) -> None:
    assert confined(tmp_path, lines, files) == expected


@pytest.mark.parametrize(
    ("lines", "files"),
    [
        ("0::/\n", {"memory.max": "max\n"}),
        ("0::/a\n", {}),
        ("2:memory:/\n", {"memory/memory.limit_in_bytes": f"{1 << 62}\n"}),
        ("", {}),
    ],
)
def test_without_a_limit_it_is_the_machine(lines: str, files: dict[str, str], tmp_path: Path) -> None:
    whole = memory_bytes(tmp_path / "none", tmp_path / "none")
    assert confined(tmp_path, lines, files) == whole > 100 * MB


def test_a_command_that_is_too_large_is_refused_with_a_reply() -> None:
    service, most = Service(), Limits().max_command_bytes
    service.send({"cmd": "ping", "msg_id": 1, "x": "a" * most}, {"cmd": "ping", "msg_id": 2})
    first, second = service.work()
    assert (first["msg_id"], first["code"], second["response"]) == (1, "RESOURCE_EXHAUSTED", "ACK")
    assert f"more than the {most} allowed (--max-command-bytes)" in first["message"]
