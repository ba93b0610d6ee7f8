"""One service a database."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tocsin.core.errors import AlreadyRunning, Fenced, StorageError, StorageUnavailable
from tocsin.storage.database import Database
from tocsin.storage.lock import FileLock

HOLD = """
import sys
from pathlib import Path
from tocsin.storage.lock import FileLock
lock = FileLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


def test_a_second_process_is_refused_and_told_which_one_runs(tmp_path: Path, child: Any) -> None:
    path = tmp_path / "t.db"
    holder = child(HOLD, path)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(
        AlreadyRunning, match=rf"another service \(process {holder.pid}\) runs on .*t\.db: stop it"
    ):
        FileLock(path).acquire()
    holder.stdin.write("go\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "released\n"
    lock = FileLock(path)
    lock.acquire()
    lock.release()


def test_the_lock_dies_with_its_process(tmp_path: Path, child: Any) -> None:
    holder = child(HOLD, tmp_path / "t.db")
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(30)
    lock = FileLock(tmp_path / "t.db")
    lock.acquire()
    assert lock.owner() == os.getpid(), "not the dead one's number"
    assert lock.runs_on() is None, "there is no database to run on"
    lock.release()


def test_two_services_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    one, other = FileLock(tmp_path / "t.db"), FileLock(tmp_path / "t.db")
    one.acquire()
    refused: list[Exception] = []

    def attempt() -> None:
        try:
            other.acquire()
        except AlreadyRunning as error:
            refused.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join(10)
    assert len(refused) == 1
    one.release()
    other.acquire()
    other.release()


def test_releasing_what_is_not_held_does_nothing(tmp_path: Path) -> None:
    holder, other = FileLock(tmp_path / "t.db"), FileLock(tmp_path / "t.db")
    holder.acquire()
    other.release()
    assert holder.held()
    assert holder.kept()
    holder.release()
    holder.release()
    assert not holder.held()


def test_two_databases_have_two_locks(tmp_path: Path) -> None:
    one, other = FileLock(tmp_path / "a.db"), FileLock(tmp_path / "b.db")
    one.acquire()
    other.acquire()
    assert one.kept()
    assert other.kept()
    one.release()
    assert not one.held()
    assert other.held()
    other.release()


def test_a_folder_that_is_not_there_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot open"):
        FileLock(tmp_path / "no" / "t.db").acquire()


def test_asking_who_has_the_lock_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    lock, enough = FileLock(tmp_path / "t.db"), threading.Event()
    lock.acquire()
    lock.release()

    def ask() -> None:
        other = FileLock(tmp_path / "t.db")
        while not enough.is_set():
            other.held()

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        for _ in range(300):
            lock.acquire()
            assert lock.held()
            lock.release()
    finally:
        enough.set()
        for asker in askers:
            asker.join(10)


def test_a_lock_whose_file_was_removed_is_taken_again(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "t.db")
    assert not lock.kept()
    lock.acquire()
    (tmp_path / "t.db.lock").unlink()
    assert not lock.held()
    assert lock.kept()
    assert lock.owner() == os.getpid()
    with pytest.raises(AlreadyRunning):
        FileLock(tmp_path / "t.db").acquire()
    lock.release()
    assert not lock.held()


def test_a_lock_whose_folder_is_away_is_an_outage_and_kept_when_it_comes_back(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    lock = FileLock(home / "t.db")
    lock.acquire()
    home.rename(tmp_path / "away")
    with pytest.raises(StorageUnavailable, match=r"t\.db\.lock is gone"):
        lock.kept()
    (tmp_path / "away").rename(home)
    assert lock.kept()
    lock.release()


def test_s61_a_service_whose_lock_another_has_taken_stores_nothing_more(tmp_path: Path) -> None:
    """Somebody removes the file that says who serves, and a second service starts."""
    first, second = (Database(f"sqlite:///{tmp_path}/t.db") for _ in range(2))
    first.create()
    first.reserve()
    (tmp_path / "t.db.lock").unlink()
    second.reserve()

    def write(database: Database) -> None:
        with database.transaction() as connection:
            connection.execute("CREATE TABLE notes (id bigint)")

    with pytest.raises(Fenced, match="another service has taken the database over"):
        write(first)
    write(second)
    second.release()
    with first.transaction():
        pass
    assert first.lock().owner() == os.getpid()
    for database in (first, second):
        database.disconnect()
        database.release()
