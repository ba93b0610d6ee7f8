"""PostgreSQL: how it is reached, one writer at a time, and what its errors mean."""

import hashlib
import os
import re
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import peewee
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..core.errors import StorageError, StorageUnavailable
from . import postgres_sets  # noqa: F401 - says how sets are written here
from .postgres_lock import AdvisoryLock
from .postgres_session import Session

OLDEST = 130_000
"""Versions before this one are refused: those who make PostgreSQL do not repair them any more."""

DOUBT = 3.0
"""Seconds to ask whether a transaction was committed whose commit was cut off."""

_WRITER = "pg_advisory_xact_lock(hashtextextended('tocsin writer ' || current_schema(), 0))"
_BEGIN = f"""
    BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    SELECT {_WRITER};
    SELECT nextval('commits')
"""
"""One writer at a time, and each statement sees what all writers before it have committed."""

_COMMIT = """
    INSERT INTO writers (session, transactions, at) VALUES ({session}, {transactions}, now())
        ON CONFLICT (session) DO UPDATE SET transactions = excluded.transactions, at = now();
    SELECT pg_notify('tocsin ' || current_schema(), '');
    COMMIT
"""
_FORGET = "DELETE FROM writers WHERE at < now() - interval '1 day';"
_AFTER_OTHERS = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT {_WRITER}"
_CREATE = f"""
    BEGIN;
    SELECT {_WRITER};
    CREATE SEQUENCE IF NOT EXISTS commits;
    CREATE TABLE IF NOT EXISTS writers
        (session BIGINT PRIMARY KEY, transactions BIGINT NOT NULL, at TIMESTAMPTZ NOT NULL);
    COMMIT
"""
"""Each session writes down which of its transactions was the last one committed. The server can be
asked what became of a transaction by its own number, too; but one that crashed gives the numbers of
those that it lost to others."""

_ABOUT = """
    SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
           current_schema(), to_regclass('writers') IS NOT NULL
"""

_PATIENCE: dict[str, str | int] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 5_000,
    "keepalives_idle": 5,
    "keepalives_interval": 1,
    "keepalives_count": 4,
    "application_name": "tocsin",
}
"""A server that does not answer is noticed within seconds; the URL may say otherwise."""


class Postgres:
    """One database, or one schema of it, on a server.

    Args:
        url: `postgresql://user:password@host:port/name`, with libpq's parameters.
        timeout: seconds to wait for another writer before giving up.

    Raises:
        StorageError: libpq does not understand the URL.
    """

    path: Path | None = None

    def __init__(self, url: str, timeout: float) -> None:
        self.place = _without_secrets(url)
        try:
            self._info = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise StorageError(f"{self.place} is no database URL: {_fault(self.place)}") from None
        patience = {name: value for name, value in _PATIENCE.items() if name not in self._info}
        self._conninfo = make_conninfo(url, **patience)
        self._timeout = timeout
        self._own = threading.local()
        self.engine = _Engine(self)

    def create(self) -> None:
        """See that the server will do, and make the counter of commits.

        Raises:
            StorageError: it is too old, or set up in a way that loses characters.
        """
        with closing(self._open()) as session:
            version, encoding, schema, ready = session.execute(_ABOUT).fetchone()
            if version < OLDEST:
                raise StorageError(f"{self.place} is PostgreSQL {version // 10_000}: 13 is needed")
            if encoding != "UTF8":
                raise StorageError(f"{self.place} has the encoding {encoding}: UTF8 is needed")
            if schema is None:
                raise StorageError(f"{self.place} has no schema that its search_path names")
            if not ready:
                session.raw.execute(_CREATE.encode())

    def exists(self) -> bool:
        """Whether anything was ever stored."""
        with closing(self._open()) as session:
            found = session.execute("SELECT to_regclass('schema_version') IS NOT NULL")
            return bool(found.fetchone() == (True,))

    def connect(self) -> Session:
        """This thread's connection, opened when there is none."""
        session: Session | None = getattr(self._own, "session", None)
        if session is None or session.closed:
            session = self._own.session = self._open()
        return session

    def disconnect(self) -> None:
        """Close this thread's connection, if there is one."""
        session: Session | None = getattr(self._own, "session", None)
        if session is not None:
            session.close()
            self._own.session = None

    def connected(self) -> bool:
        """Whether this thread has a connection that can be used."""
        session: Session | None = getattr(self._own, "session", None)
        return session is not None and not session.closed

    def begin(self, session: Session) -> None:
        """Begin a transaction when no other writer is in one."""
        session.failure = None
        try:
            cursor = session.raw.execute(_BEGIN.encode())
            while cursor.nextset():
                pass
            [session.commit] = cursor.fetchone() or (0,)
            session.transactions += 1
        except BaseException:
            session.rollback()
            raise

    def begin_reading(self, session: Session) -> None:
        """See the state of this moment from now on: it begins with the first look."""
        session.raw.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")

    def commit(self, session: Session) -> None:
        """Make it durable; a commit whose answer was cut off is asked for."""
        if session.failed:  # the server would roll it back and call that no error
            raise session.failure or psycopg.errors.InFailedSqlTransaction
        try:
            forget = _FORGET if session.transactions == 1 else ""
            numbers = {"session": session.identity, "transactions": session.transactions}
            session.raw.execute(f"{forget}{_COMMIT.format(**numbers)}".encode())
        except psycopg.Error:
            if not (session.closed and self._was_committed(session)):
                raise

    def rollback(self, session: Session) -> None:
        """Leave nothing of it."""
        session.rollback()

    def data_version(self, session: Session) -> int:
        """A number that changes when others commit; the server is not asked for it."""
        return session.number << 32 | session.heard()

    def epoch(self, session: Session, number: int) -> tuple[int, int]:  # noqa: ARG002 - one count for all
        """The moment of a transaction: all processes count together."""
        return 0, session.commit

    def typed(self, error: Exception) -> StorageError | None:
        """What an error means, None when it is a mistake in a statement or its values."""
        state = getattr(error, "sqlstate", None) or ""
        reason = str(error).strip() or type(error).__name__
        if state.startswith("54"):  # too large for an index: of its class, but no outage
            return None
        if isinstance(error, psycopg.OperationalError | OSError) or state == "25006":
            return StorageUnavailable(f"the database cannot be used right now: {reason}")
        if state in {"42501", "42P01", "3F000"} or state.startswith("XX"):
            return StorageError(f"{self.place} cannot be used: {reason}")
        return None

    def beside(self, kind: str) -> Path:
        """A file in the user's own folder of Tocsin's, named after the database.

        Raises:
            StorageError: the folder cannot be made.
        """
        said = [self._info.get(word) for word in ("host", "hostaddr", "port", "dbname", "options")]
        mark = hashlib.sha256(repr(said).encode()).hexdigest()[:8]
        name = re.sub(r"[^\w.-]", "_", str(self._info.get("dbname") or "postgres"))
        home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        try:
            folder = Path(home).expanduser() / "tocsin"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (OSError, RuntimeError) as error:
            raise StorageError(
                f"there is no place for the files of {self.place}: {error}; set XDG_DATA_HOME"
            ) from error
        return folder / f"{name}-{mark}.{kind}"

    def lock(self) -> AdvisoryLock:
        """A session-level advisory lock of the database, or of its schema."""
        return AdvisoryLock(self._open, self.place)

    def _open(self) -> Session:
        return Session(self._conninfo, self._timeout)

    def _was_committed(self, session: Session) -> bool:
        """Ask what became of the last transaction of a session that was cut.

        Raises:
            StorageUnavailable: the server did not say in time.
        """
        end = time.monotonic() + DOUBT
        while time.monotonic() < end:
            try:
                with closing(self._open()) as asking:
                    asking.raw.execute(_AFTER_OTHERS.encode())  # it may still be committing
                    last = asking.execute(
                        "SELECT transactions FROM writers WHERE session = ?", (session.identity,)
                    ).fetchone()
                    return bool(last == (session.transactions,))
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise StorageUnavailable(
            "the connection to the database was cut while something was being stored: whether it"
            " was is not known"
        )


class _Engine(peewee.PostgresqlDatabase):
    """Writes SQL for peewee's queries; our sessions carry it out."""

    param = "?"

    def __init__(self, postgres: Postgres) -> None:
        super().__init__("tocsin", prefer_psycopg3=True)
        self._postgres = postgres

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Carry a query out on this thread's session."""
        return self._postgres.connect().execute(sql, params or ())


def _fault(shown: str) -> str:
    """What libpq does not understand. It quotes what it reads: so it gets no password to read."""
    try:
        conninfo_to_dict(shown)
    except psycopg.ProgrammingError as error:
        return str(error).strip()
    return "write special characters of the password as %20, %3A, ..."


def _without_secrets(url: str) -> str:
    """A URL that may be shown."""
    try:
        parts = urlsplit(url)
        user = f"{parts.username}@" if parts.username else ""
        host = parts.netloc.rpartition("@")[2]
        query = [(k, v) for k, v in parse_qsl(parts.query) if "password" not in k]
        shown = urlencode(query, safe="/:,")
        return urlunsplit((parts.scheme, f"{user}{host}", parts.path, shown, ""))
    except ValueError:
        return "postgresql://..."
