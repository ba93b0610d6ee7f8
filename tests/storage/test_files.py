"""A database whose files are moved, removed or replaced while it is open."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tocsin.core.commands import NewEntry, PauseTask
from tocsin.core.errors import StorageError, StorageUnavailable
from tocsin.opening import Opened
from tocsin.storage.files import Files


@pytest.fixture
def kept(desk: Any) -> Any:
    """A desk whose thread keeps its connection, as a service's does, and has stored something."""
    desk.database.connect()
    desk.order("in 1 hour", key="before")
    return desk


def order(key: str) -> NewEntry:
    return NewEntry("in 1 hour", handler="report.build", key=key)


def keys(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT key FROM tasks ORDER BY id")]
    finally:
        connection.close()


def test_nothing_is_acknowledged_while_the_file_is_elsewhere_and_all_is_there_after_it(
    kept: Any, tmp_path: Path
) -> None:
    kept.path.rename(tmp_path / "away")
    for _ in range(3):
        with pytest.raises(StorageUnavailable, match="gone: put it back"):
            kept.execute(order("lost"))
        with pytest.raises(StorageUnavailable):
            kept.database.data_version()
    assert not kept.path.exists(), "no new file was made in its place"
    (tmp_path / "away").rename(kept.path)
    kept.ask(order("after"))
    kept.close()
    assert keys(kept.path) == ["before", "after"]


def test_a_commit_into_a_file_that_is_moved_meanwhile_is_not_acknowledged(
    kept: Any, tmp_path: Path
) -> None:
    def move_and_commit() -> None:
        with kept.database.transaction() as connection:
            connection.execute("UPDATE tasks SET reason = 'x'")
            kept.path.rename(tmp_path / "away")

    with pytest.raises(StorageUnavailable, match="moved, removed or replaced"):
        move_and_commit()
    (tmp_path / "away").rename(kept.path)
    assert kept.ask(PauseTask("before")).status == "paused"


def test_a_file_that_was_put_in_its_place_is_not_touched(kept: Any, tmp_path: Path) -> None:
    kept.path.rename(tmp_path / "away")
    kept.path.write_bytes(b"something else")
    with pytest.raises(StorageUnavailable, match="another file was put in the place"):
        kept.execute(order("lost"))
    with pytest.raises(StorageUnavailable, match="another file was put in the place"):
        kept.task("before")
    assert kept.path.read_bytes() == b"something else"
    (tmp_path / "away").replace(kept.path)
    assert kept.task("before").key == "before"


def test_a_new_database_is_not_made_beside_the_log_of_one_that_is_gone(
    kept: Any, tmp_path: Path
) -> None:
    """An empty file would cost the log its content, and with it what was acknowledged."""
    kept.path.rename(tmp_path / "away")
    with pytest.raises(StorageError, match="put the database back, or remove both"):
        Opened(f"sqlite:///{kept.path}", kept.clock, {})
    (tmp_path / "away").rename(kept.path)
    kept.close()
    assert keys(kept.path) == ["before"]


def test_a_log_that_is_removed_costs_nothing_that_was_acknowledged(kept: Any) -> None:
    Path(f"{kept.path}-wal").unlink()
    kept.ask(order("after"))
    kept.close()
    assert keys(kept.path) == ["before", "after"]


def test_a_path_with_signs_that_mean_something_in_an_address_is_opened_as_it_is(
    tmp_path: Path, make_desk: Any
) -> None:
    folder = tmp_path / "a?b#c%20d e"
    folder.mkdir()
    desk = make_desk(folder / "t&mode=memory.db")
    desk.order("in 1 hour", key="k")
    desk.close()
    assert keys(folder / "t&mode=memory.db") == ["k"]


def test_a_file_that_is_replaced_while_it_is_opened_costs_nothing_that_was_acknowledged(
    kept: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, other, enter = tmp_path / "away", tmp_path / "other", Files.enter
    with closing(sqlite3.connect(kept.path)) as source, closing(sqlite3.connect(other)) as target:
        source.backup(target)
    kept.order("in 1 hour", key="in the log")

    def swapped_right_after(files: Files, *asked: Any) -> None:
        enter(files, *asked)
        if other.exists():
            os.link(kept.path, away)
            other.rename(kept.path)

    def look() -> None:
        try:
            with pytest.raises(StorageUnavailable, match="another file"), kept.database.session():
                pass
        except BaseException as error:  # noqa: BLE001 - it is told to the test's own thread
            failures.append(error)

    failures: list[BaseException] = []
    monkeypatch.setattr(Files, "enter", swapped_right_after)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    away.rename(kept.path)
    assert not failures
    kept.order("in 1 hour", key="after")
    kept.close()
    assert keys(kept.path) == ["before", "in the log", "after"]


def test_another_program_does_not_open_a_file_that_replaced_the_one_of_a_running_service(
    kept: Any, tmp_path: Path, make_desk: Any
) -> None:
    """The log beside it is the service's: it would be moved into the wrong file, and be gone."""
    away, other = tmp_path / "away", tmp_path / "other"
    with closing(sqlite3.connect(kept.path)) as source, closing(sqlite3.connect(other)) as target:
        source.backup(target)
    kept.order("in 1 hour", key="in the log")
    kept.database.reserve()
    os.link(kept.path, away)
    other.rename(kept.path)
    with pytest.raises(StorageUnavailable, match="another file was put in the place"):
        make_desk(kept.path)
    away.rename(kept.path)
    theirs = make_desk(kept.path)
    assert theirs.task("in the log").key == "in the log"
    theirs.close()
    kept.database.release()
    kept.close()
    assert keys(kept.path) == ["before", "in the log"]
