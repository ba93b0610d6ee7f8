"""Backups of a database in use: whole, of one moment, checked, and never over another file."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.errors import StorageError
from tocsin.core.schedule import every
from tocsin.opening import Opened
from tocsin.storage.backup import PAGES, backup
from tocsin.storage.rebuild import rebuild


@pytest.fixture
def large(desk: Any) -> Any:
    """A database of more pages than are copied in one step."""
    entries = [c.NewEntry(every("5m"), handler="h", args=["x" * 3_000]) for _ in range(500)]
    for _ in range(5):
        desk.ask(c.NewEntries(entries))
    assert desk.rows("PRAGMA page_count")[0][0] > 2 * PAGES
    return desk


def rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_a_backup_is_one_sound_file_that_can_be_served(desk: Any, tmp_path: Path) -> None:
    desk.order(key="a")
    made = backup(desk.database, tmp_path / "copy.db")
    assert made.size == (tmp_path / "copy.db").stat().st_size > 0
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert {each.name for each in tmp_path.glob("copy*")} == {"copy.db"}
    opened = Opened(f"sqlite:///{tmp_path}/copy.db", desk.clock, {}, key_file=f"{desk.path}.key")
    assert [task.key for task in opened.queries.tasks()] == ["a"]
    assert rebuild(opened.database, check=True).ok


def test_writers_go_on_and_the_copy_is_of_one_moment(large: Any, tmp_path: Path) -> None:
    """After each step somebody commits: nobody waits, and the copy does not begin again."""
    steps: list[int] = []

    def write() -> None:
        large.order(every("1h"))
        large.database.disconnect()

    def progress(_: str, done: int, total: int) -> None:
        steps.append(done)
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(5)
        assert not thread.is_alive(), "the writer waits for the backup"

    backup(large.database, tmp_path / "copy.db", progress)
    assert len(steps) >= 3
    assert steps == sorted(steps), "it began again"
    copied = rows(tmp_path / "copy.db", "SELECT count(*) FROM tasks")[0][0]
    assert copied == 2_500
    assert large.rows("SELECT count(*) FROM tasks") == [(2_500 + len(steps),)]


def test_another_file_is_never_overwritten(desk: Any, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(StorageError, match="precious exists already"):
        backup(desk.database, tmp_path / "precious")
    assert (tmp_path / "precious").read_text() == "mine"


def test_not_even_one_that_appears_meanwhile(large: Any, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    def progress(*_: Any) -> None:
        target.write_text("mine")

    with pytest.raises(StorageError, match=r"copy.db exists already"):
        backup(large.database, target, progress)
    assert target.read_text() == "mine"
    assert not (tmp_path / "copy.db.part").exists()


def test_a_folder_that_is_not_there_is_told(desk: Any, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot be made.*No such file"):
        backup(desk.database, tmp_path / "nowhere" / "copy.db")


def test_a_damaged_database_makes_no_backup(large: Any, tmp_path: Path) -> None:
    large.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    large.close()
    index = "SELECT rootpage FROM sqlite_master WHERE name = 'tasktable_tenant_status'"
    [(root,)] = rows(large.path, index)
    [(size,)] = rows(large.path, "PRAGMA page_size")
    with large.path.open("r+b") as file:
        file.seek((root - 1) * size + 3)
        file.write(b"\xff\xff")  # so many cells has no page
    with pytest.raises(StorageError, match=r"damaged.*doctor"):
        backup(large.database, tmp_path / "copy.db")
    assert list(tmp_path.glob("copy*")) == []
