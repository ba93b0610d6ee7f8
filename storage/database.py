"""One database behind one URL: sessions, transactions, and errors that say what to do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..core.errors import Fenced, StorageError, StorageUnavailable
from .connection import Connection
from .dialect import Permission, ServiceLock, always, dialect_of

BUSY_TIMEOUT = 3.0
"""Seconds to wait for another writer before giving up: an outage must show soon."""


class Database:
    """A database and this process's connections to it: one a thread, opened on first use.

    Args:
        url: `sqlite:///relative/path.db`, `sqlite:////absolute/path.db` or
            `postgresql://user:password@host/name`.

    Raises:
        StorageError: a URL that this version cannot open.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._dialect = dialect_of(url, BUSY_TIMEOUT)
        self._reserved: ServiceLock | None = None
        self._transactions = 0
        self._writing = threading.Lock()

    @property
    def place(self) -> str:
        """How people call it: the file, or the server without its password."""
        return self._dialect.place

    @property
    def path(self) -> Path:
        """The file that it is.

        Raises:
            StorageError: it lives on a server.
        """
        if self._dialect.path is None:
            raise StorageError(f"{self.place} is no file: this works on SQLite only")
        return self._dialect.path

    @property
    def engine(self) -> Any:
        """Peewee's database, for the SQL of the cold paths."""
        return self._dialect.engine

    @property
    def is_file(self) -> bool:
        """Whether it is a file of ours, and no server's."""
        return self._dialect.path is not None

    def exists(self) -> bool:
        """Whether anything was ever stored; asking makes nothing.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        with self._typed_errors():
            return self._dialect.exists()

    def create(self) -> None:
        """Make the database when there is none and it can be made.

        Raises:
            StorageError: it cannot be made.
        """
        with self._typed_errors():
            self._dialect.create()

    def beside(self, kind: str) -> Path:
        """Where the file of a kind lies, such as "key", that belongs to the database."""
        return self._dialect.beside(kind)

    def lock(self) -> ServiceLock:
        """The lock that a service takes, to ask who has it."""
        return self._dialect.lock()

    def reserve(self) -> None:
        """Take the lock for a service; from now on nothing is committed without it.

        Raises:
            AlreadyRunning: another service has it.
            StorageError: it cannot be taken.
        """
        lock = self.lock()
        lock.acquire()
        self._reserved = lock

    def release(self) -> None:
        """Let another service take the lock; nothing happens when it is not ours."""
        lock, self._reserved = self._reserved, None
        if lock is not None:
            lock.release()

    def connect(self) -> Connection:
        """This thread's connection, opened when there is none. Close it with `disconnect`."""
        return self._dialect.connect()

    def disconnect(self) -> None:
        """Close this thread's connection, if there is one."""
        self._dialect.disconnect()

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection for a while: the thread's own, or one that is closed afterwards.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        borrowed = self._dialect.connected()
        try:
            with self._typed_errors():
                yield self.connect()
        finally:
            if not borrowed:
                self.disconnect()

    @contextmanager
    def transaction(self, may_commit: Permission = always) -> Iterator[Connection]:
        """A write transaction: all of it becomes durable when the block ends, or none of it.

        Args:
            may_commit: asked right before the commit, when nobody else can write any more.

        Raises:
            StorageUnavailable: the database is locked, full, read-only or gone; nothing changed.
            Fenced: it may not be committed; nothing changed.
        """
        dialect = self._dialect
        with self.session() as connection, self.turn():
            self._transactions += 1
            dialect.begin(connection)
            try:
                yield connection
                self._check(may_commit)
                dialect.commit(connection)
            except BaseException:
                dialect.rollback(connection)
                raise

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The one writer's place among the threads of this process, which take it in turn.

        The database would have those that wait look again and again, and a busy writer would be
        there first each time.

        Raises:
            StorageUnavailable: another thread does not let go of it.
        """
        if not self._writing.acquire(timeout=BUSY_TIMEOUT):
            raise StorageUnavailable(
                f"a thread is writing and has not let go of the database for {BUSY_TIMEOUT:g} s:"
                " try again; if it stays so, `tocsin health` shows which actor hangs"
            )
        try:
            yield
        finally:
            self._writing.release()

    def prove_writable(self) -> None:
        """Make something durable that changes nothing.

        Raises:
            StorageUnavailable: that is not possible right now.
        """
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO counters (name, value) VALUES ('events', 0)"
                " ON CONFLICT (name) DO UPDATE SET value = counters.value"
            )

    def _check(self, may_commit: Permission) -> None:
        if not may_commit():
            raise Fenced("its writer was replaced meanwhile: nothing is stored")
        if self._reserved is not None and not self._reserved.kept():
            raise Fenced("another service has taken the database over: nothing is stored")

    def epoch(self) -> tuple[int, int]:
        """The moment of a transaction, asked within it.

        When two transactions of one thread have the epochs (v, n) and (v, n + 1), nobody wrote in
        between: what the first one left may be used by the second.
        """
        return self._dialect.epoch(self.connect(), self._transactions)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that sees one state of the database until the block ends, and locks nobody.

        Its own temporary tables are all that it may change.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        with self.session() as connection:
            self._dialect.begin_reading(connection)
            try:
                yield connection
            finally:
                self._dialect.rollback(connection)

    def data_version(self) -> int:
        """A number that changes when somebody else writes to the database.

        It means something only within one connection, so the thread keeps its own.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        with self._typed_errors():
            return self._dialect.data_version(self.connect())

    def fetch(self, query: Any) -> list[tuple[Any, ...]]:
        """The rows of a peewee query, as tuples."""
        with self.session():
            return list(query.tuples().execute(self.engine))

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        """Say what an error means."""
        try:
            yield
        except Exception as error:
            typed = self._dialect.typed(error)
            if typed is None:
                raise
            raise typed from error
