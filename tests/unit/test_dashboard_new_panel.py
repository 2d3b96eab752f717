"""A new histogram: the form is what the service describes, and the answer is where it belongs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes import raw_config
from unit.dashboards import Asked, named, press, told

from histsvc.protocol.config import config_request
from histsvc.protocol.schema import command_schema
from histsvc.view.dashboard.new_panel import NewPanel

SCHEMA = json.loads(json.dumps(command_schema()))


class Panel:
    """A panel where others have asked for something already."""

    def __init__(self, **known: Any) -> None:
        self.send = Asked()
        self.panel = NewPanel(self.send, lambda: known)
        self.root = self.panel.root

    def open(self, kind: str) -> None:
        press(self.root, "command new")
        self.send.answer("ACK", schema=SCHEMA)
        named(self.root, "form type").value = kind

    @property
    def answer(self) -> str:
        return told(self.root, "answer")


@pytest.mark.parametrize("kind", ["hist1d", "hist2d", "dethist", "roihist"])
def test_what_the_service_describes_can_be_added(kind: str) -> None:
    wanted = raw_config(kind)
    panel = Panel(**wanted)
    panel.open(kind)
    assert panel.send.commands == [{"cmd": "describe"}]
    named(panel.root, "field id").value = "mine"
    press(panel.root, "form add")
    (config,) = (each.config for each in config_request(panel.send.commands[-1]).histograms)
    assert (config.type, config.id, config.data_topics) == (kind, "mine", ("events",))
    panel.send.answer("ACK")
    assert "ACK" in panel.answer


def test_an_error_is_told_at_its_field_or_else_below() -> None:
    panel = Panel(**raw_config("hist1d"))
    panel.open("hist1d")
    press(panel.root, "form add")
    panel.send.answer("ERR", "too <few>", "histograms[0].num_bins")
    assert named(panel.root, "error num_bins").text == "too &lt;few&gt;"
    assert "ERR" in panel.answer
    assert "few" not in panel.answer
    press(panel.root, "form add")
    panel.send.answer("ERR", "no <worker>", "histograms")
    assert named(panel.root, "error num_bins").text == ""
    assert "no &lt;worker&gt;" in panel.answer
    press(panel.root, "form add")
    panel.send.answer("NO REPLY", "none came")
    assert "none came" in panel.answer


def test_a_service_that_describes_nothing_leaves_no_form() -> None:
    panel = Panel()
    press(panel.root, "command new")
    panel.send.answer("NO REPLY", "none came")
    assert "none came" in panel.answer
    press(panel.root, "form add")
    assert panel.send.commands == [{"cmd": "describe"}]


def test_what_others_have_asked_for_is_filled_in() -> None:
    panel = Panel(data_brokers=["b:1"], topic="out", num_bins=7, left_edges=[1])
    panel.open("hist1d")
    values = {key: named(panel.root, f"field {key}").value for key in ("data_brokers", "topic", "num_bins")}
    assert values == {"data_brokers": '["b:1"]', "topic": "out", "num_bins": "7"}
    assert not list(panel.root.select({"name": "field left_edges"}))
