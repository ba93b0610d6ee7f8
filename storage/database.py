"""One database behind one URL: opening it, transactions, and errors that say what to do."""

import itertools
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import peewee

from ..core.errors import Fenced, StorageError, StorageUnavailable

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another writer before giving up."""

_TRIES = 200
"""Two processes that open a new database at once are in each other's way for a moment, and SQLite
does not wait when it changes the journal mode."""

_OUTAGES = (peewee.OperationalError, sqlite3.OperationalError, OSError)


Permission: TypeAlias = Callable[[], bool]
"""Whether a writer may still commit, or was replaced by another one."""


def always() -> bool:
    """The permission of a writer that nobody replaces."""
    return True


class Database:
    """A database and this process's connections to it: one a thread, opened on first use.

    Args:
        url: `sqlite:///relative/path.db` or `sqlite:////absolute/path.db`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.path = sqlite_path(url)
        self._transactions = 0
        self._connections = itertools.count(1)
        self._own = threading.local()
        self._db = peewee.SqliteDatabase(
            str(self.path),
            pragmas={
                "journal_mode": "wal",
                "synchronous": "full",
                "foreign_keys": 1,
                "cache_size": -16_000,
                "wal_autocheckpoint": 4_000,
            },
            timeout=BUSY_TIMEOUT,
            lock_type="IMMEDIATE",
        )

    @property
    def engine(self) -> peewee.SqliteDatabase:
        """Peewee's database, for queries of the cold paths."""
        return self._db

    def create(self) -> None:
        """Make the file, readable by its owner only, when there is none.

        Raises:
            StorageError: the folder does not exist or may not be written.
        """
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError as error:
            # it is not opened here: closing it again would drop the locks of our connections
            if not self.path.is_file():
                raise StorageError(f"cannot open {self.path}: it is no file") from error
        except (OSError, ValueError) as error:
            raise StorageError(f"cannot open {self.path}: {error}") from error

    def connect(self) -> sqlite3.Connection:
        """This thread's connection, opened when there is none. Close it with `disconnect`."""
        for left in reversed(range(_TRIES)):
            try:
                if self._db.connect(reuse_if_open=True):
                    self._own.connection_number = next(self._connections)
                break
            except peewee.OperationalError as error:
                if left == 0 or "locked" not in str(error):
                    raise
                time.sleep(BUSY_TIMEOUT / _TRIES)
        connection: sqlite3.Connection = self._db.connection()  # type: ignore[no-untyped-call]
        return connection

    def disconnect(self) -> None:
        """Close this thread's connection, if there is one."""
        if not self._db.is_closed():
            self._db.close()

    @contextmanager
    def session(self) -> Iterator[sqlite3.Connection]:
        """A connection for a while: the thread's own, or one that is closed afterwards.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        borrowed = not self._db.is_closed()
        try:
            with self._typed_errors():
                yield self.connect()
        finally:
            if not borrowed:
                self.disconnect()

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        try:
            yield
        except (*_OUTAGES, peewee.DatabaseError, sqlite3.DatabaseError) as error:
            first = _first(error)
            if isinstance(first, _OUTAGES):
                raise unavailable(first) from error
            if type(first) in {peewee.DatabaseError, sqlite3.DatabaseError}:
                raise damaged(self.path, first) from error
            raise  # a mistake in a statement or its values, not a broken file

    @contextmanager
    def transaction(self, may_commit: Permission = always) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it becomes durable when the block ends, or none of it.

        Args:
            may_commit: asked right before the commit, when nobody else can write any more.

        Raises:
            StorageUnavailable: the database is locked, full, read-only or gone; nothing changed.
            Fenced: it may not be committed; nothing changed.
        """
        self._transactions += 1
        with self.session() as connection, self._db.atomic():
            yield connection
            if not may_commit():
                raise Fenced("its writer was replaced meanwhile: nothing is stored")

    def epoch(self) -> tuple[int, int]:
        """The moment of a transaction, asked within it.

        When two transactions of one thread have the epochs (v, n) and (v, n + 1), nobody wrote in
        between: what the first one left may be used by the second.
        """
        version = self.data_version()  # it counts from anew in each connection
        return self._own.connection_number << 32 | version, self._transactions

    def data_version(self) -> int:
        """A number that changes when somebody else writes to the database.

        It means something only within one connection, so the thread keeps its own.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        with self._typed_errors():
            row = self.connect().execute("PRAGMA data_version").fetchone()
        return int(row[0])

    def fetch(self, query: Any) -> list[tuple[Any, ...]]:
        """The rows of a peewee query, as tuples."""
        with self.session():
            return list(query.tuples().execute(self._db))


def _first(error: BaseException) -> BaseException:
    """What went wrong at first: some failures roll back by themselves, then our rollback fails."""
    while "no transaction is active" in str(error) and error.__context__ is not None:
        error = error.__context__
    return error


def sqlite_path(url: str) -> Path:
    """The file behind a database URL.

    Raises:
        StorageError: a URL that this version cannot open.
    """
    if url.startswith(("postgresql://", "postgres://")):
        raise StorageError("PostgreSQL is not supported yet: use sqlite:///tocsin.db")
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise StorageError(f"{url!r} is no database URL: write sqlite:///tocsin.db")
    if path == ":memory:":
        raise StorageError("a durable scheduler needs a file: write sqlite:///tocsin.db")
    try:
        return Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise StorageError(f"{url!r} names no file: {error}") from error


def unavailable(error: BaseException) -> StorageUnavailable:
    """The typed error for an outage: something that may pass without anybody's mistake."""
    while isinstance(error.__context__, _OUTAGES):  # not the rollback that failed because of it
        error = error.__context__
    return StorageUnavailable(f"the database cannot be used right now: {error}")


def damaged(path: Path, error: BaseException) -> StorageError:
    """The typed error for a file that is no database, or a broken one."""
    return StorageError(f"{path} is not a database that can be read: {error}")
