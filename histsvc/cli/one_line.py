"""A parser of arguments, environment and configuration file that says in one line what is wrong."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any, NoReturn

import configargparse

_FLAG_VALUES = ("true", "false", "yes", "no", "on", "off", "1", "0")


class OneLineParser(configargparse.ArgumentParser):  # type: ignore[misc]
    """Says in one line what is wrong and where it was given, without repeating how it is used."""

    def __init__(self, *, also_known: Callable[[], Iterable[str]] = tuple, **keys: Any) -> None:
        """`also_known` are keys of the file that are somebody else's options, and ignored."""
        self.also_known = also_known
        super().__init__(
            allow_abbrev=False,
            exit_on_error=False,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
            ignore_unknown_config_file_keys=True,  # _File refuses them, but for those also known
            config_file_parser_class=_File(self),
            config_file_open_func=_open,
            **keys,
        )

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None, **_: Any) -> Any:
        """Parse; ends with exit code 2 where something is wrong."""
        environment = {name: value for name, value in os.environ.items() if value}
        try:
            options, left = self.parse_known_args(args, namespace, env_vars=environment)
        except argparse.ArgumentError as error:
            self.error(f"{self._source(error.argument_name)}{error}")
        if left:
            self.error(self._belongs_nowhere(left))
        return options

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (--help tells more)\n")
        raise AssertionError  # exit does not return

    def action_of(self, key: str) -> argparse.Action | None:
        """The option that a key of the configuration file sets."""
        action: argparse.Action | None = self._option_string_actions.get(f"--{key}")
        return None if action is not None and action.dest in ("help", "config_file") else action

    @property
    def keys(self) -> list[str]:
        """All keys of the configuration file."""
        names = (name for action in self._actions for name in action.option_strings)
        return [name[2:] for name in names if name.startswith("--") and self.action_of(name[2:])]

    def _source(self, option: str | None) -> str:
        """Where an option was given, if it was not an argument."""
        for source, given in self.get_source_to_settings_dict().items():
            for key, (action, _) in given.items():
                if action is None or option != "/".join(action.option_strings):
                    continue
                if source == "environment_variables":
                    return f"environment variable {key}: "
                if source.startswith("config_file|"):
                    return f"{source.partition('|')[2]}: key {key!r}: "
        return ""

    def _belongs_nowhere(self, left: Iterable[str]) -> str:
        """Names the option that nobody knows; never a value, which may be a password."""
        for word in left:
            if word.startswith("-") and word != "--":
                name = word.partition("=")[0]
                return f"there is no option {name}{_closest(name, self._option_string_actions)}"
        return "there is an argument too many, which belongs to no option"


class _File(configargparse.DefaultConfigFileParser):  # type: ignore[misc]
    """Lines ``option = value``; one that is not, and a key that nobody knows, is refused by its number."""

    def __init__(self, parser: OneLineParser) -> None:
        self._parser = parser

    def parse(self, stream: IO[str]) -> dict[str, Any]:
        """Read the file; raises ConfigFileParserException."""
        items: dict[str, Any] = {}
        try:
            for number, line in enumerate(stream, 1):
                where = f"{stream.name}, line {number}"
                for key, value in self._read(line, where).items():
                    name = key.removeprefix("--")
                    if name in items:
                        raise configargparse.ConfigFileParserException(f"{where}: {name!r} is given twice")
                    self._check(name, value, where)
                    items[name] = value
        except UnicodeDecodeError:
            raise configargparse.ConfigFileParserException(f"{stream.name}: not UTF-8 text") from None
        return items

    def _read(self, line: str, where: str) -> dict[str, Any]:
        try:
            read: dict[str, Any] = super().parse([line])
        except configargparse.ConfigFileParserException:
            # The line may hold a password: it is not repeated.
            message = f"{where}: not of the form `option = value`"
            raise configargparse.ConfigFileParserException(message) from None
        return read

    def _check(self, key: str, value: object, where: str) -> None:
        action = self._parser.action_of(key)
        wrong = ""
        if action is None:
            known = {*self._parser.keys, *self._parser.also_known()}
            if key not in known:
                wrong = f"there is no option {key!r}{_closest(key, known)}"
        elif isinstance(value, list) and action.nargs not in ("+", "*"):
            wrong = f"{key!r} is one value, not a list"
        elif action.nargs == 0 and str(value).lower() not in _FLAG_VALUES:
            wrong = f"{key!r} is {value!r}, which is none of {', '.join(_FLAG_VALUES)}"
        if wrong:
            raise configargparse.ConfigFileParserException(f"{where}: {wrong}")


def _open(path: str, mode: str = "r") -> IO[Any]:
    try:
        return open(path, mode, encoding="utf-8")  # noqa: PTH123  # closed by the parser
    except OSError as error:
        raise OSError(error.strerror) from error


def _closest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {found[0]}?" if found else ""
