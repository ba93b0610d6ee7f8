"""SQLite: one file, its pragmas, and what its errors mean."""

import itertools
import os
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import peewee

from ..core.errors import StorageError, StorageUnavailable
from .files import Files
from .lock import FileLock

_TRIES = 200
"""Two processes that open a new database at once are in each other's way for a moment, and SQLite
does not wait when it changes the journal mode."""

_OUTAGES = (peewee.OperationalError, sqlite3.OperationalError, OSError)


class Sqlite:
    """One database file. The connections are sqlite3's own: nothing stands in the hot path.

    Args:
        url: `sqlite:///relative/path.db` or `sqlite:////absolute/path.db`.
        timeout: seconds to wait for another writer before giving up.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self.path = sqlite_path(url)
        self.place = str(self.path)
        self._timeout = timeout
        self._connections = itertools.count(1)
        self._own = threading.local()
        self._files = Files(self.path)
        self.engine = peewee.SqliteDatabase(
            f"file:{quote(self.place)}?mode=rw",  # never makes a file: `create` does
            uri=True,
            pragmas={
                "page_size": 2048,  # of new files: one order changes a dozen pages
                "journal_mode": "wal",
                "synchronous": "full",
                "foreign_keys": 1,
                "cache_size": -16_000,
                "wal_autocheckpoint": 128_000,  # the janitor of a service does it much earlier
                "journal_size_limit": 64 << 20,  # cutting it costs as much as it grew, each time
            },
            timeout=timeout,
            factory=self._opened,
            cached_statements=256,  # more than the forms of all sets, see `sets`
        )

    def create(self) -> None:
        """Make the file, readable by its owner only, when there is none.

        Raises:
            StorageError: the folder does not exist or may not be written.
        """
        self._files.require_no_remains()
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError as error:
            # it is not opened here: closing it again would drop the locks of our connections
            if not self.path.is_file():
                raise StorageError(f"cannot open {self.path}: it is no file") from error
        except (OSError, ValueError) as error:
            raise StorageError(f"cannot open {self.path}: {error}") from error

    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path.exists()

    def connect(self) -> sqlite3.Connection:
        """This thread's connection, opened when there is none.

        Raises:
            StorageUnavailable: the file is gone, or another one than it was.
        """
        if self.connected():
            connection: sqlite3.Connection = self.engine.connection()  # type: ignore[no-untyped-call]
            if connection.in_transaction or not self._files.left(self._own.log):
                return connection
            self.disconnect()
        return self._open()

    def _open(self) -> sqlite3.Connection:
        self._files.enter(self.lock().runs_on)
        for left in reversed(range(_TRIES)):
            try:
                self.engine.connect()
                break
            except peewee.OperationalError as error:
                if left == 0 or "locked" not in str(error):
                    raise
                time.sleep(self._timeout / _TRIES)
        self._own.number, self._own.log = next(self._connections), self._files.log()
        connection: sqlite3.Connection = self.engine.connection()  # type: ignore[no-untyped-call]
        return connection

    def _opened(self, *words: Any, **options: Any) -> sqlite3.Connection:
        """A connection that has read nothing yet, to our file and no other.

        The file may have been replaced after it was asked for, and right before it was opened: the
        log of ours would be moved into the other one, and be gone.
        """
        connection = sqlite3.Connection(*words, **options)
        try:
            self._files.enter()
        except StorageError:
            connection.close()
            raise
        return connection

    def disconnect(self) -> None:
        """Close this thread's connection, if there is one."""
        if self.connected():
            self.engine.close()

    def connected(self) -> bool:
        """Whether this thread has a connection."""
        return not self.engine.is_closed()

    def begin(self, connection: sqlite3.Connection) -> None:
        """Take the one writer's place at once: a reader that wants it later may be refused."""
        connection.execute("BEGIN IMMEDIATE")

    def begin_reading(self, connection: sqlite3.Connection) -> None:
        """See the state of this moment from now on: it begins with the first look."""
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def commit(self, connection: sqlite3.Connection) -> None:
        """Make it durable, where others will find it.

        Raises:
            StorageUnavailable: the file was moved or removed before the end of the commit.
        """
        connection.execute("COMMIT")
        if self._files.left(self._own.log):
            raise StorageUnavailable(f"{self.path} was moved, removed or replaced while in use")

    def rollback(self, connection: sqlite3.Connection) -> None:
        """Leave nothing of it; some failures have done so already."""
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")

    def data_version(self, connection: sqlite3.Connection) -> int:
        """A number that changes when others commit; each connection counts from anew."""
        version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        number: int = self._own.number
        return number << 32 | version

    def epoch(self, connection: sqlite3.Connection, number: int) -> tuple[int, int]:
        """The moment of a transaction: what others committed before, and its number."""
        return self.data_version(connection), number

    def typed(self, error: Exception) -> StorageError | None:
        """What an error means, None when it is a mistake in a statement or its values."""
        if isinstance(error, _OUTAGES):
            return StorageUnavailable(f"the database cannot be used right now: {error}")
        if type(error) in {peewee.DatabaseError, sqlite3.DatabaseError}:
            return StorageError(f"{self.path} is not a database that can be read: {error}")
        return None

    def beside(self, kind: str) -> Path:
        """The file beside the database."""
        return self.path.with_name(f"{self.path.name}.{kind}")

    def lock(self) -> FileLock:
        """The lock on the file `<database>.lock`."""
        return FileLock(self.path)


def sqlite_path(url: str) -> Path:
    """The file behind a database URL.

    Raises:
        StorageError: a URL that this version cannot open.
    """
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise StorageError(
            f"{url!r} is no database URL: write sqlite:///tocsin.db or postgresql://user@host/name"
        )
    if path == ":memory:":
        raise StorageError("a durable scheduler needs a file: write sqlite:///tocsin.db")
    try:
        return Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise StorageError(f"{url!r} names no file: {error}") from error
