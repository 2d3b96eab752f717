"""The process that dies: it tries the batches of a part, and says which is in hand before it does."""

from __future__ import annotations

import argparse
import faulthandler
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fuzz.supply import BATCH, Part
from fuzz.trial import Trial
from fuzz.walls import Walls
from histsvc.kernels import dethist
from histsvc.model import Column, Tally

HANGS_S = 300
"""Only what hangs takes so long for one batch."""
_CELL_BYTES = 128 * 1024


def main(arguments: list[str] | None = None) -> None:
    """Try a part; raises what is wrong with it, if the process is still there to do so."""
    parser = argparse.ArgumentParser(prog="fuzz.child")
    parser.add_argument("part", type=Part.named)
    parser.add_argument("--found", type=Path, required=True)
    parser.add_argument("--alone", action="store_true", help="message by message")
    options = parser.parse_args(arguments)
    faulthandler.enable()
    assert_checked()
    seen: Counter[str] = Counter()
    one_by_one = options.alone or options.part.kind in ("giants", "found")
    shared = None if one_by_one else Trial(Walls(BATCH, _CELL_BYTES), seen)
    for number, at, messages in _steps(options.part, options.found, alone=options.alone):
        faulthandler.dump_traceback_later(HANGS_S, exit=True)
        print(json.dumps({"batch": number, "message": at}), flush=True)
        trial = shared or Trial(Walls(len(messages), max(map(len, messages))), seen)
        trial.run(messages)
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps({"seen": seen}), flush=True)


def _steps(part: Part, folder: Path, *, alone: bool) -> Iterator[tuple[int, int, list[bytes]]]:
    for number, messages in part.batches(folder):
        if alone:
            yield from ((number, at, [message]) for at, message in enumerate(messages))
        else:
            yield number, 0, messages


def assert_checked() -> None:
    """Assert that kernels look at the bounds of arrays: a wrong row must raise, not be read."""
    table = np.zeros((len(Column), 1), np.int64)
    room = np.zeros(2, np.uint8), np.zeros(2, np.int64), np.zeros(len(Tally), np.int64)
    try:
        dethist.fill(np.array([1]), table, 0, *room)
    except IndexError:
        return
    raise AssertionError("kernels without bounds checks: set NUMBA_BOUNDSCHECK=1")


if __name__ == "__main__":
    main()
