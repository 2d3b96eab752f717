"""Histograms whose worker was replaced: the last word of the one that is gone does not count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_topics import World, install
from unit.client_bench import KAFKA, published

from histsvc.client import Client, Histogram, HistogramFollowing

OUTPUT = "histograms"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = install(monkeypatch)
    made.make(OUTPUT)
    return made


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with Client(KAFKA) as made:
        yield made


def follow(client: Client, *ids: str) -> HistogramFollowing:
    return client.follow(ids or "*", OUTPUT)


def sums(histograms: list[Histogram]) -> dict[str, int]:
    """What one poll gave; no id comes twice."""
    assert len({each.id for each in histograms}) == len(histograms)
    return {each.id: each.info.sum for each in histograms}


def test_the_last_word_of_a_worker_that_was_replaced_does_not_count(world: World, client: Client) -> None:
    world.write(OUTPUT, published("a", 3, job="j", epoch=2), published("a", 9, job="j", epoch=1))
    following = follow(client)
    assert sums(following.poll(0)) == {"a": 3}
    world.write(OUTPUT, published("a", 9, job="j", epoch=1))
    assert following.poll(0.5) == []
    world.write(OUTPUT, published("a", 4, job="j", epoch=3))
    assert sums(following.poll(0.5)) == {"a": 4}
    # Another job of the same name begins anew.
    world.write(OUTPUT, published("a", 1, job="k", epoch=1))
    assert sums(following.poll(0.5)) == {"a": 1}
