"""What only SQLite files need: their integrity, and moving the write-ahead log into them."""

from pathlib import Path

from ..core.errors import StorageError, StorageUnavailable
from .connection import Connection
from .database import Database

LONG_LOG = 8 << 20
"""Bytes of the write-ahead log that are worth a checkpoint."""

ENDLESS_LOG = 32 << 20
"""Bytes of it that are too many: while commits follow each other, it never begins anew."""

MOMENT = 20
"""Milliseconds to wait for the others so that it can: meanwhile nobody commits."""

SHOWN = 20
"""Faults of a file that are told; there may be thousands."""


def is_sqlite(database: Database) -> bool:
    """Whether the database is a file of ours, and no server's."""
    return database.url.startswith("sqlite:")


def has_long_log(database: Database) -> bool:
    """Whether so much was committed that it should move into the database file; costs nothing."""
    if not is_sqlite(database):
        return False
    try:
        return Path(f"{database.place}-wal").stat().st_size > LONG_LOG
    except OSError:
        return False


def checkpoint(database: Database) -> None:
    """Move what was committed into the database file, as far as that holds nobody up.

    A log that has become very long all the same is moved to its end, and begins anew. Twice before,
    as much of it is moved as nobody waits for: what is left to be waited for is short.

    Raises:
        StorageUnavailable: the database cannot be used.
    """
    if not is_sqlite(database):
        return
    with database.session() as connection:
        if _moved(connection, "PASSIVE") <= ENDLESS_LOG:
            return
        _moved(connection, "PASSIVE")
        [(patience,)] = connection.execute("PRAGMA busy_timeout").fetchall()
        connection.execute(f"PRAGMA busy_timeout = {MOMENT}")
        try:
            _moved(connection, "RESTART")
        finally:
            connection.execute(f"PRAGMA busy_timeout = {patience}")


def _moved(connection: Connection, mode: str) -> int:
    """Move the log into the database file; how many bytes it has had."""
    [(_busy, pages, _done)] = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
    [(size,)] = connection.execute("PRAGMA page_size").fetchall()
    return int(pages) * int(size)


def integrity_problems(database: Database) -> list[str]:
    """What SQLite finds wrong with the file and its indexes, nothing for a sound one."""
    if not is_sqlite(database):
        return []
    try:
        with database.session() as connection:
            return faults_of(connection)
    except StorageUnavailable:
        raise
    except StorageError as error:  # so damaged that it cannot even be checked
        return [str(error)]


def faults_of(connection: Connection) -> list[str]:
    """What an integrity check finds, `SHOWN` rows at most, a line each; none for a sound file."""
    rows = connection.execute(f"PRAGMA integrity_check({SHOWN})").fetchall()
    lines = [line for row in rows for line in row[0].splitlines()]
    return [line for line in lines if line != "ok" and not line.startswith("***")]
