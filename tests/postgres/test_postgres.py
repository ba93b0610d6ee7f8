"""PostgreSQL as a database of ours: one writer at a time, durable, and honest about outages."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_server import Server

from tocsin.core.clock import SystemClock
from tocsin.core.errors import StorageError, StorageUnavailable
from tocsin.storage.database import Database
from tocsin.storage.migrations import migrate
from tocsin.storage.postgres_session import translate


@pytest.fixture
def there(postgres: Server, new_url: Callable[[], str]) -> Iterator[Database]:
    database = Database(new_url())
    database.create()
    with database.transaction() as connection:
        connection.execute("CREATE TABLE notes (id bigint PRIMARY KEY, text text)")
    yield database
    database.disconnect()


def note(database: Database, number: int, text: str = "") -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO notes VALUES (?, ?)", (number, text))


def noted(database: Database) -> list[int]:
    with database.session() as connection:
        return [row[0] for row in connection.execute("SELECT id FROM notes ORDER BY id")]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("SELECT a FROM t WHERE b = ? AND c = ?", "SELECT a FROM t WHERE b = %s AND c = %s"),
        ("SELECT a FROM t WHERE b LIKE 'x%'", "SELECT a FROM t WHERE b LIKE 'x%%'"),
        (
            "a IN (SELECT value FROM json_each(?))",
            "a IN (SELECT value::bigint FROM jsonb_array_elements(%s::jsonb))",
        ),
        ("LIMIT ? /*! FOR UPDATE SKIP LOCKED */", "LIMIT %s  FOR UPDATE SKIP LOCKED "),
    ],
)
def test_statements_are_translated(ours: str, theirs: str) -> None:
    assert translate(ours) == theirs


def test_what_others_write_is_noticed_and_what_we_write_is_not(there: Database) -> None:
    other = Database(there.url)
    before = there.data_version()
    note(there, 1)
    assert there.data_version() == before
    note(other, 2)
    end, pause = time.monotonic() + 5, threading.Event()
    while there.data_version() == before:  # the news is on its way
        assert time.monotonic() < end
        pause.wait(0.01)
    before = there.data_version()
    other.disconnect()
    there.disconnect()
    assert there.data_version() != before, "nobody knows what was missed"


def test_writers_wait_for_each_other_and_see_what_was_written(there: Database) -> None:
    note(there, 0)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                with there.transaction() as connection:
                    [last] = connection.execute("SELECT max(id) FROM notes").fetchone()
                    connection.execute("INSERT INTO notes VALUES (?, NULL)", (last + 1,))
        except BaseException as error:  # noqa: BLE001 - shown below
            failed.append(error)
        finally:
            there.disconnect()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert noted(there) == list(range(151))


def test_a_writer_that_waits_too_long_gives_up_and_the_next_one_does_not(
    there: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.storage.database.BUSY_TIMEOUT", 0.2)
    impatient = Database(there.url)
    with there.transaction(), pytest.raises(StorageUnavailable, match="lock timeout"):
        note(impatient, 1)
    note(impatient, 2)
    impatient.disconnect()
    assert noted(there) == [2]


def test_what_failed_and_was_passed_over_is_never_called_stored(there: Database) -> None:
    note(there, 1)

    def write() -> None:
        with there.transaction() as connection:
            connection.execute("INSERT INTO notes VALUES (2, NULL)")
            with suppress(psycopg.Error):
                connection.execute("INSERT INTO notes VALUES (1, NULL)")

    with pytest.raises(psycopg.errors.UniqueViolation):
        write()
    assert noted(there) == [1]
    note(there, 3)
    assert noted(there) == [1, 3]


def test_a_server_that_acknowledges_before_the_disk_has_it_is_told_not_to(
    postgres: Server, new_url: Callable[[], str]
) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE hasty LOGIN SUPERUSER")
        admin.execute("ALTER ROLE hasty SET synchronous_commit = off")
        admin.execute("ALTER ROLE hasty SET default_transaction_isolation = serializable")
    database = Database(new_url().replace("//postgres@", "//hasty@"))
    database.create()
    with database.transaction() as connection:
        for setting, value in (
            ("synchronous_commit", "on"),
            ("transaction_isolation", "read committed"),
        ):
            assert connection.execute(f"SHOW {setting}").fetchone() == (value,)


@contextmanager
def commit_replaced(
    database: Database, monkeypatch: pytest.MonkeyPatch, replaced: Callable[[Any, Any], Any]
) -> Iterator[None]:
    """Let something else happen when the commit is sent."""
    raw: Any = database.connect().raw  # type: ignore[attr-defined]
    execute = raw.execute
    commits = []

    def send(statement: Any, *values: Any) -> Any:
        if isinstance(statement, bytes) and statement.rstrip().endswith(b"COMMIT"):
            commits.append(statement)
            return replaced(lambda: execute(statement, *values), raw)
        return execute(statement, *values)

    with monkeypatch.context() as patch:
        patch.setattr(raw, "execute", send, raising=False)
        yield
    assert len(commits) == 1


def cut(raw: Any) -> None:
    raw.close()
    raise psycopg.OperationalError("server closed the connection unexpectedly")


def test_a_commit_whose_answer_was_cut_off_counts_when_it_was_made(
    there: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def committed(commit: Callable[[], Any], raw: Any) -> None:
        commit()
        cut(raw)

    with commit_replaced(there, monkeypatch, committed):
        note(there, 1)
    assert noted(there) == [1]


def test_a_commit_that_never_arrived_is_an_outage_and_changed_nothing(
    there: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        commit_replaced(there, monkeypatch, lambda _commit, raw: cut(raw)),
        pytest.raises(StorageUnavailable, match="cannot be used right now"),
    ):
        note(there, 1)
    assert noted(there) == []
    note(there, 2)
    assert noted(there) == [2]


def test_a_commit_that_nobody_can_be_asked_about_is_said_to_be_unknown(
    frail: Server, frail_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.storage.postgres.DOUBT", 0.3)
    database = Database(frail_url)
    database.create()

    def stopped(_commit: Callable[[], Any], raw: Any) -> None:
        frail.stop()
        cut(raw)

    with (
        commit_replaced(database, monkeypatch, stopped),
        pytest.raises(StorageUnavailable, match="is not known"),
        database.transaction(),
    ):
        pass


def test_a_read_only_server_is_an_outage_that_passes(there: Database) -> None:
    def write() -> None:
        with there.transaction() as connection:
            connection.execute("SET TRANSACTION READ ONLY")  # as a standby has it
            connection.execute("INSERT INTO notes VALUES (1, NULL)")

    with pytest.raises(StorageUnavailable, match="read-only"):
        write()
    note(there, 2)
    assert noted(there) == [2]


def test_text_with_a_nul_is_stored_with_a_mark_for_it(there: Database) -> None:
    note(there, 1, "a\0b")
    with there.session() as connection:
        assert connection.execute("SELECT text FROM notes").fetchall() == [("a\ufffdb",)]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@db:5433/x", "postgresql://me@db:5433/x"),
        ("postgres://db/x", "postgres://db/x"),
        ("postgresql://me@/x?host=/run/pg&password=secret", "postgresql://me@/x?host=/run/pg"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert Database(url).place == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@db/x?nonsense=1",
        "postgresql://me:secret@[db/x",
        "postgresql://me:two secrets@db/x",
    ],
)
def test_a_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StorageError, match="is no database URL") as caught:
        Database(url)
    assert "secret" not in str(caught.value)


def test_a_database_that_loses_characters_is_refused(postgres: Server) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(StorageError, match="has the encoding SQL_ASCII: UTF8 is needed"):
        Database(postgres.url().replace("/postgres?", "/ascii?")).create()


def test_a_schema_that_is_not_there_is_named(postgres: Server) -> None:
    with pytest.raises(StorageError, match="has no schema that its search_path names"):
        Database(postgres.url("nowhere")).create()


def test_the_counts_of_an_older_database_are_widened(
    postgres: Server, new_url: Callable[[], str]
) -> None:
    database = Database(new_url())
    migrate(database, SystemClock())

    def counts() -> set[tuple[str, str, str]]:
        with database.session() as connection:
            return set(
                connection.execute(
                    "SELECT table_name, column_name, data_type FROM information_schema.columns"
                    " WHERE table_schema = current_schema() AND column_name IN"
                    " ('rewinds', 'run_count', 'fence', 'count')"
                ).fetchall()
            )

    wide = counts()
    with database.transaction() as connection:
        for table, column, _ in wide:
            connection.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE INTEGER")
        connection.execute("ALTER TABLE tasks DROP COLUMN last_event")
        connection.execute("DELETE FROM schema_version WHERE version > 3")
    assert counts() != wide
    assert migrate(database, SystemClock()) == 3
    assert counts() == wide
    assert {kind for *_, kind in wide} == {"bigint"}
    database.disconnect()


def test_a_server_that_nobody_runs_is_an_outage(tmp_path: Path) -> None:
    for ask in (Database.create, Database.exists, Database.data_version):
        with pytest.raises(StorageUnavailable, match="cannot be used right now"):
            ask(Database(f"postgresql:///x?host={tmp_path}"))


MISSING = """
import sys
sys.modules["psycopg"] = None
from tocsin.core.errors import StorageError
from tocsin.storage.database import Database
try:
    Database("postgresql://localhost/x")
except StorageError as error:
    print(error)
Database("sqlite:///x.db")
"""


def test_without_the_extra_it_is_named(child: Any) -> None:
    out, err = child(MISSING).communicate(timeout=60)
    assert 'PostgreSQL needs psycopg: pip install "tocsin[postgres]"' in out, (out, err)
    assert err == ""
