"""One service a database on PostgreSQL: an advisory lock that dies with its connection."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg

from ..core.errors import AlreadyRunning, StorageUnavailable
from .postgres_session import Session

PATIENCE = 2.0
"""Seconds in which the server notices that a process which had the lock is dead."""

_KEY = "hashtextextended('tocsin service ' || current_schema(), 0)"
_TAKE = f"SELECT pg_try_advisory_lock({_KEY})"
_HOLDER = f"""
    SELECT activity.pid, activity.application_name
    FROM pg_locks AS held JOIN pg_stat_activity AS activity ON activity.pid = held.pid
    WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
      AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (held.classid::bigint << 32 | held.objid::bigint) = {_KEY}
"""


class AdvisoryLock:
    """Held on a connection of its own while a service runs.

    Args:
        connect: opens a connection.
        place: how people call the database.
    """

    def __init__(self, connect: Callable[[], Session], place: str) -> None:
        self._connect = connect
        self._place = place
        self._name = f"tocsin {os.getpid()} {secrets.token_hex(4)} {socket.gethostname()}"[:63]
        self._session: Session | None = None
        self._mutex = threading.Lock()

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            AlreadyRunning: another service has it.
            StorageUnavailable: the server cannot be reached.
        """
        with self._mutex, _typed_errors():
            session = self._open()
            try:
                self._take_in_time(session)
            except BaseException:
                session.close()
                raise
            self._session = session

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        with self._mutex:
            if self._session is not None:
                self._session.close()
                self._session = None

    def kept(self) -> bool:
        """Whether it is still ours; what an outage took is taken again, unless another was faster.

        Raises:
            OperationalError: the server cannot be reached.
        """
        with self._mutex:
            if self._session is None:
                return False
            try:
                self._session.poll()
            except psycopg.OperationalError:
                self._session.close()
            if self._session.closed:
                self._take_again()
            return not self._session.closed

    def held(self) -> bool:
        """Whether somebody has the lock now; asking leaves no trace.

        Raises:
            StorageUnavailable: the server cannot be reached.
        """
        with _typed_errors(), closing(self._connect()) as session:
            return bool(session.execute(_HOLDER).fetchall())

    def owner(self) -> int | None:
        """The process that has the lock, None when nobody has it or it did not say.

        Raises:
            StorageUnavailable: the server cannot be reached.
        """
        with _typed_errors(), closing(self._connect()) as session:
            for _, name in session.execute(_HOLDER):
                word = name.removeprefix("tocsin ").partition(" ")[0]
                return int(word) if word.isdecimal() else None
        return None

    def _open(self) -> Session:
        session = self._connect()
        session.execute("SELECT set_config('application_name', ?, false)", (self._name,))
        return session

    def _take_in_time(self, session: Session) -> None:
        end = time.monotonic() + PATIENCE
        while not _take(session):
            if time.monotonic() > end:
                raise self._taken(session)
            time.sleep(0.05)

    def _take_again(self) -> None:
        """Leave a closed session when somebody else has it."""
        session = self._open()
        for process, name in session.execute(_HOLDER).fetchall():
            if name == self._name:  # our own connection, whose end the server has not seen
                session.execute("SELECT pg_terminate_backend(?::int, 1000)", (process,))
        if not _take(session):
            session.close()
        self._session = session

    def _taken(self, session: Session) -> AlreadyRunning:
        names = [name for _, name in session.execute(_HOLDER)]
        words = names[0].split(" ") if names else []
        who = f" (process {words[1]} on {words[3]})" if len(words) == 4 else ""
        return AlreadyRunning(
            f"another service{who} runs on {self._place}: stop it first, or use another database"
        )


@contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise StorageUnavailable(f"the database cannot be used right now: {error}") from error


def _take(session: Session) -> bool:
    return bool(session.execute(_TAKE).fetchone() == (True,))
