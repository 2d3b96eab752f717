"""Run it: see ``bin/chaos --help``."""

from __future__ import annotations

import argparse
import json
import sys
import time

from chaos.run import as_json, run


def main() -> int:
    """Returns 0 if every count was right."""
    parser = argparse.ArgumentParser(prog="bin/chaos", description="Kill and freeze processes, then compare.")
    parser.add_argument("--minutes", type=float, default=2.0, help="for how long")
    parser.add_argument("--seed", type=int, default=1, help="the same seed chooses the same faults")
    options = parser.parse_args()
    begun_s = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - begun_s:7.1f} s  {line}", file=sys.stderr, flush=True)

    result = run(options.minutes, options.seed, say)
    print(json.dumps(as_json(result)))
    for line in result.wrong:
        print(f"bin/chaos: {line}", file=sys.stderr)
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
