"""Run it: see ``bin/chaos --help``."""

from __future__ import annotations

import argparse
import json
import sys
import time

from chaos import run, soak

_MINUTES, _SOAK_MINUTES = 2.0, 30.0


def main() -> int:
    """Returns 0 if every count was right."""
    parser = argparse.ArgumentParser(prog="bin/chaos", description="Kill and freeze processes, then compare.")
    parser.add_argument("--minutes", type=float, help="for how long (2, or 30)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed chooses the same faults")
    about_soak = "kill nothing: half of the top rate with loki.json and 5 commands/s; nothing may grow"
    parser.add_argument("--soak", action="store_true", help=about_soak)
    options = parser.parse_args()
    begun_s = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - begun_s:7.1f} s  {line}", file=sys.stderr, flush=True)

    result: soak.Result | run.Result
    if options.soak:
        result = soak.soak(options.minutes or _SOAK_MINUTES, say)
    else:
        result = run.run(options.minutes or _MINUTES, options.seed, say)
    print(json.dumps(result.as_json()))
    for line in result.wrong:
        print(f"bin/chaos: {line}", file=sys.stderr)
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
