"""A commit to PostgreSQL is cut off: was it stored? What is answered is what is true."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tocsin.core.errors import StorageUnavailable
from tocsin.opening import Opened
from tocsin.storage.database import Database

sys.path.insert(0, str(Path(__file__).parents[1]))

from postgres_server import Server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    own = Server(Path(tempfile.mkdtemp(prefix="tocsin-pg-", dir="/tmp")))
    try:
        own.make()
        own.start()
        yield own
    finally:
        own.remove()


@pytest.fixture
def database(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> Iterator[Database]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    opened = Opened(server.url(), clock, {})
    yield opened.database
    opened.database.disconnect()


def crash(server: Server) -> None:
    """End the server without a chance to write anything, and start it again."""
    server.stop("immediate")
    server.start()


def write(connection: Any, name: str) -> None:
    connection.execute("INSERT INTO counters (name, value) VALUES (?, 1)", (name,))


def store(database: Database, name: str, meanwhile: Callable[[Any], None]) -> None:
    """Write something, and have something happen before the commit."""
    with database.transaction() as connection:
        write(connection, name)
        meanwhile(connection)


def names(database: Database) -> list[str]:
    with database.session() as connection:
        rows = connection.execute("SELECT name FROM counters ORDER BY name").fetchall()
    return [name for (name,) in rows if name.startswith("mine")]


def number(connection: Any) -> int:
    """What the server calls the transaction of a connection."""
    [(said,)] = connection.execute("SELECT pg_current_xact_id()::text").fetchall()
    return int(said)


def test_what_a_crash_lost_is_an_outage_that_may_be_tried_again(
    database: Database, server: Server
) -> None:
    with pytest.raises(StorageUnavailable):
        store(database, "mine 1", lambda _: crash(server))
    assert names(database) == []
    with database.transaction() as connection:
        write(connection, "mine 1")
    assert names(database) == ["mine 1"]


def test_what_a_crash_lost_is_not_taken_for_stored_when_its_number_was_given_to_another(
    database: Database, server: Server
) -> None:
    def lose_and_give_away(connection: Any) -> None:
        lost = number(connection)
        crash(server)
        with psycopg.connect(server.url(), autocommit=True) as other:
            assert number(other) <= lost, "the server has forgotten the number"
            while number(other) < lost:
                pass

    before = names(database)
    with pytest.raises(StorageUnavailable):
        store(database, "mine 2", lose_and_give_away)
    assert names(database) == before


def test_what_was_stored_is_no_error_although_the_answer_was_cut_off(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = names(database)
    with database.transaction() as connection:
        write(connection, "mine 3")
        raw = connection.raw
        execute = raw.execute

        def cut_off(statement: Any) -> None:
            execute(statement)
            raw.close()
            raise psycopg.OperationalError("the answer was cut off")

        monkeypatch.setattr(raw, "execute", cut_off)
    assert names(database) == [*before, "mine 3"]


def test_sessions_of_days_ago_are_forgotten(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO writers (session, transactions, at)"
            " VALUES (-1, 1, now() - interval '2 days'), (-2, 1, now() - interval '1 hour')"
        )
    database.disconnect()
    with database.transaction() as connection:
        write(connection, "mine 4")
    with database.session() as connection:
        left = connection.execute("SELECT session FROM writers WHERE session < 0").fetchall()
    assert left == [(-2,)]
