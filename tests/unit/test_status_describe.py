"""describe and status: what there is to ask for is told as JSON Schema, and how everything is, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes import raw_config
from jsonschema import Draft202012Validator
from unit.serving import Service, handle

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.dispatch import HANDLERS
from histsvc.commands.steps import Steps
from histsvc.errors import CommandError
from histsvc.histograms.registry import histogram_types
from histsvc.protocol.commands import COMMANDS, Command, wanted_ids
from histsvc.protocol.config import INPUT_SCHEMAS, OUTPUT_SCHEMAS, config_request
from histsvc.protocol.schema import command_schema

KINDS = ("hist1d", "hist2d", "dethist", "roihist")
FOLDER = Path(__file__).parents[2] / "example_configs"
EXAMPLES = [path for path in sorted(FOLDER.glob("*.json")) if "cmd" in json.loads(path.read_text())]
SCHEMA = command_schema()
CHECK = Draft202012Validator(SCHEMA)


def reply(command: Mapping[str, Any]) -> dict[str, Any]:
    service = Service()
    service.send(command)
    (answer,) = service.work()
    return answer


def config(kind: str = "hist1d", **changes: Any) -> dict[str, Any]:
    return {"cmd": "config", "msg_id": 1, "histograms": [raw_config(kind, **changes)]}


def test_describe_tells_the_schema_and_what_there_is() -> None:
    answer = reply({"cmd": "describe", "msg_id": 1})
    assert answer.pop("schema") == SCHEMA
    assert answer == {
        "msg_id": 1,
        "response": "ACK",
        "histogram_types": list(histogram_types()),
        "input_schemas": ["ev42", "ev44", "da00"],
        "output_schemas": ["hs00", "hs01", "da00"],
        "protocol": "1.0",
    }
    assert set(answer["histogram_types"]) == set(KINDS)


def test_it_is_a_json_schema_of_the_draft_that_it_names() -> None:
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_every_command_is_described_and_done() -> None:
    assert HANDLERS.keys() == COMMANDS.keys()
    assert [each["properties"]["cmd"]["const"] for each in SCHEMA["oneOf"]] == list(HANDLERS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_fits_the_schema(path: Path) -> None:
    CHECK.validate(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("cmd", ["config", "add"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_clients_send_fits_the_schema(kind: str, cmd: str) -> None:
    CHECK.validate({**config(kind), "cmd": cmd})


ACCEPTED: list[dict[str, Any]] = [
    {"cmd": "stop"},
    {"cmd": "ping", "msg_id": [1, None], "target": "me"},
    {"cmd": "status", "ids": None},
    {"cmd": "reset_counts", "ids": ["a", ""], "what": "nobody knows"},
    {"cmd": "config"},
    {"cmd": "config", "histograms": None, "start": None, "stop": 0, "interval": 0},
    {**config(), "start": 5, "stop": 9.0, "input_schema": "ev42", "output_schema": None},
    {**config(), "interval": 0.5},
    config(num_bins=50.0, id=None, source=None, det_range=None, publish_interval_ms=100),
    config(region={"left_edges": [1, -(2**31), 2**32 - 1], "width": 7.0}, det_range=None),
    config(region=None, det_range=[1, 2]),
    config("roihist", region="of another type"),
    config(left_edges="nonsense", width="of another type", height=None),
    config("hist2d", num_bins=[5, 6.0]),
    config("hist2d", num_bins=7),
    config("dethist", tof_range="nonsense"),
    config("roihist", left_edges=[1, 1], output_schema="hs01"),
    config("dethist", output_schema="da00"),
    config(data_brokers=["[::1]:9092", "a.b-c_d:1"], data_topics=["A.b-c_9"]),
    config(input_schema="da00"),
]


@pytest.mark.parametrize("command", ACCEPTED, ids=repr)
def test_what_is_accepted_fits_the_schema(command: dict[str, Any]) -> None:
    if command["cmd"] == "config":
        config_request(command)
    CHECK.validate(command)


WRONG_KEYS: dict[str, list[Any]] = {
    "start": [-1, 0.5, "5", True, [], 10**19],
    "stop": [-1, 1.5, "now", False],
    "interval": [-1, "1", True, [1]],
    "input_schema": ["ev43", "", 5],
    "output_schema": ["hs02", "", 5],
    "histograms": [{}, "x", [5], [{}], [{"type": "hist3d"}], [None]],
}
WRONG_VALUES: list[tuple[str, str, list[Any]]] = [
    ("hist1d", "tof_range", [None, [], [1], [1, 2, 3], ["0", 1], [True, 1], "01", {"a": 1}]),
    ("hist1d", "num_bins", [0, -1, 1.5, "5", True, None, [5]]),
    ("hist1d", "data_brokers", [None, [], "a:1", ["a"], ["a:1,b:2"], [5], ["a:b"], [""]]),
    ("hist1d", "data_topics", [None, [], "x", [""], ["a b"], ["x" * 250], [None]]),
    ("hist1d", "topic", [None, "", "a/b", 5, ["x"]]),
    ("hist1d", "id", [5, ["x"], False]),
    ("hist1d", "source", [5, ["x"], False]),
    ("hist1d", "input_schema", ["x", 5]),
    ("hist1d", "output_schema", ["hs02", []]),
    ("hist1d", "publish_interval_ms", [0, 0.5, "1", True]),
    ("hist1d", "det_range", [[1], "x", [None, 1]]),
    ("hist1d", "region", [5, [[1], 3], {}, {"left_edges": [1]}, {"width": 3}]),
    ("hist1d", "region", [{"left_edges": left_edges, "width": 3} for left_edges in ([], [1.5], [2**32], 5)]),
    ("hist1d", "region", [{"left_edges": [1], "width": width} for width in (0, "1", None, 2**33)]),
    ("hist1d", "region", [{"left_edges": [1], "width": 3, "height": 4}]),
    ("hist2d", "num_bins", [0, [1], [1, 0], [1, 2, 3], "5", True, None, [1, "2"]]),
    ("hist2d", "det_range", [None, [1]]),
    ("hist2d", "input_schema", ["da00"]),
    ("dethist", "width", [0, 1.5, "4", None]),
    ("dethist", "height", [0, 1.5, "4", None]),
    ("dethist", "det_range", [None, [1], ["1", 2]]),
    ("dethist", "input_schema", ["da00"]),
    ("roihist", "left_edges", [None, [], 5, ["1"], [1.5], [True]]),
    ("roihist", "width", [0, "1", None]),
    ("roihist", "input_schema", ["da00"]),
]
WRONG = [{**config(), key: value} for key, values in WRONG_KEYS.items() for value in values]
WRONG += [config(det_range=[1, 2], region={"left_edges": [1], "width": 3})]
WRONG += [config(kind, **{key: value}) for kind, key, values in WRONG_VALUES for value in values]


@pytest.mark.parametrize("command", WRONG, ids=repr)
def test_what_is_wrong_is_refused_by_the_schema_and_by_the_service(command: dict[str, Any]) -> None:
    with pytest.raises(CommandError):
        config_request(command)
    assert not CHECK.is_valid(command)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_is_refused_by_the_schema_and_by_the_service(kind: str) -> None:
    needed = {key for key, field in histogram_types()[kind].model_fields.items() if field.is_required()}
    assert {"type", "data_brokers", "data_topics", "topic"} < needed
    for key in needed:
        command = config(kind)
        del command["histograms"][0][key]
        with pytest.raises(CommandError):
            config_request(command)
        assert not CHECK.is_valid(command), key


@pytest.mark.parametrize("ids", [[5], "x", {}, [None], [["x"]]])
@pytest.mark.parametrize("cmd", ["stop", "reset_counts", "status"])
def test_wrong_ids_are_refused_by_the_schema_and_by_the_service(cmd: str, ids: object) -> None:
    command = {"cmd": cmd, "msg_id": 1, "ids": ids}
    with pytest.raises(CommandError):
        wanted_ids(Command(cmd, 1, "", command))
    assert not CHECK.is_valid(command)


@pytest.mark.parametrize("command", [{}, {"cmd": "x"}, {"cmd": None}, {"cmd": "ping", "target": 5}, [], 5])
def test_what_is_no_command_does_not_fit_the_schema(command: object) -> None:
    assert not CHECK.is_valid(command)


def test_the_schemas_of_histograms_are_those_there_are() -> None:
    (described,) = [each for each in SCHEMA["oneOf"] if each["title"] == "config"]
    assert described["properties"]["input_schema"] == {"enum": [*INPUT_SCHEMAS, None]}
    assert described["properties"]["output_schema"] == {"enum": [*OUTPUT_SCHEMAS, None]}


@pytest.mark.parametrize(("size", "answered"), [(999_000, True), (1_000_001, False)])
def test_a_reply_that_no_broker_takes_becomes_an_error(
    size: int, answered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def large(context: Context, command: Command, deadline: Deadline) -> Steps[Mapping[str, Any]]:
        yield
        return {"n": "x" * size}

    handle(monkeypatch, "large", large)
    answer = reply({"cmd": "large", "msg_id": 7})
    assert answer["msg_id"] == 7
    assert answer.get("code") == (None if answered else "RESOURCE_EXHAUSTED")
    assert answered or "1000000" in answer["message"]
