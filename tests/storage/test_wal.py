"""The write-ahead log moves into the database file, and never grows for ever."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from tocsin.storage import wal

SHORT = 64 << 10


def fill(desk: Any) -> None:
    while Path(f"{desk.path}-wal").stat().st_size <= 2 * SHORT:
        desk.order()


def log_after_an_order(desk: Any) -> int:
    """Bytes of the log that are in use after one more commit."""
    desk.order()
    size, _ = wal.moved(desk.database.connect(), "PASSIVE")
    return size


@pytest.fixture
def never_at_rest(desk: Any, other_connection: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A log of which a part is always in use, except for a moment when all are kept out."""
    step = wal.moved

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
    monkeypatch.setattr(wal, "moved", beside_others)
    return desk


def test_a_log_that_is_never_at_rest_begins_anew(
    never_at_rest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "ENDLESS_LOG", SHORT)
    wal.WriteAheadLog(never_at_rest.database).shorten()
    monkeypatch.undo()
    assert log_after_an_order(never_at_rest) < SHORT


def test_a_log_that_is_never_at_rest_goes_on_while_it_is_short(
    never_at_rest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "ENDLESS_LOG", 100 * SHORT)
    wal.WriteAheadLog(never_at_rest.database).shorten()
    monkeypatch.undo()
    assert log_after_an_order(never_at_rest) > 2 * SHORT


def test_a_reader_keeps_the_log_and_is_waited_for_no_longer_than_a_moment(
    desk: Any, monkeypatch: pytest.MonkeyPatch, other_connection: Any
) -> None:
    monkeypatch.setattr(wal, "ENDLESS_LOG", SHORT)
    fill(desk)
    other_connection.execute("BEGIN")
    other_connection.execute("SELECT count(*) FROM tasks").fetchone()
    desk.order()
    wal.WriteAheadLog(desk.database).shorten()
    assert log_after_an_order(desk) > 2 * SHORT
    [(patience,)] = desk.database.connect().execute("PRAGMA busy_timeout").fetchall()
    assert patience == 3_000
    other_connection.execute("COMMIT")
    wal.WriteAheadLog(desk.database).shorten()
    assert log_after_an_order(desk) < SHORT


@pytest.fixture
def other_connection(desk: Any) -> Any:
    connection = sqlite3.connect(desk.path, isolation_level=None)
    yield connection
    connection.close()


def test_a_log_that_nobody_has_written_to_is_left_alone(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "LONG_LOG", SHORT)
    monkeypatch.setattr(wal, "BUSY_LOG", SHORT)
    log = wal.WriteAheadLog(desk.database)
    assert not log.shorten_when_long()
    fill(desk)
    assert log.shorten_when_long()
    monkeypatch.setattr(wal, "moved", None)
    assert not log.shorten_when_long(), "not even looked into"


def test_a_log_that_has_begun_anew_is_short_although_its_file_is_not(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "LONG_LOG", SHORT)
    monkeypatch.setattr(wal, "BUSY_LOG", SHORT)
    fill(desk)
    log = wal.WriteAheadLog(desk.database)
    assert log.shorten_when_long()
    assert log_after_an_order(desk) < SHORT
    desk.order()
    assert Path(f"{desk.path}-wal").stat().st_size > SHORT
    assert not log.shorten_when_long()


def test_the_log_begins_anew_although_a_thread_always_writes(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "ENDLESS_LOG", SHORT)
    fill(desk)
    busy, enough = threading.Event(), threading.Event()

    def write() -> None:
        while not enough.is_set():
            with desk.database.transaction() as connection:
                connection.execute("UPDATE counters SET value = value")
                busy.set()
        desk.database.disconnect()

    writer = threading.Thread(target=write)
    writer.start()
    assert busy.wait(10)
    before = salt(desk)
    wal.WriteAheadLog(desk.database).shorten()
    enough.set()
    writer.join(10)
    desk.order()
    assert salt(desk) != before


def salt(desk: Any) -> bytes:
    """The salt of the log's header: another one each time that it begins anew."""
    return Path(f"{desk.path}-wal").read_bytes()[16:24]
