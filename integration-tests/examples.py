"""The files of example_configs, with the brokers and topics of a test in the place of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service_process import Histograms

FOLDER = Path(__file__).parents[1] / "example_configs"


def command_files() -> list[str]:
    """The files that are commands."""
    return sorted(path.name for path in FOLDER.glob("*.json") if "cmd" in json.loads(path.read_text()))


def command(name: str) -> dict[str, Any]:
    """The command of a file as it stands."""
    read: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return read


def placed(name: str, bootstrap: str, topics: Mapping[str, str]) -> dict[str, Any]:
    """The command of a file with every topic replaced; `topics` says by what."""
    made = command(name)
    for histogram in made["histograms"]:
        assert histogram["data_brokers"] == ["localhost:9092"]
        histogram["data_brokers"] = [bootstrap]
        histogram["data_topics"] = [topics[topic] for topic in histogram["data_topics"]]
        histogram["topic"] = topics[histogram["topic"]]
    return made


def until_read(published: Histograms, messages: Mapping[str, int], timeout_s: float = 30.0) -> None:
    """Wait until each histogram has read so many messages: `stop` gives a busy machine 1 s for them."""
    for name, count in messages.items():
        published.until(lambda h, n=name, c=count: h.info.id == n and h.info.messages == c, timeout_s)  # type: ignore[misc]
