"""Fuzz the parser and the fills: see ``bin/fuzz --help``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from fuzz import found
from fuzz.hunt import Hunt, Report, parts_of
from fuzz.supply import BATCH, Part

# So that a report comes every some seconds.
_PART_BATCHES = 500
_MADE = (Part("found"), Part("corpus"), Part("giants"))


def options_parser() -> argparse.ArgumentParser:
    """What can be chosen."""
    made = argparse.ArgumentParser(
        prog="bin/fuzz", description="Try hostile messages on parser and histograms, bounds checks on."
    )
    made.add_argument("--messages", type=int, default=1_000_000, help="mutated ones (1,000,000)")
    made.add_argument("--seed", type=int, default=1, help="equal seeds give equal messages (1)")
    made.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that try (all cores)")
    made.add_argument("--keep", type=Path, default=found.FOLDER, metavar="DIR", help="for what is found")
    return made


def main() -> None:
    """Try all, print what became of it; exit code 1 if anything was found."""
    options = options_parser().parse_args()
    begun = time.monotonic()
    parts = [*_MADE, *parts_of(options.messages, options.seed, BATCH, _PART_BATCHES)]

    def told(part: Part, report: Report) -> None:
        print(f"{part}: {report.seen['messages']:,} messages", file=sys.stderr)
        for finding in report.findings:
            print(f"FOUND in {finding.part}, kept as {finding.kept}: {finding.ended}\n{finding.said}")

    report = Hunt(options.keep).run(parts, options.processes, told)
    for what in sorted(report.seen):
        print(f"{report.seen[what]:15,}  {what}")
    print(f"seed {options.seed}, {time.monotonic() - begun:.0f} s: {len(report.findings)} found")
    sys.exit(1 if report.findings else 0)


if __name__ == "__main__":
    main()
