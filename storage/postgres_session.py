"""A connection to PostgreSQL that takes statements in SQLite's words."""

import itertools
import secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumperUnknown

from .connection import Rows

_NUMBERS = itertools.count(1)

_SETUP = """
    SET lock_timeout = {timeout};
    SET client_encoding = 'UTF8';
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off'
"""
"""What was acknowledged must be on disk, whatever the server does for others."""


@lru_cache(maxsize=1024)
def translate(statement: str) -> str:
    """Say a statement in PostgreSQL's words.

    `?` stands for a value, a list comes as JSON (its ids are asked for by `value`, its texts by
    `atom`), and what only PostgreSQL knows stands in a comment `/*! ... */`, which SQLite does not
    read.
    """
    return (
        statement.replace("%", "%%")
        .replace(
            "SELECT value FROM json_each(?)",
            "SELECT value::bigint FROM jsonb_array_elements(?::jsonb)",
        )
        .replace(
            "SELECT atom FROM json_each(?)",
            "SELECT value FROM jsonb_array_elements_text(?::jsonb)",
        )
        .replace("?", "%s")
        .replace("/*!", "")
        .replace("*/", "")
    )


class _Text(StrDumperUnknown):
    """Text as PostgreSQL can hold it: it knows no NUL, which the messages of errors may have."""

    def dump(self, obj: str) -> Any:
        return super().dump(without_nul(obj))


def without_nul(text: str) -> str:
    """The same text with a mark for each NUL."""
    return text.replace("\0", "\ufffd")


class Session:
    """One connection, used by one thread.

    Args:
        conninfo: how to reach the server.
        timeout: seconds to wait for another writer before giving up.

    Attributes:
        raw: psycopg's connection.
        number: no other session of this process has it.
        commit: the place of the transaction among all that ever wrote to the database.
        identity: no other session of any process has it.
        transactions: how many it has begun.
        failure: the statement that failed in this transaction: nothing of it can be kept.
    """

    def __init__(self, conninfo: str, timeout: float) -> None:
        self.raw: psycopg.Connection[Any] = psycopg.connect(conninfo, autocommit=True)
        self.number = next(_NUMBERS)
        self.commit = 0
        self.identity = secrets.randbits(62)
        self.transactions = 0
        self.failure: Exception | None = None
        self._heard: int | None = None
        try:
            self.raw.adapters.register_dumper(str, _Text)
            self.raw.adapters.register_dumper(int, Int8Dumper)  # one form: it stays prepared
            self.raw.add_notify_handler(lambda note: self._hear(note.pid))
            self.raw.execute(_SETUP.format(timeout=round(timeout * 1000)))
        except BaseException:
            self.raw.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether it can never be used again."""
        return self.raw.closed

    @property
    def failed(self) -> bool:
        """Whether nothing of the transaction can be kept."""
        return self.raw.info.transaction_status == TransactionStatus.INERROR

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        """Carry one statement out."""
        try:
            return self.raw.execute(translate(statement), values)
        except Exception as error:
            self.failure = error
            raise

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> None:
        """Carry a statement out once for each row of values, all on their way together."""
        try:
            self.raw.cursor().executemany(translate(statement), rows)
        except Exception as error:
            self.failure = error
            raise

    def heard(self) -> int:
        """How many commits of others were heard of since this was first asked."""
        if self._heard is None:
            self._heard = 0
            [schema] = self.raw.execute("SELECT current_schema()").fetchone() or [""]
            channel = f"tocsin {schema}".replace('"', '""')
            self.raw.execute(f'LISTEN "{channel}"'.encode())
        self.poll()
        while note := self.raw.pgconn.notifies():
            self._hear(note.be_pid)
        return self._heard

    def poll(self) -> None:
        """Take in what the server has sent, without waiting and without asking it anything.

        Raises:
            OperationalError: the connection is cut.
        """
        for _ in range(2):  # the last words of a server first, then that there are no more
            self.raw.pgconn.consume_input()

    def rollback(self) -> None:
        """Leave the transaction, if there is one. Never raises."""
        if self.closed or self.raw.info.transaction_status == TransactionStatus.IDLE:
            return
        try:
            self.raw.execute("ROLLBACK")
        except psycopg.Error:
            self.raw.close()

    def close(self) -> None:
        """End it."""
        self.raw.close()

    def _hear(self, process: int) -> None:
        if self._heard is not None and process != self.raw.info.backend_pid:
            self._heard += 1
