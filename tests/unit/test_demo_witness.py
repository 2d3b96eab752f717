"""Who has changed the demo's histograms: what others have asked for and got, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from histsvc.cli.demo.witness import Witness

NAMES = ["detector", "peak"]
STOP, RESET, CONFIG = {"cmd": "stop"}, {"cmd": "reset_counts"}, {"cmd": "config", "histograms": []}
ONLY_PEAK = {"ids": ["peak"]}


def changes(*commands: tuple[str, dict[str, Any], str]) -> dict[str, str]:
    """What is found of commands: who sent each (empty: without `msg_id`), it, and ACK, a code or nothing."""
    witness = Witness("own")
    for number, (who, command, code) in enumerate(commands):
        msg_id = {"msg_id": f"{who}-{number}"} if who else {}
        witness.hear(json.dumps({**command, **msg_id}).encode())
        if code == "ACK":
            witness.hear(json.dumps({**msg_id, "response": "ACK"}).encode())
        elif code:
            witness.hear(json.dumps({**msg_id, "response": "ERR", "code": code}).encode())
    return witness.changes(NAMES)


@pytest.mark.parametrize("command", [STOP, RESET, CONFIG])
def test_what_others_ask_for_changes_all_histograms_or_those_that_are_named(command: dict[str, Any]) -> None:
    cmd = command["cmd"]
    assert changes(("page", command, "ACK")) == {"detector": cmd, "peak": cmd}
    if command is not CONFIG:
        assert changes(("page", {**command, **ONLY_PEAK}, "ACK")) == {"peak": cmd}
        assert changes(("page", {**command, "ids": ["mine"]}, "ACK")) == {}
        assert changes(("page", {**command, "ids": []}, "ACK")) == {}


@pytest.mark.parametrize("command", [STOP, RESET, CONFIG])
def test_what_is_refused_changes_nothing(command: dict[str, Any]) -> None:
    assert changes(("page", command, "INVALID_ARGUMENT")) == {}
    assert changes(("page", command, "NOT_FOUND")) == {}


@pytest.mark.parametrize(("command", "names"), [(STOP, NAMES), (RESET, NAMES), (CONFIG, [])])
def test_what_may_have_happened_is_no_miscount(command: dict[str, Any], names: list[str]) -> None:
    assert list(changes(("page", command, "UNAVAILABLE"))) == names
    assert list(changes(("page", command, ""))) == NAMES
    assert list(changes(("", command, ""))) == NAMES


@pytest.mark.parametrize("command", [STOP, RESET, CONFIG])
def test_what_the_demo_does_itself_is_judged(command: dict[str, Any]) -> None:
    assert changes(("own", command, "ACK")) == {}


def test_what_is_added_or_only_asked_for_changes_nothing() -> None:
    added = {"cmd": "add", "histograms": [{"id": "mine"}]}
    assert changes(("page", added, "ACK"), ("page", {"cmd": "status"}, "ACK")) == {}


def test_what_is_meant_for_another_service_changes_nothing() -> None:
    assert changes(("page", {**STOP, "target": "another"}, "")) == {}
    assert list(changes(("page", {**STOP, "target": ""}, ""))) == NAMES


def test_what_the_demo_begins_anew_is_judged_again() -> None:
    by_page = ("page", RESET, "ACK")
    assert changes(by_page, ("own", {**RESET, **ONLY_PEAK}, "ACK")) == {"detector": "reset_counts"}
    assert changes(by_page, ("own", {**RESET, **ONLY_PEAK}, "UNAVAILABLE")).keys() == set(NAMES)
    assert changes(by_page, ("own", CONFIG, "ACK")) == {}
    assert changes(by_page, ("own", {"cmd": "add", "histograms": [{"id": "peak"}]}, "ACK")).keys() == {
        "detector"
    }
    assert changes(("own", RESET, "ACK"), by_page).keys() == set(NAMES)


def test_what_has_ended_does_not_come_back() -> None:
    stopped = ("page", {**STOP, **ONLY_PEAK}, "ACK")
    assert changes(stopped, ("own", RESET, "ACK")) == {"peak": "stop"}
    assert changes(stopped, ("page", RESET, "ACK")) == {"peak": "stop", "detector": "reset_counts"}
    assert changes(("page", RESET, "ACK"), stopped) == {"peak": "stop", "detector": "reset_counts"}


def test_what_comes_after_the_end_is_too_late() -> None:
    assert changes(("own", STOP, "ACK"), ("page", RESET, "ACK")) == {}


@pytest.mark.parametrize(
    "message",
    [b"", b"no json", b"[]", b"3", b"\xff", b"[" * 100_000, b'{"cmd": ["stop"]}', b'{"cmd": {"a": 1}}'],
)
def test_what_is_no_command_changes_nothing(message: bytes) -> None:
    witness = Witness("own")
    witness.hear(message)
    assert witness.changes(NAMES) == {}


@pytest.mark.parametrize("ids", [None, "peak", 3, [["peak"], {"a": 1}, "peak"]])
def test_ids_of_any_kind_do_no_harm(ids: Any) -> None:
    assert "peak" in changes(("page", {**STOP, "ids": ids}, "ACK"))
    assert changes(("page", {"cmd": "add", "histograms": [3, {"id": ["peak"]}]}, "ACK")) == {}


def test_replies_come_in_the_order_of_commands() -> None:
    witness = Witness("own")
    assert not witness.has_heard("own-1")
    witness.hear(b'{"msg_id": "own-1", "response": "ACK"}')
    assert witness.has_heard("own-1")
    assert not witness.has_heard("own-2")
