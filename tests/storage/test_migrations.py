"""A database that an earlier version made becomes what a new one would be."""

from typing import Any

import pytest

from tocsin.core.clock import MINUTE
from tocsin.storage.migrations import LATEST, migrate
from tocsin.storage.rebuild import rebuild

INDEXES = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
)


def as_made(desk: Any) -> list[str]:
    """How each index was made, in whatever quotes."""
    return [statement.replace('"', "").strip() for _, statement in desk.rows(INDEXES)]


AS_IN_VERSION_5 = (
    "DROP INDEX runs_by_task",
    "DROP INDEX events_by_task",
    "DROP INDEX runtable_due_at_task_id",
    "CREATE UNIQUE INDEX runtable_task_id_due_at ON runs (task_id, due_at)",
    "CREATE INDEX eventtable_task_id_id ON events (task_id, id)",
    "ALTER TABLE tasks DROP COLUMN last_event",
    "DELETE FROM schema_version WHERE version > 5",
)


@pytest.mark.only_sqlite("it has a catalogue that says how each index was made")
def test_a_database_of_version_5_gets_indexes_that_grow_at_their_end(desk: Any, clock: Any) -> None:
    for _ in range(3):
        desk.order()
    for start in desk.ring(1, 2, after=5 * MINUTE):
        desk.finish(start, "succeeded")
    tasks, indexes = desk.task_rows(), as_made(desk)
    for statement in AS_IN_VERSION_5:
        desk.meddle(statement)

    assert migrate(desk.database, clock) == 5

    assert desk.rows("SELECT max(version) FROM schema_version") == [(LATEST,)]
    assert as_made(desk) == indexes
    assert desk.task_rows() == tasks
    assert rebuild(desk.database, check=True).ok
    assert len(desk.queries.runs(task_id=1)) == 1
