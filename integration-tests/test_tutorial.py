"""docs/tutorial.md does what it says, from its first command to its last."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.image
import pytest
from documents import ROOT, clone, done
from kafka_broker import Broker

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


@pytest.mark.timeout(300)
def test_from_a_nexus_file_to_a_live_histogram(broker: Broker, readers: Path) -> None:
    folder = clone(readers, "tutorial")

    printed = done(TUTORIAL, folder, broker.bootstrap)

    assert "WRONG" not in printed
    assert printed.count(": exact") == 2
    assert "spectrum: 210000 events, FINISHED" in printed
    grown = [line.split() for line in (folder / "watched.txt").read_text().splitlines()]
    counts = [int(words[3].replace(",", "")) for words in grown if words[1] == "image"]
    assert len(counts) >= 4, "several pictures in three seconds"
    assert counts == sorted(counts)
    assert counts[-1] == 210_000
    assert matplotlib.image.imread(folder / "histograms.png").std() > 0.05
    log = (folder / "histsvc.log").read_text()
    assert log.rstrip().endswith("stopped")
    assert not re.search("ERROR|Traceback", log)
