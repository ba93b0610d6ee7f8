"""Reading for people."""

from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import DAY, MINUTE, SECOND, from_instant, to_instant
from tocsin.core.errors import UnknownTask
from tocsin.core.events import TaskExecuted
from tocsin.core.policy import Policy, Retry
from tocsin.core.schedule import at, every

pytestmark = pytest.mark.databases


@pytest.mark.parametrize("tenant", ["default", "alice"])
def test_a_task_is_found_by_its_key_its_id_and_itself(desk: Any, tenant: str) -> None:
    task_id = desk.order(key="report", tenant=tenant)
    for ref in ("report", task_id, str(task_id), f"#{task_id}"):
        assert desk.queries.task(ref, tenant).id == task_id
    assert desk.queries.task(desk.queries.task("report", tenant), tenant).id == task_id


def test_a_key_of_digits_wins_over_an_id(desk: Any) -> None:
    first = desk.order()
    named = desk.order(key=str(first))
    assert desk.task(str(first)).id == named
    assert desk.task(first).id == first
    assert desk.task(f"#{first}").id == first


NOBODY = ["nobody", "", "#", "#x", "9" * 30, "9" * 5_000, 1 << 70, -1, 0, "\ud800", "a\0b", "²"]


@pytest.mark.parametrize("ref", NOBODY)
def test_what_is_not_there_is_an_unknown_task(desk: Any, ref: Any) -> None:
    desk.order(tenant="alice")
    with pytest.raises(UnknownTask):
        desk.task(ref)


def test_the_nearest_key_is_named_but_never_another_tenants(desk: Any) -> None:
    desk.order(key="nightly-report")
    desk.order(key="secret-report", tenant="alice")
    with pytest.raises(UnknownTask, match="did you mean 'nightly-report'"):
        desk.task("nightly-reprot")
    with pytest.raises(UnknownTask) as refused:
        desk.task("secret-reprot")
    assert "secret-report" not in str(refused.value)


def test_tasks_are_filtered_by_tenant_status_and_author(desk: Any) -> None:
    a, b, d = (desk.order(key=key) for key in "abd")
    e = desk.order(key="e", tenant="alice", created_by="config")
    desk.ask(c.PauseTask("b"))
    tasks = desk.queries.tasks

    def ids(*tenant: Any, **wanted: Any) -> list[int]:
        return [task.id for task in tasks(*tenant, **wanted)]

    assert ids() == [a, b, d, e]
    assert ids("default") == [a, b, d]
    assert ids(status=["paused"]) == [b]
    assert ids(status=["active", "paused"]) == [a, b, d, e]
    assert ids(created_by="config") == [e]
    assert ids("default", created_by="config") == []
    assert ids(limit=2) == [a, b]
    assert [t.id for t in desk.queries.with_keys(["a", "d", "e", "?"])] == [a, d]
    assert desk.queries.with_keys([]) == []


def test_the_next_tasks_come_soonest_first_and_are_active(desk: Any) -> None:
    late, soon = desk.order(every("1h")), desk.order(every("1m"))
    paused = desk.order(every("1s"), key="p")
    desk.ask(c.PauseTask("p"))
    done = desk.order(at("in 1 second"))
    desk.finish(desk.ring(done, after=MINUTE)[0])
    assert [task.id for task in desk.queries.next_tasks(None, 9)] == [soon, late]
    assert [task.id for task in desk.queries.next_tasks("default", 1)] == [soon]
    assert desk.queries.next_tasks("alice", 9) == []
    assert desk.task(paused).next_run_at is None, "it will not run by itself"


def test_runs_are_filtered_and_the_latest_comes_first(desk: Any) -> None:
    policy = Policy(retry=Retry(attempts=0))
    one, other = desk.order(policy=policy), desk.order(tenant="alice", policy=policy)
    first, second = desk.ring(one, other, after=5 * MINUTE)
    desk.finish(first, "failed", error="no")
    desk.finish(second)
    desk.ring(one, after=5 * MINUTE, slots=0)
    runs = desk.queries.runs
    assert [run.id for run in runs()] == [3, 2, 1]
    assert [run.id for run in runs("alice")] == [2]
    assert [run.id for run in runs(task_id=one)] == [3, 1]
    assert [run.id for run in runs(status=["failed", "succeeded"])] == [2, 1]
    assert [run.id for run in runs(limit=1)] == [3]
    (failed,) = runs(status=["failed"])
    assert (failed.error, failed.attempt, failed.tenant) == ("no", 1, "default")


def test_events_are_read_in_order_and_in_pages(desk: Any) -> None:
    one, _ = desk.order(), desk.order()
    desk.finish(desk.ring(one, after=5 * MINUTE)[0], result={"ä": [1]})
    logged = desk.queries.events()
    assert [entry.id for entry in logged] == list(range(1, len(logged) + 1))
    assert [type(entry.event).type for entry in desk.queries.events(task_id=one)] == [
        "TaskScheduled", "RunPlanned", "RunStarted", "TaskExecuted",
    ]  # fmt: skip
    page = desk.queries.events(limit=2)
    assert desk.queries.events(after=page[-1].id) == logged[2:]
    assert desk.queries.events(limit=2, latest=True) == logged[-2:]
    event = logged[-1].event
    assert isinstance(event, TaskExecuted)
    assert event.result == {"ä": [1]}


def test_reading_changes_nothing(desk: Any) -> None:
    desk.order(key="a")
    desk.ring(1, after=5 * MINUTE, slots=0)
    before = desk.task_rows(), desk.run_states(), desk.alarms()
    desk.queries.tasks()
    desk.queries.runs()
    desk.queries.events()
    desk.task("a").to_dict()
    assert (desk.task_rows(), desk.run_states(), desk.alarms()) == before


def test_whether_anything_was_ever_stored(desk: Any) -> None:
    assert not desk.queries.has_entries()
    desk.order()
    assert desk.queries.has_entries()


def test_when_something_was_recorded_last_is_known_since_the_clock_was_set(desk: Any) -> None:
    assert desk.queries.last_recorded() is None
    began = desk.clock.now()
    desk.clock.instant = began + DAY
    desk.order()
    desk.clock.instant = began
    desk.order()
    assert desk.queries.last_recorded() == began + DAY, "the latest, not the last"
    desk.ask(c.ClockStepped(-DAY))
    assert desk.queries.last_recorded() == began
    desk.order()
    desk.ring(3, after=5 * MINUTE)
    assert desk.queries.last_recorded() == began + 5 * MINUTE


LOOKED_UP = {
    "SELECT id FROM tasks WHERE tenant = 'a' AND status = 'active'": "tasktable_tenant_status",
    "SELECT id FROM tasks WHERE status = 'active' AND next_run_at <= 5": "tasks_next_run_at",
    "SELECT id FROM runs WHERE due_at = 5 AND task_id = 1": "runtable_due_at_task_id",
    "SELECT id FROM runs WHERE task_id = 1 AND (id >> 14) IN (0, 1) ORDER BY id": "runs_by_task",
    "SELECT id FROM events WHERE task_id = 1 AND (id >> 14) IN (0) ORDER BY id": "events_by_task",
    "SELECT task_id FROM dependencies WHERE depends_on = 1": "dependencytable_depends_on",
    "SELECT task_id FROM alarms WHERE due_at < 5": "alarmtable_due_at",
}


@pytest.mark.only_sqlite("each database says in words of its own how it looks something up")
@pytest.mark.parametrize("statement", LOOKED_UP)
def test_what_is_looked_up_often_has_an_index(desk: Any, statement: str) -> None:
    for number in range(20):
        desk.order(key=f"task {number}")
    plan = desk.rows(f"EXPLAIN QUERY PLAN {statement}")
    assert f"INDEX {LOOKED_UP[statement]} (" in plan[0][3]


@pytest.mark.parametrize("latest", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 5, 100])
@pytest.mark.parametrize("after", [0, 3, 4, 16_384, 40_000, 2_000_000])
def test_the_rows_of_a_task_are_found_in_every_block(
    desk: Any, *, latest: bool, limit: int, after: int
) -> None:
    for number in range(2):
        desk.order(key=f"task {number}")
    event = "INSERT INTO events SELECT ?, at, type, version, tenant, task_id, run_id, data"
    places = (3, 4, 16_383, 16_384, 40_000, 2_000_000)
    for place in places:
        desk.meddle(f"{event} FROM events WHERE id = ?", place, 1 + place % 2)
    mine = [1, *(place for place in places if place % 2 == 0)]
    wanted = [place for place in mine if place > after]
    wanted = wanted[-limit:] if latest else wanted[:limit]
    found = desk.queries.events(task_id=1, after=after, limit=limit, latest=latest)
    assert [logged.id for logged in found] == wanted


MANY_RUNS = """
    INSERT INTO runs (id, task_id, tenant, due_at, ready_at, status, cause, attempt, fence, missed,
                      count)
    WITH RECURSIVE
        seconds (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seconds WHERE n < 40000),
        instants (n, at) AS (SELECT n, n * CAST(1000000 AS BIGINT) FROM seconds)
    SELECT n, 1 + n % 2, 'default', at, at, 'succeeded', 'schedule', 1, 1, '[]', 1 FROM instants
"""
"""One a second, of two tasks in turn."""


@pytest.mark.parametrize("second", [1, 501, 16_385, 39_999])
def test_the_runs_next_to_a_moment_are_found_however_many_came_since(
    desk: Any, second: int
) -> None:
    desk.meddle(MANY_RUNS)
    wanted = {n for n in range(second - 4, second + 5, 2) if 0 < n < 40_000}
    at = from_instant(second * SECOND)
    found = desk.queries.runs_near(2, at, limit=2)
    assert {to_instant(run.due_at) // SECOND for run in found} == wanted
    assert found[0].due_at == at
    assert {run.task_id for run in found} == {2}


def test_nothing_is_found_of_a_task_in_an_empty_log(desk: Any) -> None:
    assert desk.queries.events(task_id=1) == []
    assert desk.queries.runs(task_id=1) == []
