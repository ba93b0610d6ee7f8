"""Every mistake of a configuration at once: each with its place, in words, never with a secret."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from .config_toml import KeyPath, find_lines, line_of
from .errors import InvalidConfig, TocsinError
from .hints import did_you_mean

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_SHOWN = 60
_WORDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be a table",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "int_type": "must be a whole number",
    "less_than_equal": "must be {le} or less",
    "list_type": 'must be a list such as ["a", "b"]',
    "missing": "is missing",
    "model_type": "must be a table",
    "string_too_short": "must not be empty",
    "string_type": "must be text in quotes",
    "too_short": "must not be empty",
    "tuple_type": 'must be a list such as ["a", "b"]',
}
_WITHOUT_VALUE = {"missing", "string_too_short", "too_short"}


class Table(BaseModel):
    """A table of the configuration: frozen, exact about types, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PrivateTable(Table):
    """A table whose values are never shown in a problem."""

    model_config = ConfigDict(hide_input_in_errors=True)


Read = TypeVar("Read", bound=Table)
Made = TypeVar("Made")
Given = ParamSpec("Given")


class Problems:
    """Collects what is wrong, so that a person sees all of it at once.

    Args:
        name: the file's name, for the start of each line.
        text: its content, to find the lines.
        variables: the environment variables that took the place of keys.
    """

    def __init__(self, name: str, text: str, variables: Mapping[KeyPath, str]) -> None:
        self._name = name
        self._text = text
        self._variables = variables
        self._found: list[tuple[float, str]] = []

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return find_lines(self._text)

    def add(self, path: KeyPath, text: str) -> None:
        """Note that the value at `path` is wrong."""
        if path in self._variables:
            self.add_line(f"{self._variables[path]}: {text}")
            return
        line = line_of(path, self._lines)
        where = self._name if line is None else f"{self._name}:{line}"
        problem = f"{where}: {dotted(path)}: {text}"
        self._found.append((float("inf") if line is None else line, problem))

    def add_line(self, problem: str) -> None:
        """Note a problem that has no place in the file."""
        self._found.append((float("inf"), problem))

    def attempt(
        self, path: KeyPath, make: Callable[Given, Made], *args: Given.args, **kwargs: Given.kwargs
    ) -> Made | None:
        """Return what `make` returns; None when it raised an error of ours, which is noted."""
        try:
            return make(*args, **kwargs)
        except TocsinError as error:
            self.add(path, str(error))
        return None

    def read(self, model: type[Read], path: KeyPath, data: object) -> Read | None:
        """Validate one table; None when there are problems, which are noted."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for mistake in error.errors(include_url=False):
                self.add((*path, *mistake["loc"]), _in_words(mistake, model))
        return None

    def unknown(self, path: KeyPath, known: list[str]) -> None:
        """Note a key that means nothing here."""
        self.add(path, f"unknown key{did_you_mean(path[-1], known)}")

    def one_of(
        self, choices: Sequence[str], table: Mapping[str, Any], path: KeyPath, noun: str
    ) -> str | None:
        """Return the one of `choices` that is in the table; note when there is none, or more."""
        found = [key for key in table if key in choices]
        if len(found) == 1:
            return found[0]
        if found:
            self.add((*path, found[1]), f"a job has one {noun}, not {' and '.join(found)}")
        else:
            some, last = ", ".join(choices[:-1]), choices[-1]
            self.add(path, f"needs one {noun}: {some} or {last}")
        return None

    def check_company(
        self,
        choice: str,
        belongs: Mapping[str, Sequence[str]],
        table: Mapping[str, Any],
        path: KeyPath,
    ) -> None:
        """Note each key in the table that belongs to other choices than the one that was made."""
        for key, choices in belongs.items():
            if key in table and choice not in choices:
                self.add((*path, key), f"belongs to {' or '.join(choices)}, not to {choice}")

    def raise_any(self) -> None:
        """End here when anything was noted.

        Raises:
            InvalidConfig: with all problems, in the order of the file.
        """
        if not self._found:
            return
        problems = tuple(text for _, text in sorted(self._found, key=lambda found: found[0]))
        count = "a mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        raise InvalidConfig("\n  ".join((f"{self._name} has {count}:", *problems)), problems)


def dotted(path: KeyPath) -> str:
    """Write a path as one would in TOML: `jobs."my job".to[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{name}" if text else name
    return text


def show(value: object) -> str:
    """Write a value as one would in TOML, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a huge number"
    shown = repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[: _LONGEST_SHOWN - 3]}..."


def _in_words(mistake: ErrorDetails, model: type[BaseModel]) -> str:
    """Say what pydantic found, as a person would, with the value where it is no secret."""
    kind, context = mistake["type"], mistake.get("ctx", {})
    private = model.model_config.get("hide_input_in_errors", False)
    instead = "" if private or kind in _WITHOUT_VALUE else f", not {show(mistake['input'])}"
    if kind == "extra_forbidden":
        return f"unknown key{did_you_mean(mistake['loc'][-1], model.model_fields)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        hint = "" if private else did_you_mean(mistake["input"], choices)
        return f"must be {context['expected']}{instead}{hint}"
    words = _WORDS[kind].format(**context) if kind in _WORDS else mistake["msg"]
    return f"{words}{instead}"
