"""The write-ahead log moves into the database file, and never grows for ever."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tocsin.storage import upkeep

SHORT = 64 << 10


def fill(desk: Any) -> None:
    while Path(f"{desk.path}-wal").stat().st_size <= 2 * SHORT:
        desk.order()


def log_after_an_order(desk: Any) -> int:
    """Bytes of the log that are in use after one more commit."""
    desk.order()
    return upkeep._moved(desk.database.connect(), "PASSIVE")


@pytest.fixture
def never_at_rest(desk: Any, other_connection: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A log of which a part is always in use, except for a moment when all are kept out."""
    step = upkeep._moved

    def beside_others(connection: Any, mode: str) -> int:
        if mode != "PASSIVE":
            return step(connection, mode)
        other_connection.execute("BEGIN")
        other_connection.execute("SELECT count(*) FROM tasks").fetchone()
        desk.order()
        moved = step(connection, mode)
        other_connection.execute("COMMIT")
        return moved

    fill(desk)
    monkeypatch.setattr(upkeep, "_moved", beside_others)
    return desk


def test_a_log_that_is_never_at_rest_begins_anew(
    never_at_rest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "ENDLESS_LOG", SHORT)
    upkeep.checkpoint(never_at_rest.database)
    monkeypatch.undo()
    assert log_after_an_order(never_at_rest) < SHORT


def test_a_log_that_is_never_at_rest_goes_on_while_it_is_short(
    never_at_rest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "ENDLESS_LOG", 100 * SHORT)
    upkeep.checkpoint(never_at_rest.database)
    monkeypatch.undo()
    assert log_after_an_order(never_at_rest) > 2 * SHORT


def test_a_reader_keeps_the_log_and_is_waited_for_no_longer_than_a_moment(
    desk: Any, monkeypatch: pytest.MonkeyPatch, other_connection: Any
) -> None:
    monkeypatch.setattr(upkeep, "ENDLESS_LOG", SHORT)
    fill(desk)
    other_connection.execute("BEGIN")
    other_connection.execute("SELECT count(*) FROM tasks").fetchone()
    desk.order()
    upkeep.checkpoint(desk.database)
    assert log_after_an_order(desk) > 2 * SHORT
    [(patience,)] = desk.database.connect().execute("PRAGMA busy_timeout").fetchall()
    assert patience == 3_000
    other_connection.execute("COMMIT")
    upkeep.checkpoint(desk.database)
    assert log_after_an_order(desk) < SHORT


@pytest.fixture
def other_connection(desk: Any) -> Any:
    connection = sqlite3.connect(desk.path, isolation_level=None)
    yield connection
    connection.close()
