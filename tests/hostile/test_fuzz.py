"""The fuzzer in short: hostile messages harm nothing and count as the reference says; faults are found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import planted

from fuzz import found, rules
from fuzz.hunt import Hunt, Report
from fuzz.rules import OURS, Events, Rule
from fuzz.supply import BATCH, Part
from fuzz.walls import Side

# One byte beyond the message, of which the wall is the neighbour, or none beyond.
_READ = """
import ctypes, sys
from fuzz.walls import Side, Walls
side, beyond = Side(sys.argv[1]), int(sys.argv[2])
placed = Walls(3, 5000).place([b"first", b"second", b"third"], side)
address, size = int(placed.address[1]), int(placed.size[1])
begin = address - beyond if side is Side.FRONT else address
assert b"second" in ctypes.string_at(begin, size + beyond)
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("side", Side)
def test_the_walls_are_real(side: Side) -> None:
    assert run("-c", _READ, side, "0").returncode == 0
    assert run("-c", _READ, side, "1").returncode < 0


@pytest.mark.timeout(600)  # the first run compiles the kernels once more, with checks
def test_hostile_messages_do_no_harm_and_are_counted_as_the_reference_says(tmp_path: Path) -> None:
    keep = ("--keep", str(tmp_path))
    result = run("-m", "fuzz", "--messages", "10000", "--seed", "1", "--processes", "1", *keep)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    seen = {}
    for line in result.stdout.splitlines()[:-1]:
        number, _, what = line.strip().partition("  ")
        seen[what] = int(number.replace(",", ""))
    assert seen["messages"] > 30_000
    # It has tried something, of every kind.
    assert all(seen[f"counted: {schema}"] > 1000 for schema in ("ev42", "ev44", "da00"))
    assert all(seen[f"refused: {rule.name}"] > 300 for rule in Rule)
    refused = {rule: seen[f"refused though the usual decoder reads it: {rule.name}"] for rule in Rule}
    assert {rule for rule, number in refused.items() if number} == set(OURS)


def hunted(fault: str, part: Part, keep_in: Path) -> Report:
    command = (sys.executable, planted.__file__, fault)
    return Hunt(keep_in, command).run([part], 1, lambda part, report: None)


def kept(keep_in: Path) -> list[list[bytes]]:
    return list(found.kept(keep_in))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("fault", "ended"), [("reads_behind", "SIG"), ("reads_before", "SIG"), ("miscounts", "exit code 1")]
)
def test_a_fault_of_a_kernel_is_found_and_the_message_kept(fault: str, ended: str, tmp_path: Path) -> None:
    part = Part("mutated", 7, 0, 3)
    report = hunted(fault, part, tmp_path)
    assert report.findings
    assert all(each.ended.startswith(ended) for each in report.findings)
    for (message,) in kept(tmp_path):
        read = rules.read(message)
        assert isinstance(read, Events)
        assert read.tof.size == planted.EVENTS
    # What was found is tried again from its file.
    victims = [batch for _, batch in part.batches(tmp_path) if kept(tmp_path)[0][0] in batch]
    assert len(victims) == 1


@pytest.mark.timeout(600)
def test_what_only_several_messages_do_is_kept_as_a_batch(tmp_path: Path) -> None:
    report = hunted("raises_together", Part("mutated", 7, 5, 6), tmp_path)
    ((messages),) = kept(tmp_path)
    assert len(messages) == BATCH
    assert "planted" in report.findings[0].said
    assert report.findings[0].part == "mutated:7:5:6"


@pytest.mark.timeout(600)
def test_a_message_that_takes_for_ever_is_found(tmp_path: Path) -> None:
    report = hunted("hangs", Part("giants", 0, 0, 1), tmp_path)
    assert kept(tmp_path) == [[b""]]
    assert "Timeout" in report.findings[0].said
