"""What only SQLite files need: a look at whether they are sound."""

from ..core.errors import StorageError, StorageUnavailable
from .connection import Connection
from .database import Database

SHOWN = 20
"""Faults of a file that are told; there may be thousands."""


def integrity_problems(database: Database) -> list[str]:
    """What SQLite finds wrong with the file and its indexes, nothing for a sound one."""
    if not database.is_file:
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
