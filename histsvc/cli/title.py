"""What `ps` shows of a command: not the password that was given as an argument."""

from __future__ import annotations

from collections.abc import Sequence

_OPTION = "--sasl-password"
_HIDDEN = "***"


def hide_password(arguments: Sequence[str]) -> None:
    """Write over the command line that everybody on the machine sees, if there is a password in it.

    Others may have seen it before, in the first tenths of a second.
    """
    shown = without_password(arguments)
    if shown != list(arguments):
        from setproctitle import setproctitle

        setproctitle(" ".join(("histsvc", *shown)))


def without_password(arguments: Sequence[str]) -> list[str]:
    """The same arguments, with stars for the password."""
    shown: list[str] = []
    for argument in arguments:
        if shown and shown[-1] == _OPTION:
            argument = _HIDDEN
        elif argument.startswith(f"{_OPTION}="):
            argument = f"{_OPTION}={_HIDDEN}"
        shown.append(argument)
    return shown
