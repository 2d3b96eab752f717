"""A token is asked for: nothing is shown, and nothing can be sent, without it or a cookie that it was for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from unit.dashboards import TIMEOUT_S
from unit.served import Served, served

TOKEN = "a token that nobody gu\u00e9sses"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(token=TOKEN) as made:
        yield made


def log_in(server: Served, token: str) -> requests.Response:
    data = {"token": token.encode()}
    return requests.post(server.url + "login", data, allow_redirects=False, timeout=TIMEOUT_S)


def test_without_a_cookie_there_is_only_the_form(server: Served) -> None:
    for path in ("", "ws", "autoload.js?bokeh-autoload-element=1", "metadata"):
        answer = server.get(path)
        assert answer.status_code in (302, 400, 403), path
        assert TOKEN not in answer.text
    assert server.get().headers["location"].startswith("/login")
    form = server.get("login")
    assert form.status_code == 200
    assert "not the token" not in form.text
    assert 'name="token"' in form.text
    assert server.pages == []


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "<script>1</script>"])
def test_a_wrong_token_is_refused(server: Served, token: str) -> None:
    answer = log_in(server, token)
    assert answer.status_code == 401
    assert "not the token" in answer.text
    assert "set-cookie" not in answer.headers
    assert "<script>1" not in answer.text


def test_with_the_token_there_is_a_cookie_that_opens_the_page(server: Served) -> None:
    answer = log_in(server, f" {TOKEN} ")
    assert (answer.status_code, answer.headers["location"]) == (302, "/")
    flags = answer.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags
    before = len(server.pages)
    page = server.get(cookies=answer.cookies.get_dict())
    assert page.status_code == 200
    assert len(server.pages) == before + 1
    # The cookie is no help to whoever wants to know the token.
    assert TOKEN not in answer.headers["set-cookie"]


def test_the_address_can_have_the_token(server: Served) -> None:
    answer = server.get("login", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (302, "/")
    assert server.get(cookies=answer.cookies.get_dict()).status_code == 200
    assert server.get("login", params={"token": "wrong"}).status_code == 401


def test_a_forged_cookie_opens_nothing(server: Served) -> None:
    good = str(log_in(server, TOKEN).cookies["histsvc"])
    forged = ["0" * 64, good[:-1], good + "0", TOKEN.encode().hex(), "user", "", "caf\u00e9"]
    before = len(server.pages)
    for cookie in forged:
        assert server.get(headers={"Cookie": f"histsvc={cookie}"}).status_code == 302, cookie
    assert server.get(cookies={"user": good}).status_code == 302
    assert len(server.pages) == before


def test_a_cookie_is_of_one_server_only(server: Served) -> None:
    cookies = log_in(server, TOKEN).cookies.get_dict()
    with served(token=TOKEN) as other:
        assert other.get(cookies=cookies).status_code == 302


def test_a_web_socket_needs_the_cookie_too(server: Served) -> None:
    origin = server.url.rstrip("/")
    cookie = f"histsvc={log_in(server, TOKEN).cookies['histsvc']}"
    page_token = server.page_token(cookie)
    assert server.talks(origin, page_token, cookie)
    assert not server.talks(origin, page_token)
    assert not server.talks(origin, page_token, "histsvc=" + "0" * 64)


def test_without_a_token_everybody_sees_the_page() -> None:
    with served() as free:
        assert free.get().status_code == 200
        assert free.get("login").status_code == 404
        assert len(free.pages) == 1
