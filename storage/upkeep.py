"""What only SQLite files need: their integrity, and moving the write-ahead log into them."""

from pathlib import Path

from ..core.errors import StorageError, StorageUnavailable
from .database import Database

LONG_LOG = 8 << 20
"""Bytes of the write-ahead log that are worth a checkpoint."""

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

    Raises:
        StorageUnavailable: the database cannot be used.
    """
    if is_sqlite(database):
        with database.session() as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def integrity_problems(database: Database) -> list[str]:
    """What SQLite finds wrong with the file and its indexes, nothing for a sound one."""
    if not is_sqlite(database):
        return []
    try:
        with database.session() as connection:
            rows = connection.execute(f"PRAGMA integrity_check({SHOWN})").fetchall()
    except StorageUnavailable:
        raise
    except StorageError as error:  # so damaged that it cannot even be checked
        return [str(error)]
    return [row[0] for row in rows if row[0] != "ok"]
