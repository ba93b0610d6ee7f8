"""The write-ahead log of a SQLite file: moved into the file, and begun anew, at good moments."""

from pathlib import Path

from .connection import Connection
from .database import Database

LONG_LOG = 4 << 20
"""Bytes of the log that are worth a checkpoint."""

ENDLESS_LOG = 8 << 20
"""Bytes of it that are too many: while commits follow each other, it never begins anew."""

BUSY_LOG = 1 << 20
"""Bytes of it, since the last look, after which the next look follows soon."""

SHORT_REST = 1 << 20
"""Bytes that are moved while everybody waits: a few milliseconds."""

MOST_ROUNDS = 4
"""How often the rest is moved beside others until it is that short."""

MOMENT = 20
"""Milliseconds to wait for readers so that the log can begin anew: meanwhile nobody commits."""


class WriteAheadLog:
    """The log beside one database; on a server there is none, and nothing to do.

    Args:
        database: whose log.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._path = Path(f"{database.place}-wal") if database.is_file else None
        self._changed_at = 0

    def shorten_when_long(self) -> bool:
        """Do here what would hold up whoever commits when the log has become longer still.

        A log that nobody has written to since the last time costs no more than a look at its file.

        Returns:
            Whether so much was in it that it will be long again soon. Its file stays long when it
            is not.

        Raises:
            StorageUnavailable: the database cannot be used.
        """
        if self._path is None:
            return False
        try:
            about = self._path.stat()
        except OSError:
            return False
        if about.st_size <= LONG_LOG or about.st_mtime_ns == self._changed_at:
            return False
        is_busy = self.shorten() > BUSY_LOG
        self._changed_at = about.st_mtime_ns
        return is_busy

    def shorten(self) -> int:
        """Move what was committed into the database file, as far as that holds nobody up.

        A log that has become very long all the same is moved to its end, and begins anew; what is
        left to be moved by then, while nobody may commit, is short.

        Returns:
            How many bytes it had.

        Raises:
            StorageUnavailable: the database cannot be used.
        """
        if self._path is None:
            return 0
        with self._database.session() as connection:
            for _ in range(MOST_ROUNDS):
                size, rest = moved(connection, "PASSIVE")
                if size <= ENDLESS_LOG:
                    return size
                if rest <= SHORT_REST:
                    break
            with self._database.turn():
                _begin_anew(connection)
        return size


def _begin_anew(connection: Connection) -> None:
    [(patience,)] = connection.execute("PRAGMA busy_timeout").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {MOMENT}")
    try:
        moved(connection, "RESTART")
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")


def moved(connection: Connection, mode: str) -> tuple[int, int]:
    """Move the log into the database file; how many bytes it has had, and how many are left."""
    [(_busy, pages, done)] = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
    [(size,)] = connection.execute("PRAGMA page_size").fetchall()
    return int(pages) * int(size), (int(pages) - int(done)) * int(size)
