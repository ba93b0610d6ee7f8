"""Rows as sets: one statement writes, or reads, many of them.

Each step of a statement gives the interpreter away, and other threads may keep it for
milliseconds. So a commit of a thousand runs takes some dozens of steps, and not a few per run.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, singledispatch
from itertools import chain
from typing import Any

import msgspec

from .connection import Connection

Row = Sequence[Any]

_SIZES = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""Rows of one statement: few enough forms for all of them to stay prepared, and short enough for
the first burst, which has to prepare them, not to wait for that."""


@singledispatch
def insert(
    connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """Add rows that are new."""
    for part in _parts(rows):
        statement = _insert(table, columns, len(part))
        connection.execute(statement, [*chain.from_iterable(part)])


@singledispatch
def update(
    connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """Change rows; the first column is the id that finds them."""
    for part in _parts(rows):
        statement = _update(table, columns, len(part))
        connection.execute(statement, [*chain.from_iterable(part)])


def delete(connection: Connection, table: str, ids: Iterable[int]) -> None:
    """Remove the rows with these ids."""
    connection.execute(
        f"DELETE FROM {table} WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )


@singledispatch
def select(
    connection: Connection,
    columns: tuple[str, ...],
    source: str,
    ids: Iterable[int],
) -> list[Row]:
    """The rows of a `source` that ends in `IN`, for any number of ids. No column is a blob."""
    statement, wanted = _select(columns, source), json.dumps(list(ids))
    try:
        [(found,)] = connection.execute(statement, (wanted,)).fetchall()
        rows: list[Row] = msgspec.json.decode(found)
    except (sqlite3.OperationalError, msgspec.DecodeError):  # a blob that somebody else wrote
        plain = f"SELECT {', '.join(columns)} FROM {source} (SELECT value FROM json_each(?))"
        return connection.execute(plain, (wanted,)).fetchall()
    return rows


@singledispatch
def blobs(connection: Connection, table: str, column: str, ids: Iterable[int]) -> dict[int, bytes]:
    """One blob of each row with these ids."""
    rows = select(connection, ("id", f"hex({column})"), f"{table} WHERE id IN", ids)
    return {row[0]: bytes.fromhex(row[1]) for row in rows}


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    done, left = 0, len(rows)
    while left:
        size = next(size for size in _SIZES if size <= left)
        yield rows[done : done + size]
        done, left = done + size, left - size


def _marks(columns: tuple[str, ...], rows: int) -> str:
    return ", ".join([f"({', '.join('?' * len(columns))})"] * rows)


@lru_cache(maxsize=512)
def _insert(table: str, columns: tuple[str, ...], rows: int) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {_marks(columns, rows)}"


@lru_cache(maxsize=512)
def _update(table: str, columns: tuple[str, ...], rows: int) -> str:
    key, *changed = columns
    changes = ", ".join(f"{name} = changed.{name}" for name in changed)
    return (
        f"WITH changed ({', '.join(columns)}) AS (VALUES {_marks(columns, rows)})"
        f" UPDATE {table} SET {changes} FROM changed WHERE {table}.{key} = changed.{key}"
    )


@lru_cache(maxsize=256)
def _select(columns: tuple[str, ...], source: str) -> str:
    return (
        f"SELECT json_group_array(json_array({', '.join(columns)}))"
        f" FROM {source} (SELECT value FROM json_each(?))"
    )
