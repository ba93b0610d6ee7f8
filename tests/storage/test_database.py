"""One file: private, durable, shared by careful writers, and honest about what is wrong."""

import os
import sqlite3
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from tocsin.core.commands import NewEntry
from tocsin.core.errors import SchemaTooNew, StorageError, StorageUnavailable
from tocsin.core.schedule import every
from tocsin.storage.database import Database
from tocsin.storage.migrations import LATEST, migrate


@pytest.fixture
def database(tmp_path: Path, clock: Any) -> Any:
    database = Database(f"sqlite:///{tmp_path}/t.db")
    migrate(database, clock)
    yield database
    database.disconnect()


def test_all_files_are_for_their_owner_only(desk: Any) -> None:
    desk.order()
    desk.database.connect().execute("SELECT count(*) FROM tasks").fetchall()
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in desk.path.parent.iterdir()}
    assert {"tocsin.db", "tocsin.db-wal", "tocsin.db-shm", "tocsin.db.key"} <= set(files)
    assert set(files.values()) == {0o600}


def test_the_pragmas_are_those_that_survive_a_power_cut(database: Database) -> None:
    connection = database.connect()
    pragmas = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 3_000,
    }


def test_another_thread_gets_the_same_pragmas(database: Database) -> None:
    found: list[int] = []

    def look() -> None:
        with database.session() as connection:
            found.append(connection.execute("PRAGMA synchronous").fetchone()[0])

    thread = threading.Thread(target=look)
    thread.start()
    thread.join(10)
    assert found == [2]


def test_two_threads_that_read_and_write_never_lose_an_update(database: Database) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(100):
                with database.transaction() as connection:
                    row = connection.execute(
                        "SELECT value FROM counters WHERE name = 'n'"
                    ).fetchone()
                    connection.execute(
                        "INSERT OR REPLACE INTO counters VALUES ('n', ?)",
                        ((row[0] if row else 0) + 1,),
                    )
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)
        finally:
            database.disconnect()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    with database.session() as connection:
        assert connection.execute("SELECT value FROM counters").fetchone() == (200,)


def test_a_thread_that_keeps_the_writers_place_is_an_outage_for_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.storage.database.BUSY_TIMEOUT", 0.05)
    writing, enough = threading.Event(), threading.Event()

    def write() -> None:
        with database.transaction():
            writing.set()
            assert enough.wait(10)
        database.disconnect()

    writer = threading.Thread(target=write)
    writer.start()
    assert writing.wait(10)
    with pytest.raises(StorageUnavailable, match="a thread is writing"), database.transaction():
        pass
    enough.set()
    writer.join(10)
    with database.transaction():
        pass


def test_a_failed_block_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as connection:
            connection.execute("INSERT INTO counters VALUES ('n', 1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.session() as connection:
        assert connection.execute("SELECT * FROM counters").fetchall() == []


def test_a_session_closes_what_it_opened_and_keeps_what_it_found(database: Database) -> None:
    with database.session():
        pass
    assert not database._dialect.connected()
    kept = database.connect()
    with database.session() as connection:
        assert connection is kept
    assert database._dialect.connected()


def test_a_newer_schema_is_refused_by_its_number(database: Database, clock: Any) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, 0)")
    with pytest.raises(SchemaTooNew, match=rf"schema version 99, this Tocsin knows {LATEST}"):
        migrate(database, clock)


def test_a_migration_runs_once(database: Database, clock: Any) -> None:
    assert migrate(database, clock) == LATEST
    with database.session() as connection:
        rows = connection.execute("SELECT version FROM schema_version ORDER BY version").fetchall()
    assert rows == [(n,) for n in range(1, LATEST + 1)]


MIGRATE = """
import sys
from tocsin.core.clock import SystemClock
from tocsin.storage.database import Database
from tocsin.storage.migrations import migrate
print("ready", flush=True)
sys.stdin.readline()
print(migrate(Database(sys.argv[1]), SystemClock()))
"""


def test_four_processes_migrate_a_new_database_once(tmp_path: Path, child: Any) -> None:
    for attempt in range(3):
        url = f"sqlite:///{tmp_path}/t{attempt}.db"
        children = [child(MIGRATE, url) for _ in range(4)]
        for process in children:
            assert process.stdout.readline() == "ready\n"
        for process in children:
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=60) for process in children]
        assert sorted(out for out, _ in said) == ["0\n", *[f"{LATEST}\n"] * 3], said


@pytest.mark.parametrize("content", [b"This is a letter, not a database.\n" * 100, b"x" * 5000])
def test_a_file_that_is_no_database_is_refused_by_its_path(
    tmp_path: Path, clock: Any, content: bytes
) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"letter.txt is not a database"):
        migrate(Database(f"sqlite:///{path}"), clock)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "is no database URL: write sqlite:///tocsin.db"),
        ("sqlite:///", "is no database URL"),
        ("tocsin.db", "is no database URL"),
        ("sqlite:///:memory:", "needs a file"),
        ("mysql://x", "is no database URL"),
        ("sqlite:///~nobody-has-this-name/x.db", "names no file"),
        ("sqlite:///a\0b", "names no file"),
    ],
)
def test_a_url_that_cannot_be_opened_says_what_to_write(url: str, words: str) -> None:
    with pytest.raises(StorageError, match=words):
        Database(url)


@pytest.mark.parametrize("path", ["no/such/folder/t.db", "."])
def test_a_path_that_cannot_be_opened_is_named(tmp_path: Path, clock: Any, path: str) -> None:
    with pytest.raises(StorageError, match="cannot open"):
        migrate(Database(f"sqlite:///{tmp_path}/{path}"), clock)


def test_opening_a_database_again_drops_no_lock_of_this_process(desk: Any, child: Any) -> None:
    connection = desk.database.connect()
    connection.execute("BEGIN IMMEDIATE")
    migrate_again = Database(f"sqlite:///{desk.path}")
    migrate_again.create()
    out, err = child(LOCKS, desk.path).communicate(timeout=60)
    connection.execute("ROLLBACK")
    assert int(out) > 0, err


LOCKS = """
import os, sys
inode = os.stat(sys.argv[1]).st_ino
print(sum(f":{inode} " in line for line in open("/proc/locks")))
"""


def test_two_names_of_one_file_are_one_database(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "t.db")
    one = Database(f"sqlite:///{tmp_path}/t.db")
    other = Database(f"sqlite:///{tmp_path}/link.db")
    assert one.path == other.path


READ_ONLY = """
import os, sys
from tocsin.core.clock import SystemClock
from tocsin.core.errors import StorageError
from tocsin.storage.database import Database
from tocsin.storage.migrations import migrate
os.setgid(65534)
os.setuid(65534)
try:
    migrate(Database("sqlite:///" + sys.argv[1]), SystemClock())
except StorageError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs to become somebody else")
@pytest.mark.parametrize("exists", [False, True])
def test_a_read_only_folder_is_a_storage_error(child: Any, clock: Any, exists: bool) -> None:
    import tempfile  # noqa: PLC0415 - tmp_path is closed to other users

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.db"
        if exists:
            database = Database(f"sqlite:///{path}")
            migrate(database, clock)
            path.chmod(0o644)
        Path(folder).chmod(0o755)
        out, err = child(READ_ONLY, path).communicate(timeout=60)
        assert "Storage" in out, (out, err)
        assert str(path) in out or "cannot be used right now" in out


FULL = """
import os, resource, signal, sys
sys.path.insert(0, os.path.dirname(sys.argv[2]))
from pathlib import Path
from conftest import Clock, Desk
from tocsin.core.errors import StorageUnavailable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
desk = Desk(Path(sys.argv[1]), Clock())
desk.order(key="before")
size = os.stat(sys.argv[1] + "-wal").st_size if os.path.exists(sys.argv[1] + "-wal") else 0
desk.database.connect()
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, resource.RLIM_INFINITY))
stored = 0
try:
    for n in range(1000):
        desk.order(key=f"t{n}", args=["x" * 1000])
        stored += 1
except StorageUnavailable as error:
    print("full:", error)
keys = {task.key for task in desk.queries.tasks()}
assert keys == {"before", *(f"t{n}" for n in range(stored))}, (keys, stored)
assert len(desk.rows("SELECT 1 FROM events")) == len(keys)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
desk.order(key="after")
print("works:", desk.task("after").status, desk.rows("PRAGMA integrity_check"))
"""


def test_a_full_disk_changes_nothing_and_passes(tmp_path: Path, child: Any) -> None:
    conftest = Path(__file__).with_name("conftest.py")
    out, err = child(FULL, tmp_path / "t.db", conftest).communicate(timeout=60)
    assert "full: the database cannot be used right now" in out, (out, err)
    assert "no transaction" not in out, "the first error counts"
    assert "works: active [('ok',)]" in out, (out, err)


def test_a_full_database_changes_nothing_and_passes(desk: Any) -> None:
    desk.order(key="before")
    connection = desk.database.connect()
    connection.execute("PRAGMA max_page_count = 1")
    many = [NewEntry(every("5m"), handler="x", args=["x" * 10_000]) for _ in range(1000)]
    with pytest.raises(StorageUnavailable, match="full"):
        desk.execute(*many)
    desk.database.disconnect()
    assert [task.key for task in desk.queries.tasks()] == ["before"]
    assert desk.rows("SELECT count(*) FROM events") == [(1,)]
    assert desk.order(key="after")


def test_a_locked_database_is_an_outage_that_passes(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.database.connect().execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(desk.path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable, match="locked"):
        desk.order()
    other.rollback()
    other.close()
    assert desk.order()


def test_a_vanished_folder_is_an_outage(tmp_path: Path, make_desk: Any) -> None:
    folder = tmp_path / "mount"
    folder.mkdir()
    desk = make_desk(folder / "t.db")
    folder.rename(tmp_path / "gone")
    for ask in (desk.order, desk.queries.tasks, desk.database.data_version):
        with pytest.raises(StorageUnavailable):
            ask()
    (tmp_path / "gone").rename(folder)
    assert desk.order()
    assert desk.database.data_version()
    desk.close()


def test_a_damaged_database_is_named(desk: Any) -> None:
    for number in range(50):
        desk.order(key=f"t{number}", args=["x" * 2_000])
    desk.rows("SELECT 1")
    desk.database.connect().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    desk.close()
    with desk.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xee" * 4096 * 20)
    with pytest.raises(StorageError, match=r"tocsin.db is not a database that can be read"):
        desk.ledger.execute([NewEntry(every("5m"), handler="x", key="t3")])


def test_what_others_write_is_noticed_and_what_we_write_is_not(desk: Any) -> None:
    desk.database.connect()
    before = desk.database.data_version()
    desk.order()
    assert desk.database.data_version() == before
    other = sqlite3.connect(desk.path)
    with other:
        other.execute("UPDATE tasks SET updated_at = 0")
    other.close()
    assert desk.database.data_version() != before
