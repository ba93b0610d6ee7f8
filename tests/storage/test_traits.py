"""What SQL asks of schedules and policies stands in columns: for every task, however old."""

from typing import Any

import pytest

from tocsin.core.clock import SECOND
from tocsin.core.limits import HIGHEST
from tocsin.core.policy import Policy
from tocsin.core.schedule import after, cron, every, now
from tocsin.core.state import to_json
from tocsin.storage.migrations import LATEST, migrate
from tocsin.storage.traits import TRAITS, traits

pytestmark = pytest.mark.databases

EVERY = '{"anchor":0,"interval":60000000,"kind":"every"}'


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(), (0, 1, 0)),
        (Policy(priority=-3), (-3, 1, 0)),
        (Policy(priority=HIGHEST * 5), (HIGHEST, 1, 0)),
        (Policy(overlap="queue"), (0, 1, 0)),
        (Policy(overlap="allow"), (0, None, 0)),
        (Policy(overlap="allow", max_instances=4), (0, 4, 0)),
        (Policy(concurrency=2), (0, 1, 1)),
        (Policy(resources=(("gpu", 1),)), (0, 1, 1)),
        (Policy(rate="10/minute"), (0, 1, 0)),
    ],
)
def test_a_policy_is_looked_up_by_its_columns(policy: Policy, expected: Any) -> None:
    assert traits(EVERY, to_json(policy.to_dict())) == ("every", *expected)


@pytest.mark.parametrize("broken", ["", "{", "[]", "7", "null", '{"kind":7}', '{"nope":1}'])
def test_what_cannot_be_read_has_columns_all_the_same(broken: str) -> None:
    assert traits(broken, broken) == ("", 0, 1, 0)


@pytest.mark.only_sqlite("no earlier version knew PostgreSQL")
def test_a_database_of_the_first_version_gets_the_columns(desk: Any, clock: Any) -> None:
    desk.order(every("5m"), policy=Policy(priority=7, overlap="allow", max_instances=3))
    desk.order(cron("0 9 * * *"), policy=Policy(concurrency=1))
    desk.order(now(), policy=Policy(overlap="allow"), key="first")
    desk.order(after("first"))
    broken = desk.order("in 5 minutes")
    before = desk.task_rows()
    desk.meddle("UPDATE tasks SET policy = '{', schedule = '{' WHERE id = ?", broken)
    desk.meddle("DROP INDEX tasks_ranked")
    for column in (*TRAITS, "last_event"):
        desk.meddle(f"ALTER TABLE tasks DROP COLUMN {column}")
    desk.meddle("DELETE FROM schema_version WHERE version > 1")

    assert migrate(desk.database, clock) == 1

    assert desk.rows("SELECT max(version) FROM schema_version") == [(LATEST,)]
    assert desk.task_rows()[:-1] == before[:-1]
    assert desk.task_rows()[-1][-4:] == ("", 0, 1, 0)
    assert len(desk.ring(1, 3, after=300 * SECOND)) == 2
    assert desk.rows("SELECT 1 FROM tasks INDEXED BY tasks_ranked WHERE priority <> 0") == [(1,)]
