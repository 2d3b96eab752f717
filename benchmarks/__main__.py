"""Run the benchmarks: see ``bin/bench --help``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kafka_broker import Broker
from rich.console import Console

from benchmarks import report
from benchmarks.pairs import LEAST_RUNS
from benchmarks.rates import rates
from benchmarks.sides import service_on

_MEGABYTES, _QUICK_MEGABYTES = 600, 150


def main() -> None:
    """Measure, print the table and write the JSON file; a wrong count ends it."""
    made = argparse.ArgumentParser(prog="bin/bench", description="Measure the service beside yardsticks.")
    made.add_argument("--quick", action="store_true", help="less of everything: a few minutes")
    made.add_argument("--runs", type=int, default=LEAST_RUNS, help=f"of each side; {LEAST_RUNS} if not given")
    made.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to this file")
    options = made.parse_args()
    console = Console(width=150)
    found: list[report.Row] = []
    with Broker() as broker:
        service = service_on(broker)
        try:
            megabytes = _QUICK_MEGABYTES if options.quick else _MEGABYTES
            for rate in rates(broker, service, megabytes, options.runs):
                found += report.rows(rate)
                console.print(f"{rate.filled.shape.name}: {rate.filled.events / 1e6:,.1f} million events")
        finally:
            service.close()
    report.show(found, console)
    if options.json is not None:
        options.json.write_text(json.dumps(report.document(found), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
