"""The schema's versions: each step runs once, in order, in the transaction that records it."""

import sqlite3
from collections.abc import Callable

from peewee import SchemaManager

from ..core.clock import Clock
from ..core.errors import SchemaTooNew
from .connection import Connection
from .database import Database
from .models import TABLES
from .traits import TRAITS, traits

Step = Callable[[Connection], None]


def _add_traits(connection: Connection) -> None:
    for column in (
        "kind TEXT NOT NULL DEFAULT ''",
        "priority BIGINT NOT NULL DEFAULT 0",
        "instances INTEGER",
        "limited INTEGER NOT NULL DEFAULT 0",
    ):
        connection.execute(f"ALTER TABLE tasks ADD COLUMN {column}")
    change = f"UPDATE tasks SET {', '.join(f'{name} = ?' for name in TRAITS)} WHERE id = ?"
    page = "SELECT id, schedule, policy FROM tasks WHERE id > ? ORDER BY id LIMIT 10000"
    last = 0
    while rows := connection.execute(page, (last,)).fetchall():
        connection.executemany(change, [(*traits(*row[1:]), row[0]) for row in rows])
        last = rows[-1][0]
    connection.execute("CREATE INDEX tasks_ranked ON tasks (priority) WHERE priority <> 0")


def _add_retention(connection: Connection) -> None:
    """What pruning leaves behind; dependencies lose the id that no event knows."""
    for statement in _RETENTION.split(";"):
        connection.execute(statement)


_RETENTION = """
    CREATE TABLE IF NOT EXISTS snapshots (
        task_id INTEGER NOT NULL PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS horizons (
        name TEXT NOT NULL PRIMARY KEY, position INTEGER NOT NULL, at INTEGER NOT NULL);
    CREATE TABLE dependencies_3 (
        task_id INTEGER NOT NULL, depends_on INTEGER NOT NULL, tenant TEXT NOT NULL, outcome TEXT,
        PRIMARY KEY (task_id, depends_on));
    INSERT INTO dependencies_3 SELECT task_id, depends_on, tenant, outcome FROM dependencies;
    DROP TABLE dependencies;
    ALTER TABLE dependencies_3 RENAME TO dependencies;
    CREATE INDEX dependencytable_depends_on ON dependencies (depends_on)
"""


def _widen_counts(connection: Connection) -> None:
    """What is counted may pass 2^31: a busy task in a long downtime. In SQLite it always could."""
    if isinstance(connection, sqlite3.Connection):
        return
    for table, columns in _COUNTS.items():
        change = ", ".join(f"ALTER COLUMN {column} TYPE BIGINT" for column in columns)
        connection.execute(f"ALTER TABLE {table} {change}")


_COUNTS = {"tasks": ("rewinds", "run_count"), "runs": ("attempt", "fence", "count")}


def _lighten(connection: Connection) -> None:
    """Fewer pages for each new task: one without a key needs no place among the keys."""
    connection.execute("DROP INDEX IF EXISTS tasktable_tenant_key")
    connection.execute(
        "CREATE UNIQUE INDEX IF NOT EXISTS tasks_key ON tasks (tenant, key) WHERE key IS NOT NULL"
    )


def _write_at_the_end(connection: Connection) -> None:
    """New runs and events go to the end of their indexes, and not to a place of each task."""
    for statement in _AT_THE_END.split(";"):
        connection.execute(statement)


_AT_THE_END = """
    ALTER TABLE tasks ADD COLUMN last_event BIGINT NOT NULL DEFAULT 0;
    UPDATE tasks SET last_event = coalesce(
        (SELECT max(events.id) FROM events WHERE events.task_id = tasks.id), 0);
    DROP INDEX IF EXISTS eventtable_task_id_id;
    DROP INDEX IF EXISTS runtable_task_id_due_at;
    CREATE INDEX IF NOT EXISTS events_by_task ON events ((id >> 14), task_id);
    CREATE INDEX IF NOT EXISTS runs_by_task ON runs ((id >> 14), task_id, due_at);
    CREATE UNIQUE INDEX IF NOT EXISTS runtable_due_at_task_id ON runs (due_at, task_id)
"""


STEPS: tuple[Step, ...] = (
    _add_traits, _add_retention, _widen_counts, _lighten, _write_at_the_end
)  # fmt: skip
"""The first brings version 1 to 2, and so on. Steps are only ever appended; a new database gets the
tables as they are now and takes none."""

LATEST = 1 + len(STEPS)


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
            " (version INTEGER PRIMARY KEY, applied_at BIGINT NOT NULL)"
        )
        found = schema_version(connection)
        if found > LATEST:
            raise SchemaTooNew(
                f"{database.place} has schema version {found}, this Tocsin knows {LATEST}:"
                " upgrade Tocsin, or open the database with the version that wrote it"
            )
        for version in range(found, LATEST):
            if found:
                STEPS[version - 1](connection)
            elif version == 0:
                _create_tables(database)
            connection.execute(
                "INSERT INTO schema_version VALUES (?, ?)", (version + 1, clock.now())
            )
    return found


def schema_version(connection: Connection) -> int:
    """The version of the schema, 0 for an empty database."""
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    return int(row[0] or 0)


def _create_tables(database: Database) -> None:
    for table in TABLES:
        SchemaManager(table, database.engine).create_all(safe=True)
