"""Where batches of messages come from: parts with names; the same name gives the same everywhere."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fuzz import corpus, found, messages
from fuzz.mutate import Mutator

BATCH = 64
"""Messages that are parsed together."""


@dataclass(frozen=True)
class Part:
    """Batches `first` to `last`, exclusive, of `kind`; of mutations those of `seed`."""

    kind: str
    seed: int = 0
    first: int = 0
    last: int = 1 << 62

    def __str__(self) -> str:
        return f"{self.kind}:{self.seed}:{self.first}:{self.last}"

    @classmethod
    def named(cls, text: str) -> Part:
        """The part of this name; raises ValueError where it is none."""
        kind, *numbers = text.split(":")
        return cls(kind, *map(int, numbers))

    def batches(self, folder: Path) -> Iterator[tuple[int, list[bytes]]]:
        """Number and messages of each batch; `folder` has what was found."""
        if self.kind == "mutated":
            # Batches are made one by one, so that none depends on those before it.
            mutator = Mutator(messages.small(), messages.large())
            for number in range(self.first, self.last):
                yield number, mutator.batch(random.Random(f"{self.seed}-{number}"), BATCH)
            return
        sources = {"corpus": _chunks(corpus.small_ones()), "giants": ([m] for m in corpus.giants())}
        batches = found.kept(folder) if self.kind == "found" else sources[self.kind]
        yield from itertools.islice(enumerate(batches), self.first, self.last)


def _chunks(each: Iterator[bytes]) -> Iterator[list[bytes]]:
    while chunk := list(itertools.islice(each, BATCH)):
        yield chunk
