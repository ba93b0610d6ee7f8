"""A commit to PostgreSQL is lost in a crash of the server: what is answered is what is true."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from postgres_server import Server

from tocsin.core.errors import StorageUnavailable
from tocsin.storage.database import Database


@pytest.fixture
def database(frail_url: str) -> Iterator[Database]:
    database = Database(frail_url)
    database.create()
    with database.transaction() as connection:
        connection.execute("CREATE TABLE notes (text text)")
    yield database
    database.disconnect()


def crash(frail: Server) -> None:
    """End the server without a chance to write anything, and start it again."""
    frail.stop("immediate")
    frail.start()


def write(connection: Any, name: str) -> None:
    connection.execute("INSERT INTO notes VALUES (?)", (name,))


def store(database: Database, name: str, meanwhile: Callable[[Any], None]) -> None:
    """Write something, and have something happen before the commit."""
    with database.transaction() as connection:
        write(connection, name)
        meanwhile(connection)


def names(database: Database) -> list[str]:
    with database.session() as connection:
        return [name for (name,) in connection.execute("SELECT text FROM notes ORDER BY text")]


def number(connection: Any) -> int:
    """What the server calls the transaction of a connection."""
    [(said,)] = connection.execute("SELECT pg_current_xact_id()::text").fetchall()
    return int(said)


def test_what_a_crash_lost_is_an_outage_that_may_be_tried_again(
    database: Database, frail: Server
) -> None:
    with pytest.raises(StorageUnavailable):
        store(database, "mine", lambda _: crash(frail))
    assert names(database) == []
    with database.transaction() as connection:
        write(connection, "mine")
    assert names(database) == ["mine"]


def test_what_a_crash_lost_is_not_taken_for_stored_when_its_number_was_given_to_another(
    database: Database, frail: Server
) -> None:
    def lose_and_give_away(connection: Any) -> None:
        lost = number(connection)
        crash(frail)
        with psycopg.connect(frail.url(), autocommit=True) as other:
            assert number(other) <= lost, "the server has forgotten the number"
            while number(other) < lost:
                pass

    with pytest.raises(StorageUnavailable):
        store(database, "mine", lose_and_give_away)
    assert names(database) == []


def test_sessions_of_days_ago_are_forgotten(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO writers (session, transactions, at)"
            " VALUES (-1, 1, now() - interval '2 days'), (-2, 1, now() - interval '1 hour')"
        )
    database.disconnect()
    with database.transaction() as connection:
        write(connection, "mine")
    with database.session() as connection:
        left = connection.execute("SELECT session FROM writers WHERE session < 0").fetchall()
    assert left == [(-2,)]


def test_a_database_that_knows_no_writers_yet_learns_them_when_it_is_opened(
    database: Database,
) -> None:
    with database.session() as connection:
        connection.execute("DROP TABLE writers")
    database.create()
    with database.transaction() as connection:
        write(connection, "mine")
    assert names(database) == ["mine"]
