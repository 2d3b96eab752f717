"""Run the benchmarks: see ``bin/bench --help``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from kafka_broker import Broker
from rich.console import Console

from benchmarks import dashboard, idle, kernels, latency, loki, odin, rates, report, sharing, soak, startup
from benchmarks.bench import Bench
from benchmarks.finding import Finding

SECTIONS: dict[str, Callable[[Bench], Iterator[Finding]]] = {
    "rates": rates.findings,
    "loki": loki.findings,
    "sharing": sharing.findings,
    "kernels": kernels.findings,
    "odin": odin.findings,
    "latency": latency.findings,
    "idle": idle.findings,
    "soak": soak.findings,
    "startup": startup.findings,
    "dashboard": dashboard.findings,
}
_LEAST_RUNS, _QUICK_RUNS = 9, 2


def options_parser() -> argparse.ArgumentParser:
    """What can be chosen."""
    made = argparse.ArgumentParser(prog="bin/bench", description="Measure the service beside yardsticks.")
    names = ", ".join(SECTIONS)
    made.add_argument("sections", nargs="*", metavar="SECTION", help=f"{names}; all if none is given")
    made.add_argument("--quick", action="store_true", help="less of everything: some minutes")
    made.add_argument("--runs", type=int, help=f"of each side; {_LEAST_RUNS}, with --quick {_QUICK_RUNS}")
    made.add_argument(
        "--to", type=Path, metavar="DIR", default=Path("bench-results"), help="for tables and pictures"
    )
    return made


def main() -> None:
    """Measure, print the table, write the JSON file; a wrong count ends it."""
    parser = options_parser()
    options = parser.parse_args()
    unknown = sorted(set(options.sections) - SECTIONS.keys())
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}")
    console = Console(width=180)
    found: list[Finding] = []
    with Broker() as broker:
        bench = Bench(broker, options.runs or (_QUICK_RUNS if options.quick else _LEAST_RUNS), options.quick)
        for name in options.sections or SECTIONS:
            for finding in SECTIONS[name](bench):
                found.append(finding)
                console.print(
                    f"{finding.row} {finding.work}, {finding.measured}: {finding.value:.3g} {finding.unit}"
                )
            files = report.write(found, options.to)  # what is measured stays, whatever ends the next section
    console.print(report.table(found))
    for file in files:
        console.print(f"written: {file}")


if __name__ == "__main__":
    main()
