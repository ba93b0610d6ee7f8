"""TOML as text: what is wrong with it, and on which line each key is."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from .errors import InvalidConfig

KeyPath = tuple[str | int, ...]
"""Where a value is: table and key names, and indexes in arrays of tables."""

_TOKEN = re.compile(
    r'"{3}(?:[^\\]|\\.)*?"{3,5}'  # a text over several lines may end with quotes of its own
    r"|'{3}.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}\n]",
    re.DOTALL,
)
_NAME = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_KEY = re.compile(rf"\s*({_NAME}(?:[ \t]*\.[ \t]*{_NAME})*)[ \t]*=")
_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_HINTS = (
    ("Invalid value", 'text needs quotes: key = "value"'),
    ("Expected newline", 'write one key a line; text needs quotes: key = "value"'),
    ("Expected '=' after a key", 'write key = "value"; a key with spaces needs quotes'),
    ("Illegal character '\\n'", 'a text ends on its own line: close it with "'),
    ("Invalid initial character", "quote unusual keys, and keep { and } on one line"),
    ('Expected "\'"', "close the text with '"),
    ("Unterminated string", 'close the text with "'),
    ("Cannot declare", "each table is written once"),
    ("Cannot overwrite", "each key is written once"),
    ("Unclosed array", "close the list with ]"),
    ("Unclosed inline table", "close the table with }, on the same line"),
    ("Unescaped '\\'", "write \\\\ for one backslash, or put the text in single quotes"),
    ("Invalid date or datetime", "write a date and time such as 2026-12-24T18:00:00"),
)


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Read TOML.

    Args:
        text: the whole file.
        name: what to call it in the problem.

    Raises:
        InvalidConfig: it is not TOML; the one problem names the line and a remedy.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        reason = "too many brackets within brackets"
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
    except ValueError:
        reason = "a number has too many digits"
    # Raised out here, without the parser's error as its context: that one may carry the whole text.
    problem = _syntax_problem(text, name, reason)
    raise InvalidConfig(f"{name} is not TOML\n  {problem}", (problem,))


def find_lines(text: str) -> dict[KeyPath, int]:
    """Return the line of each table and key in `text`, which must be valid TOML.

    What is inside an inline table or a list has no line of its own here: `line_of` takes the key's.
    """
    lines: dict[KeyPath, int] = {}
    arrays: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, statement in _statements(text):
        if statement.startswith("["):
            table = _table(statement, arrays)
            path, outer = table, 0
        else:
            found = _KEY.match(statement)
            if found is None:
                continue
            path = (*table, *_names(f"{found[1]} = 0"))
            outer = len(table)
        lines[path] = line
        for end in range(outer + 1, len(path)):
            lines.setdefault(path[:end], line)
    return lines


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int | None:
    """Return the line of `path`, or of the closest thing around it; None when nothing is known."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header and each key with its value, and the line on which it begins."""
    start, depth, line = 0, 0, 1
    first_line = line
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        line += token[0].count("\n")
        if token[0] == "\n" and depth == 0:
            yield first_line, text[start : token.start()].strip()
            start, first_line = token.end(), line
    yield first_line, text[start:].strip()


def _table(header: str, arrays: dict[KeyPath, int]) -> KeyPath:
    """Return the path behind "[a.b]" or "[[a.b]]", with the indexes of the arrays on its way."""
    path: KeyPath = ()
    *outer, last = _names(header)
    for name in outer:
        path = _inside((*path, name), arrays)
    path = (*path, last)
    if header.startswith("[["):
        arrays[path] = arrays.get(path, -1) + 1
    return _inside(path, arrays)


def _inside(path: KeyPath, arrays: dict[KeyPath, int]) -> KeyPath:
    return (*path, arrays[path]) if path in arrays else path


def _names(statement: str) -> list[str]:
    """Let tomllib read the names in "[a.'b c']" or "a.'b c' = 0"."""
    names: list[str] = []
    value: Any = tomllib.loads(statement)
    while value:
        if isinstance(value, list):
            value = value[0]
        else:
            names.append(*value)
            value = value[names[-1]]
    return names


def _syntax_problem(text: str, name: str, reason: str) -> str:
    place = _PLACE.search(reason)
    where = name
    if place:
        line = int(place[1]) if place[1] else text.rstrip().count("\n") + 1
        where, reason = f"{name}:{line}", reason[: place.start()]
    hint = next((f"; {hint}" for start, hint in _HINTS if reason.startswith(start)), "")
    return f"{where}: {reason}{hint}"
