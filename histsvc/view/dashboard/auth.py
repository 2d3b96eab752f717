"""Who may see the page: whoever knows the token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any

from bokeh.server.auth_provider import AuthProvider
from tornado.web import RequestHandler

from histsvc.view.dashboard.look import STATIC

_COOKIE = "histsvc"


class TokenAuth(AuthProvider):
    """Asks for a token once; the browser then has a cookie that this process alone can make."""

    def __init__(self, token: str) -> None:
        key = secrets.token_bytes(32)
        self._cookie = hmac.new(key, token.encode(), hashlib.sha256).hexdigest()
        self._handler = _login_handler(token, self._cookie)
        super().__init__()

    @property
    def get_user(self) -> Callable[[Any], str | None]:
        """Who asks: somebody with the cookie, or nobody."""

        def user(handler: RequestHandler) -> str | None:
            given = handler.get_cookie(_COOKIE) or ""
            return "user" if hmac.compare_digest(given.encode(), self._cookie.encode()) else None

        return user

    @property
    def login_url(self) -> str:
        """Where nobody is sent to."""
        return "/login"

    @property
    def login_handler(self) -> type[RequestHandler]:
        """What asks for the token."""
        return self._handler


def _login_handler(token: str, cookie: str) -> type[RequestHandler]:
    class Login(RequestHandler):
        """A form of one field; ``/login?token=…`` does the same."""

        def get(self) -> None:
            """Show the form, or take the token of the address."""
            if self.get_argument("token", ""):
                self.post()
            else:
                self._ask("")

        def post(self) -> None:
            """Let in whoever knows the token."""
            given = self.get_argument("token", "")
            if hmac.compare_digest(given.encode(), token.encode()):
                self.set_cookie(_COOKIE, cookie, httponly=True, samesite="Strict")
                self.redirect("/")
            else:
                self.set_status(401)
                self._ask("That is not the token.")

        def _ask(self, wrong: str) -> None:
            page = (STATIC / "login.html").read_text(encoding="utf-8")
            self.write(page.replace("{{ wrong }}", wrong))

    return Login
