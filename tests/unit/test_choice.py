"""Which histograms a command is about, and which worker has them."""

from __future__ import annotations

import pytest
from unit.running import Running, part, two_jobs

from histsvc.commands.choice import chosen, everything
from histsvc.commands.ending import shares_of
from histsvc.errors import Code, CommandError
from histsvc.jobs import supervisor as module


@pytest.fixture(autouse=True)
def _no_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to wait for."""
    monkeypatch.setattr(module, "wait", lambda ends, timeout_s: [])


def test_everything_is_all_histograms_by_job() -> None:
    running = two_jobs()
    assert everything(running.supervisor) == {"A": {0, 1, 2}, "B": {0, 1}}
    assert chosen(running.supervisor, None) == everything(running.supervisor)
    assert everything(Running().supervisor) == {}
    assert chosen(Running().supervisor, None) == {}


def test_ids_choose_and_equal_ids_go_together() -> None:
    running = two_jobs()
    assert chosen(running.supervisor, ["c"]) == {"A": {2}}
    assert chosen(running.supervisor, ["b"]) == {"A": {1}, "B": {0}}
    assert chosen(running.supervisor, ["c", "B/1", "a"]) == {"A": {0, 2}, "B": {1}}
    assert chosen(running.supervisor, []) == {}


def refused(running: Running, *ids: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        chosen(running.supervisor, ids)
    assert caught.value.code is Code.NOT_FOUND
    return caught.value


@pytest.mark.parametrize("name", ["x", "", "A", "A/0", "B/0", "B/2", "B/01", "a "])
def test_an_id_that_does_not_run_is_not_found(name: str) -> None:
    error = refused(two_jobs(), "a", name)
    assert error.field == "ids[1]"
    assert f'ids[1]: no histogram "{name}" runs; those that run: "a", "b", "c", "B/1"' in error.message


def test_the_refusal_shows_some_of_those_that_run_or_none() -> None:
    many = Running([part("A", **{f"i{n}": f"h{n}" for n in range(12)})])
    assert refused(many, "x").message.endswith('"h8", "h9" and 2 more')
    assert refused(Running(), "x").message.endswith("those that run: none")
    assert len(refused(many, "x" * 100_000).message) < 1000


def test_a_share_is_what_a_worker_has_of_them_and_none_is_all_of_it() -> None:
    running = two_jobs()
    shares = shares_of(running.supervisor, {"A": frozenset({1, 2}), "C": frozenset({0})})
    assert [(share.indices, share.names) for share in shares] == [((2,), "c"), (None, "b")]
    assert [share.names for share in shares_of(running.supervisor, everything(running.supervisor))] == [
        "a, c",
        "b",
        "b, B/1",
    ]
