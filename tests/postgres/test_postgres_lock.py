"""One service a database on PostgreSQL, whatever happens to the connection that says so."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from postgres_server import Server

from tocsin.core.errors import AlreadyRunning, Fenced
from tocsin.storage.database import Database
from tocsin.storage.postgres_lock import AdvisoryLock

HOLD = """
import sys
from tocsin.storage.database import Database
Database(sys.argv[1]).reserve()
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def there(new_url: Callable[[], str]) -> Iterator[Database]:
    database = Database(new_url())
    database.create()
    yield database
    database.release()
    database.disconnect()


def end_of(lock: Any, there: Database) -> None:
    """Cut the connection that holds a lock."""
    with psycopg.connect(there.url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = %s",
            (lock._name,),
        )


def test_a_second_process_is_refused_and_told_which_one_runs(
    there: Database, child: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.storage.postgres_lock.PATIENCE", 0.2)
    holder = child(HOLD, there.url)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(AlreadyRunning, match=rf"another service \(process {holder.pid} on .* runs"):
        there.reserve()
    assert there.lock().held()
    assert there.lock().owner() == holder.pid


def test_the_lock_dies_with_its_process(there: Database, child: Any) -> None:
    holder = child(HOLD, there.url)
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGKILL)
    there.reserve()
    assert there.lock().owner() == os.getpid()
    there.release()
    assert not there.lock().held()
    assert there.lock().owner() is None


def test_two_schemas_have_two_locks(there: Database, new_url: Callable[[], str]) -> None:
    there.reserve()
    other = Database(new_url())
    other.reserve()
    assert (there.lock().owner(), other.lock().owner()) == (os.getpid(), os.getpid())
    other.release()
    assert there.lock().held()
    assert not other.lock().held()


def test_a_lock_that_an_outage_took_is_taken_again(there: Database) -> None:
    there.reserve()
    end_of(there._reserved, there)
    assert not there.lock().held()
    with there.transaction():
        pass
    assert there.lock().owner() == os.getpid()


def test_a_service_whose_lock_another_has_taken_stores_nothing_more(there: Database) -> None:
    there.reserve()
    end_of(there._reserved, there)
    other = Database(there.url)
    other.reserve()

    def write() -> None:
        with there.transaction() as connection:
            connection.execute("CREATE TABLE notes (id bigint)")

    with pytest.raises(Fenced, match="another service has taken the database over"):
        write()
    with there.session() as connection:
        assert connection.execute("SELECT to_regclass('notes')").fetchone() == (None,)
    other.release()
    with there.transaction():
        pass


def test_our_own_connection_that_the_server_believes_alive_does_not_keep_us_out(
    there: Database,
) -> None:
    there.reserve()
    lock = there._reserved
    assert isinstance(lock, AdvisoryLock)
    ghost = lock._session
    assert ghost is not None
    lock._session = lock._connect()
    lock._session.close()
    assert lock.kept()
    assert lock._session is not ghost
    with pytest.raises(psycopg.OperationalError):
        ghost.execute("SELECT 1")


def test_what_is_not_held_is_not_kept_and_can_be_released(
    there: Database, postgres: Server
) -> None:
    lock = there.lock()
    assert not lock.kept()
    lock.release()
