"""Forms of what the service describes: what is filled in is what it takes, errors are where they belong."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from bokeh.models import Div, Select
from fakes import raw_config
from unit.requests import KINDS, NEEDED

from histsvc.errors import CommandError
from histsvc.protocol.config import config_request
from histsvc.protocol.schema import command_schema
from histsvc.view.dashboard.form import Form, types

# As it comes in the reply to `describe`.
SCHEMA = json.loads(json.dumps(command_schema()))
EVERYWHERE = {"data_brokers", "data_topics", "topic"}
FILLED = {"data_brokers": ["broker:9092"], "data_topics": ["events"], "topic": "histograms"}


def form(kind: str = "hist1d") -> Form:
    return Form(types(SCHEMA, "add")[kind])


def typed(made: Form, **texts: str) -> Form:
    """What somebody writes into the fields."""
    for key, text in texts.items():
        made.root.select_one({"name": f"field {key}"}).value = text
    return made


def errors(made: Form) -> dict[str, str]:
    """What is told at which fields."""
    divs = {each.key: made.root.select_one({"name": f"error {each.key}"}) for each in made.fields}
    assert all(isinstance(div, Div) for div in divs.values())
    return {key: div.text for key, div in divs.items() if div.text}


def refusal(histogram: dict[str, Any]) -> CommandError:
    with pytest.raises(CommandError) as caught:
        config_request({"cmd": "add", "histograms": [histogram]})
    return caught.value


@pytest.mark.parametrize("command", ["config", "add"])
def test_there_is_a_form_of_every_type(command: str) -> None:
    assert sorted(types(SCHEMA, command)) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_fields_are_the_keys_the_needed_ones_first(kind: str) -> None:
    made = form(kind)
    keys = [each.key for each in made.fields]
    assert set(keys) == set(types(SCHEMA, "add")[kind]["properties"]) - {"type"}
    needed = EVERYWHERE | set(NEEDED[kind])
    assert set(keys[: len(needed)]) == needed
    titles = {key: made.root.select_one({"name": f"field {key}"}).title for key in keys}
    assert {key for key, title in titles.items() if title == key} == needed


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_filled_in_is_what_the_service_takes(kind: str) -> None:
    wanted = raw_config(kind, source="monitor", publish_interval_ms=100)
    made = form(kind)
    made.fill(wanted)
    histogram = made.histogram()
    assert histogram == {"type": kind, **{f.key: wanted[f.key] for f in made.fields if f.key in wanted}}
    jsonschema.validate({"cmd": "add", "histograms": [histogram]}, SCHEMA)
    config = config_request({"cmd": "add", "histograms": [histogram]}).histograms[0].config
    assert (config.type, config.source, config.publish_interval_ms) == (kind, "monitor", 100)


def test_what_is_empty_is_not_sent() -> None:
    made = form()
    assert made.histogram() == {"type": "hist1d"}
    made.fill({**FILLED, "source": None, "id": ""})
    assert made.histogram() == {"type": "hist1d", **FILLED}
    typed(made, topic="  ")
    assert "topic" not in made.histogram()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[0, 1e8]", [0, 1e8]),
        (" 12 ", 12),
        ("1.5", 1.5),
        ("null", None),
        ("a b", "a b"),
        ("[1, 2", "[1, 2"),
        ('"7"', "7"),
        ("ü<>", "ü<>"),
    ],
)
def test_json_is_taken_as_such_and_all_else_as_text(text: str, value: Any) -> None:
    made = typed(form(), tof_range=text)
    assert made.histogram().get("tof_range") == value


@pytest.mark.parametrize("text", ["2024", "true", "1e3"])
def test_a_key_that_is_a_text_is_sent_as_one(text: str) -> None:
    made = form()
    made.fill({**FILLED, "num_bins": 5, "tof_range": [0, 1]})
    typed(made, id=text)
    (request,) = config_request({"cmd": "add", "histograms": [made.histogram()]}).histograms
    assert request.config.id == text


def test_one_of_several_can_be_chosen_only_from_these() -> None:
    made = form()
    chosen = made.root.select_one({"name": "field input_schema"})
    assert isinstance(chosen, Select)
    assert [value for value, _ in chosen.options] == ["", "ev42", "ev44", "da00"]
    chosen.value = "ev42"
    assert made.histogram()["input_schema"] == "ev42"
    chosen.value = ""
    assert "input_schema" not in made.histogram()


@pytest.mark.parametrize(
    ("kind", "key", "text"),
    [
        ("hist1d", "num_bins", "-3"),
        ("hist1d", "num_bins", "many"),
        ("hist1d", "tof_range", '[0, "x"]'),
        ("hist1d", "tof_range", "[5, 4]"),
        ("hist1d", "data_topics", '["ok", "not ok"]'),
        ("dethist", "width", "0"),
        ("roihist", "left_edges", "[]"),
    ],
)
def test_an_error_of_the_service_is_at_its_field(kind: str, key: str, text: str) -> None:
    made = form(kind)
    made.fill(raw_config(kind))
    error = refusal(typed(made, **{key: text}).histogram())
    assert made.complain(error.field or "", error.message)
    assert errors(made) == {key: error.message}
    assert made.root.select_one({"name": f"field {key}"}).css_classes == ["wrong"]


def test_what_is_missing_is_at_its_field() -> None:
    made = form()
    made.fill(FILLED)
    error = refusal(typed(made, num_bins="5").histogram())
    assert made.complain(error.field or "", error.message)
    assert errors(made) == {"tof_range": error.message}


def test_an_error_is_there_until_the_next_answer() -> None:
    made = form()
    assert made.complain("histograms[0].num_bins", "bad")
    assert made.complain("histograms[0].tof_range[1]", "worse")
    assert errors(made) == {"tof_range": "worse"}
    assert made.root.select_one({"name": "field num_bins"}).css_classes == []
    assert not made.complain("", "all is well")
    assert errors(made) == {}


@pytest.mark.parametrize("field", ["histograms", "histograms[0]", "histograms[0].left_edges", "cmd"])
def test_an_error_of_no_field_is_told_elsewhere(field: str) -> None:
    made = form()
    assert not made.complain(field, "bad")
    assert errors(made) == {}
