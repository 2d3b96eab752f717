"""Commands that end or reset what others use are asked for twice; what became of all is listed."""

from __future__ import annotations

from datetime import datetime

import pytest
from bokeh.models import Button
from unit.dashboards import NOW_MS, Asked, named, press, told

from histsvc.view.dashboard import widgets
from histsvc.view.dashboard.commands_panel import CommandsPanel
from histsvc.view.dashboard.steering import Sent


class Panel:
    """A panel while some histograms run."""

    def __init__(self, *running: str, may: bool = True) -> None:
        self.running = running
        self.send = Asked()
        self.panel = CommandsPanel(self.send, lambda: self.running, widgets.div("more"), may=may)
        self.root = self.panel.root

    def is_asking(self) -> bool:
        """Whether there are buttons for yes and no."""
        yes = named(self.root, "command yes")
        return all(each.visible for each in self.root.select({}) if yes in each.references())

    @property
    def question(self) -> str:
        return told(self.root, "question")

    def ask(self, cmd: str, ids: str = "") -> None:
        named(self.root, "command ids").value = ids
        press(self.root, f"command {cmd}")


@pytest.mark.parametrize("cmd", ["stop", "reset_counts"])
def test_it_is_asked_again_and_sent_once(cmd: str) -> None:
    panel = Panel("a", "b")
    panel.ask(cmd)
    assert panel.is_asking()
    assert "a, b" in panel.question
    assert panel.send.commands == []
    press(panel.root, "command yes")
    assert panel.send.commands == [{"cmd": cmd}]
    assert not panel.is_asking()
    panel.send.answer("ERR", "it is told in the list")


def test_no_is_no() -> None:
    panel = Panel("a")
    panel.ask("stop")
    press(panel.root, "command no")
    assert panel.send.commands == []
    assert not panel.is_asking()


@pytest.mark.parametrize("ids", ["b d", " b,d ", "b , d,", "b\td"])
def test_some_can_be_named(ids: str) -> None:
    panel = Panel("a", "b", "c")
    panel.ask("stop", ids)
    assert "<b>b</b>" in panel.question
    assert panel.send.commands == []
    press(panel.root, "command yes")
    assert panel.send.commands == [{"cmd": "stop", "ids": ["b", "d"]}]


@pytest.mark.parametrize(("running", "ids"), [((), ""), (("a",), "b")])
def test_what_nobody_could_miss_is_not_asked_again(running: tuple[str, ...], ids: str) -> None:
    panel = Panel(*running)
    panel.ask("stop", ids)
    assert not panel.is_asking()
    assert panel.send.commands == [{"cmd": "stop", **({"ids": [ids]} if ids else {})}]


def test_what_was_asked_is_what_is_done_whatever_is_written_meanwhile() -> None:
    panel = Panel("a", "b")
    panel.ask("reset_counts", "a")
    panel.ask("stop", "a")
    named(panel.root, "command ids").value = "b"
    press(panel.root, "command yes")
    assert panel.send.commands == [{"cmd": "stop", "ids": ["a"]}]


def test_of_many_some_are_named_and_none_is_taken_for_html() -> None:
    panel = Panel("<script>", *(f"h{number}" for number in range(9)))
    panel.ask("stop")
    assert "&lt;script&gt;, h0, h1, h2, h3" in panel.question
    assert "5 more" in panel.question
    assert "<script" not in panel.question


def test_the_list_has_the_newest_first_each_with_its_outcome() -> None:
    panel = Panel()
    history = [
        Sent(NOW_MS, {"cmd": "stop", "ids": ["<script>"]}, "ERR", "no <b>id</b>\n"),
        Sent(NOW_MS - 1000, {"cmd": "add", "histograms": [{"id": "a"}]}, "ACK"),
        Sent(NOW_MS - 2000, {"cmd": "status"}, "NO REPLY", "none came"),
        Sent(NOW_MS - 3000, {"cmd": "describe"}),
    ]
    panel.panel.tell(1, history)
    html = told(panel.root, "history")
    lines = html.split("<div class='sent'>")[1:]
    for line, outcome, about in zip(
        lines, ("ERR", "ACK", "NO REPLY", "sent"), ("stop", "add a", "status", "describe"), strict=True
    ):
        assert outcome in line
        assert about in line
    assert [next(k for k in ("good", "bad", "waiting") if f"'{k}'" in line) for line in lines] == [
        "bad",
        "good",
        "bad",
        "waiting",
    ]
    assert f"{datetime.fromtimestamp(NOW_MS / 1000):%H:%M:%S}" in lines[0]
    assert "stop &lt;script&gt;" in lines[0]
    assert "no &lt;b&gt;id&lt;/b&gt;\\n" in lines[0]


def test_the_list_changes_with_its_version_and_is_short() -> None:
    panel = Panel()
    history = [Sent(NOW_MS, {"cmd": f"c{number:03}"}) for number in range(100)]
    panel.panel.tell(100, history)
    before = told(panel.root, "history")
    assert "c000" in before
    assert 10 <= before.count("class='sent'") < 20
    history[0].outcome = "ACK"
    panel.panel.tell(100, history)
    assert told(panel.root, "history") == before
    panel.panel.tell(101, history)
    assert told(panel.root, "history") != before


def test_without_leave_there_is_nothing_to_press() -> None:
    panel = Panel("a", may=False)
    hidden = [each for each in panel.root.select({}) if getattr(each, "visible", True) is False]
    buttons = list(panel.root.select({"type": Button}))
    assert buttons
    assert all(any(button in each.references() for each in hidden) for button in buttons)
    assert "--allow-commands" in told(panel.root, "history")
    panel.panel.tell(0, [])
    assert "--allow-commands" in told(panel.root, "history")
