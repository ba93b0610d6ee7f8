"""Rows as sets on PostgreSQL: a set goes over as one JSON value, and the table knows its types."""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from . import sets
from .postgres_session import Session, without_nul

_encoder = msgspec.json.Encoder()


@sets.insert.register
def insert(
    connection: Session, table: str, columns: tuple[str, ...], rows: Sequence[sets.Row]
) -> None:
    """Add rows that are new."""
    if rows:
        connection.execute(_insert(table, columns), (_as_json(columns, rows),))


@sets.update.register
def update(
    connection: Session, table: str, columns: tuple[str, ...], rows: Sequence[sets.Row]
) -> None:
    """Change rows; the first column is the id that finds them."""
    if rows:
        connection.execute(_update(table, columns), (_as_json(columns, rows),))


@sets.select.register
def select(
    connection: Session, columns: tuple[str, ...], source: str, ids: Iterable[int]
) -> list[sets.Row]:
    """The rows of a `source` that ends in `IN`, for any number of ids."""
    statement = f"SELECT {', '.join(columns)} FROM {source} (SELECT value FROM json_each(?))"
    return connection.execute(statement, (json.dumps(list(ids)),)).fetchall()


@sets.blobs.register
def blobs(connection: Session, table: str, column: str, ids: Iterable[int]) -> dict[int, bytes]:
    """One blob of each row with these ids."""
    return dict(select(connection, ("id", column), f"{table} WHERE id IN", ids))  # type: ignore[arg-type]


def _as_json(columns: tuple[str, ...], rows: Sequence[sets.Row]) -> str:
    records = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
    return _encoder.encode(records).decode()


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return rf"\x{value.hex()}"
    return without_nul(value) if isinstance(value, str) else value


@lru_cache(maxsize=256)
def _insert(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    return (
        f"INSERT INTO {table} ({names})"
        f" SELECT {names} FROM json_populate_recordset(NULL::{table}, ?::json)"
    )


@lru_cache(maxsize=256)
def _update(table: str, columns: tuple[str, ...]) -> str:
    key, *changed = columns
    changes = ", ".join(f"{name} = changed.{name}" for name in changed)
    return (
        f"UPDATE {table} SET {changes}"
        f" FROM json_populate_recordset(NULL::{table}, ?::json) AS changed"
        f" WHERE {table}.{key} = changed.{key}"
    )
