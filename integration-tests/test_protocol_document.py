"""docs/protocol.md and docs/migration.md know every option, key and code of the code, and no other."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from histsvc.cli import COMMANDS
from histsvc.cli.options import service_parser
from histsvc.commands.dispatch import HANDLERS
from histsvc.errors import Code
from histsvc.histograms.registry import histogram_types
from histsvc.protocol.heartbeat import Heartbeat, ServiceIdentity, ServiceState, WorkerStatus
from histsvc.protocol.info import HistogramInfo, State
from histsvc.wire import EVENT_DESERIALISERS, FRAME_DESERIALISERS, HISTOGRAM_SERIALISERS

DOCS = Path(__file__).parents[1] / "docs"
PROTOCOL = (DOCS / "protocol.md").read_text(encoding="utf-8")
MIGRATION = (DOCS / "migration.md").read_text(encoding="utf-8")


def actions() -> list[Any]:
    return [a for a in service_parser("histsvc serve")._actions if "--help" not in a.option_strings]


def row(option: str) -> list[str]:
    """Meaning and default of an option in the table of section 8."""
    found = re.findall(rf"^\| [^|]*`{option}`[^|]* \| (.*) \| (.*) \|$", PROTOCOL, re.MULTILINE)
    assert len(found) == 1, option
    return list(found[0])


def test_protocol_names_every_option_of_serve() -> None:
    for action in actions():
        for option in action.option_strings:
            assert f"`{option}`" in PROTOCOL, option
        meaning, default = row(action.option_strings[-1])
        if action.default and action.nargs != 0:
            assert default.replace(",", "") == str(action.default), action.option_strings
        for choice in action.choices or ():
            assert choice in meaning, action.option_strings


def test_protocol_names_every_key_and_value() -> None:
    keys = {key for config in histogram_types().values() for key in config.model_fields}
    keys |= {"cmd", "msg_id", "target", "ids", "start", "stop", "interval", "histograms"}
    keys |= set(HistogramInfo.model_fields) | set(histogram_types()) | set(HANDLERS)
    keys |= set(Code) | set(State) | set(ServiceState)
    keys |= {*EVENT_DESERIALISERS, *FRAME_DESERIALISERS, *HISTOGRAM_SERIALISERS}
    for made in (ServiceIdentity, WorkerStatus):
        keys |= set(made.__dataclass_fields__)
    beat = Heartbeat(1, 2, ServiceIdentity("histsvc", "", "1", "1", 3), (), ())
    content = json.loads(beat.to_json())
    keys |= set(content) | set(content["counters"])
    text = PROTOCOL
    assert [key for key in sorted(keys) if not re.search(rf"[`\"]{re.escape(key)}[`\"]", text)] == []


def test_commands_of_the_protocol_are_those_of_the_service() -> None:
    line = re.findall(r"^\| `cmd` \| (.*) \|$", PROTOCOL, re.MULTILINE)[0]
    assert set(re.findall(r"`(\w+)`", line)) == set(HANDLERS)


def test_codes_of_the_protocol_are_those_of_the_service() -> None:
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", PROTOCOL, re.MULTILINE)) == set(Code)


@pytest.mark.parametrize("text", [PROTOCOL, MIGRATION], ids=["protocol", "migration"])
def test_options_in_the_text_exist(text: str) -> None:
    known = {option for action in actions() for option in action.option_strings}
    known |= {
        option
        for command in sorted(set(COMMANDS) - {"serve"})
        for action in importlib.import_module(f"histsvc.cli.{command}").options_parser()._actions
        for option in action.option_strings
    }
    found = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert found
    assert found <= known


def test_migration_names_every_option_of_the_older_service() -> None:
    """Those that a just-bin-it command line has, each in the table of the switch."""
    older = "-b -t -hb -rt -g -s -l -c --brokers --config-topic --hb-topic --response-topic --log-level"
    older += " --graphite-config-file --simulation-mode --config-file --security-protocol --sasl-mechanism"
    older += " --sasl-username --sasl-password --ssl-cafile"
    table = MIGRATION.partition("## 1. The switch\n")[2].partition("\n## ")[0]
    first = "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|"))
    assert set(re.findall(r"`(--?[\w-]+)`", first)) == set(older.split())
    known = {option for action in actions() for option in action.option_strings}
    assert set(older.split()) <= known
