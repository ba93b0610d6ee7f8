"""The schema's versions: each step runs once, in order, in the transaction that records it."""

import sqlite3
from collections.abc import Callable

from peewee import SchemaManager

from ..core.clock import Clock
from ..core.errors import SchemaTooNew
from .database import Database
from .models import TABLES

Step = Callable[[Database, sqlite3.Connection], None]


def _create_tables(database: Database, _: sqlite3.Connection) -> None:
    for table in TABLES:
        SchemaManager(table, database.engine).create_all(safe=True)


STEPS: tuple[Step, ...] = (_create_tables,)
"""Step n brings version n to n + 1. Steps are only ever appended."""

LATEST = len(STEPS)


def migrate(database: Database, clock: Clock) -> int:
    """Bring the schema to the latest version; two processes at once do it once.

    Returns:
        The version that was found.

    Raises:
        SchemaTooNew: a newer Tocsin wrote this database.
    """
    database.create()
    with database.transaction() as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL)"
        )
        found = schema_version(connection)
        if found > LATEST:
            raise SchemaTooNew(
                f"{database.path} has schema version {found}, this Tocsin knows {LATEST}:"
                " upgrade Tocsin, or open the database with the version that wrote it"
            )
        for version in range(found, LATEST):
            STEPS[version](database, connection)
            connection.execute(
                "INSERT INTO schema_version VALUES (?, ?)", (version + 1, clock.now())
            )
    return found


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the schema, 0 for an empty database."""
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    return int(row[0] or 0)
