"""What commands write: JSON for machines, tables and single lines for people."""

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import click

from ..core.clock import SystemClock, from_instant
from ..core.errors import InvalidConfig, TocsinError

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: the heading.
        folds: whether long texts go on in the next line when there is little room.
        number: whether it is aligned to the right.
    """

    name: str
    folds: bool = False
    number: bool = False


PIPE_WIDTH = 200
"""Columns of tables that no terminal limits."""

COLOURS = {
    "active": "green",
    "succeeded": "green",
    "create": "green",
    "paused": "yellow",
    "update": "yellow",
    "skipped": "yellow",
    "cancelled": "yellow",
    "cancel": "yellow",
    "executing": "cyan",
    "quarantined": "bold red",
    "failed": "bold red",
    "timed_out": "bold red",
    "conflict": "bold red",
}


def write_json(value: Any, *, compact: bool = False) -> None:
    """Write one JSON document; compact ones take one line."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=None if compact else 2, default=str))


def say(text: str = "") -> None:
    """Write a line for people."""
    click.echo(printable(text))


def remark(text: str) -> None:
    """Write a remark beside the output, where it disturbs no pipe."""
    click.echo(f"tocsin: {printable(text)}", err=True)


def report(error: TocsinError, *, as_json: bool) -> None:
    """Say what went wrong: the summary first, then a line for each problem."""
    problems = error.problems if isinstance(error, InvalidConfig) else ()
    summary = str(error)
    if problems:
        summary = summary.partition("\n")[0].removesuffix(":")
    if as_json:
        write_json(error_document(error.code, summary, list(problems)))
    remark(summary)
    for problem in problems:
        click.echo(f"  {printable(problem)}", err=True)


def report_usage(error: click.UsageError) -> None:
    """Say that a command was not understood, for machines and for people."""
    write_json(error_document("USAGE", error.format_message(), []))
    error.show()


def error_document(code: str, message: str, details: Sequence[str]) -> dict[str, Any]:
    """The JSON form of an error."""
    now = from_instant(SystemClock().now()).isoformat()
    return {"error": {"code": code, "message": message, "details": list(details), "timestamp": now}}


def printable(text: str) -> str:
    """Replace control characters, so that no stored text can steer a terminal."""
    return "".join(
        c
        if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"}
        else "\N{REPLACEMENT CHARACTER}"
        for c in text
    )


def colourful(stream: TextIO) -> bool:
    """Whether colours belong into a stream: it is a terminal, and nobody said NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def console() -> "Console":
    """Where tables are drawn: coloured on a terminal only, never cut off in a pipe."""
    from rich.console import Console

    terminal = sys.stdout is not None and sys.stdout.isatty()
    fixed = terminal or "COLUMNS" in os.environ
    return Console(highlight=False, markup=False, emoji=False, width=None if fixed else PIPE_WIDTH)


def write_table(columns: Iterable[Column], rows: Iterable[Sequence[str]]) -> None:
    """Draw a table without lines; words of state are coloured.

    Args:
        columns: the headings.
        rows: the cells, in the order of the headings.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for each in columns:
        table.add_column(
            each.name,
            justify="right" if each.number else "left",
            overflow="fold",
            no_wrap=not each.folds,
        )
    for row in rows:
        table.add_row(*(Text(printable(cell), style=COLOURS.get(cell, "")) for cell in row))
    console().print(table)


def write_fields(fields: Mapping[str, str]) -> None:
    """Write names and values under each other."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(Text(name), Text(printable(value), style=COLOURS.get(value, "")))
    console().print(table)


def counted(number: int, noun: str) -> str:
    """Such as "1 task" or "3 tasks"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
