"""Pictures as files, for whoever may see the page."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import requests
from unit.dashboards import TIMEOUT_S, of_type, seen_of
from unit.served import Served, served

from histsvc.files.reader import plotted
from histsvc.view.dashboard.download import PATH, Download
from histsvc.view.dashboard.feed import Seen

TOKEN = "a token that nobody guesses"
NASTY = 'a"/../\r\nX-Evil: 1\u00e9'
SEEN: dict[str, Seen] = {
    name: seen_of(of_type(kind, name=name)) for name, kind in (("tof", "hist1d"), (NASTY, "dethist"))
}


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(token=TOKEN, more=[(f"/{PATH}", Download, {"seen": lambda: SEEN})]) as made:
        yield made


@pytest.fixture(scope="module")
def cookies(server: Served) -> dict[str, str]:
    data = {"token": TOKEN}
    answer = requests.post(server.url + "login", data, allow_redirects=False, timeout=TIMEOUT_S)
    return {"histsvc": str(answer.cookies["histsvc"])}


@pytest.mark.parametrize("name", list(SEEN))
def test_a_file_has_the_newest_counts(server: Served, cookies: dict[str, str], name: str) -> None:
    answer = server.get(PATH, params={"id": name}, cookies=cookies)
    assert answer.status_code == 200
    np.testing.assert_array_equal(plotted(answer.content).signal, SEEN[name].histogram.counts)
    said = answer.headers["content-disposition"]
    assert said.startswith('attachment; filename="')
    assert said.count('"') == 2
    assert "/" not in said
    assert "X-Evil" not in answer.headers


def test_nobody_gets_one_without_the_token(server: Served) -> None:
    for cookies in ({}, {"histsvc": "0" * 64}):
        answer = server.get(PATH, params={"id": "tof"}, cookies=cookies)
        assert answer.status_code == 403
        assert b"HDF" not in answer.content


def test_what_is_not_there_has_none(server: Served, cookies: dict[str, str]) -> None:
    assert server.get(PATH, params={"id": "other"}, cookies=cookies).status_code == 404
    assert server.get(PATH, cookies=cookies).status_code == 400
