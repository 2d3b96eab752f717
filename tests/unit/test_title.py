"""Passwords that are arguments are not shown; nor does any settings object show one."""

from __future__ import annotations

import pytest

from histsvc.cli.options import service_parser
from histsvc.cli.title import without_password
from histsvc.settings import service_settings

SECRET = "pssst-7"
BASIC = ["serve", "-b", "a:1", "-t", "c"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["--sasl-password", SECRET, "-l", "1"], ["--sasl-password", "***", "-l", "1"]),
        ([f"--sasl-password={SECRET}"], ["--sasl-password=***"]),
        (["--sasl-password-file", "f"], ["--sasl-password-file", "f"]),
        (["--sasl-password", "--sasl-password"], ["--sasl-password", "***"]),
        ([], []),
    ],
)
def test_stars_are_shown_for_it(given: list[str], shown: list[str]) -> None:
    assert without_password([*BASIC, *given]) == [*BASIC, *shown]


def test_settings_do_not_show_it() -> None:
    given = ["-b", "a:1", "-t", "c", "--sasl-username", "me", "--sasl-password", SECRET]
    settings = service_settings(service_parser("histsvc serve").parse_args(given))
    assert settings.kafka.security.sasl_password == SECRET
    assert SECRET not in f"{settings!r} {settings} {settings.worker!r} {settings.kafka.security}"
