"""Rows that somebody broke cost their own task, and nobody else anything."""

from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import DAY, HOUR, MINUTE, from_instant
from tocsin.core.errors import (
    InvalidTask,
)
from tocsin.core.schedule import at, every

pytestmark = pytest.mark.databases

BEYOND_32_BITS = 1 << 31

NOW = 1_772_442_000_000_000


BROKEN = [
    ("schedule", "{broken"),
    ("schedule", '{"kind": "lunar"}'),
    ("schedule", '{"kind": "cron", "expr": "0 9 * * *", "tz": "Mars/Olympus"}'),
    ("schedule", "[]"),
    ("policy", "{broken"),
    ("policy", '{"of_the_future": 1}'),
    ("policy", '{"priority": "high"}'),
    ("policy", '{"retry": {"attempts": "x"}}'),
    ("policy", "null"),
]


@pytest.mark.parametrize(("column", "text"), BROKEN)
def test_a_row_that_cannot_be_read_quarantines_that_task_only(
    desk: Any, column: str, text: str
) -> None:
    fine, broken, also_fine = (desk.order(key=key) for key in ("a", "b", "c"))
    desk.meddle(f"UPDATE tasks SET {column} = ? WHERE id = ?", text, broken)
    starts = desk.ring(fine, broken, also_fine, after=5 * MINUTE)
    assert {start.task_id for start in starts} == {fine, also_fine}
    ((status, reason),) = desk.rows("SELECT status, reason FROM tasks WHERE id = ?", broken)
    assert status == "quarantined"
    assert "cannot be read" in reason
    assert desk.rows(f"SELECT {column} FROM tasks WHERE id = ?", broken) == [(text,)], "kept"
    assert broken not in desk.alarms()


@pytest.mark.only_sqlite("a column of PostgreSQL takes no value of another type")
def test_a_row_with_a_text_for_an_instant_quarantines_its_task_only(desk: Any) -> None:
    fine, broken = desk.order(key="a"), desk.order(key="b")
    desk.meddle("UPDATE tasks SET next_run_at = 'soon' WHERE id = ?", broken)
    assert [start.task_id for start in desk.ring(fine, broken, after=5 * MINUTE)] == [fine]
    assert desk.task(broken).status == "quarantined"
    assert desk.rows("SELECT next_run_at FROM tasks WHERE id = ?", broken) == [("soon",)], "kept"


@pytest.mark.parametrize(("column", "text"), BROKEN)
def test_people_can_see_and_repair_a_task_that_cannot_be_read(
    desk: Any, column: str, text: str
) -> None:
    broken = desk.order(key="b")
    desk.meddle(f"UPDATE tasks SET {column} = ? WHERE id = ?", text, broken)
    commit = desk.execute(c.AlarmTriggered(broken)) if desk.ring(broken, after=HOUR) else None
    assert commit is None
    (task,) = desk.queries.tasks()
    assert (task.key, task.status) == ("b", "quarantined")
    assert task.to_dict()
    with pytest.raises(InvalidTask, match="cannot be read"):
        desk.ask(c.ResumeTask("b"))
    desk.order(key="b")
    assert desk.ask(c.ResumeTask("b")).status == "active"
    assert desk.ring(broken, after=HOUR)


@pytest.mark.parametrize(("column", "text"), BROKEN)
def test_a_waiting_run_of_an_unreadable_task_holds_up_nobody(
    desk: Any, column: str, text: str
) -> None:
    fine, broken = desk.order(), desk.order()
    desk.ring(fine, broken, after=5 * MINUTE, slots=0)
    desk.meddle(f"UPDATE tasks SET {column} = ? WHERE id = ?", text, broken)
    starts = desk.execute(slots=10).starts
    assert fine in {start.task_id for start in starts}
    assert desk.task(broken).status in {"quarantined", "active"}


@pytest.mark.parametrize(("column", "text"), BROKEN)
@pytest.mark.parametrize("outcome", ["succeeded", "failed", "rejected", "interrupted", "cancelled"])
def test_the_end_of_an_unreadable_tasks_run_is_recorded(
    desk: Any, column: str, text: str, outcome: str
) -> None:
    broken, fine = desk.order(), desk.order()
    one, two = desk.ring(broken, fine, after=5 * MINUTE)
    desk.meddle(f"UPDATE tasks SET {column} = ? WHERE id = ?", text, broken)
    assert desk.finish(one, outcome).answers == [True]
    assert desk.finish(two).answers == [True]
    assert desk.runs(broken)[0].status != "executing"


@pytest.mark.parametrize(("column", "text"), BROKEN)
def test_the_lost_run_of_an_unreadable_task_keeps_no_other_from_rescue(
    desk: Any, column: str, text: str
) -> None:
    ids = [desk.order() for _ in range(3)]
    desk.ring(*ids, after=5 * MINUTE)
    desk.meddle(f"UPDATE tasks SET {column} = ? WHERE id = ?", text, ids[1])
    commit = desk.execute(c.RescueRuns(), slots=10)
    assert isinstance(commit.answers[0], int)
    assert {ids[0], ids[2]} <= {start.task_id for start in commit.starts}
    assert desk.rows("SELECT count(*) FROM runs WHERE status = 'executing'") in ([(2,)], [(3,)])


@pytest.mark.parametrize(
    ("table", "column", "text"),
    [
        ("tasks", "metadata", "{broken"),
        ("runs", "result", "{broken"),
        ("runs", "missed", "{broken"),
        ("scheduler", "entry", "not even bytes"),
        ("scheduler", "entry", b""),
    ],
)
def test_other_broken_values_stop_nobody(desk: Any, table: str, column: str, text: Any) -> None:
    broken, fine = desk.order(), desk.order()
    desk.ring(broken, fine, after=5 * MINUTE, slots=0)
    desk.meddle(f"UPDATE {table} SET {column} = ? WHERE id = 1", text)
    starts = desk.execute(slots=10).starts
    assert {start.task_id for start in starts} == {broken, fine}
    for start in starts:
        assert desk.finish(start).answers == [True]
    assert desk.queries.tasks()
    assert desk.queries.runs()


def test_a_missing_entry_is_an_empty_blob_that_no_call_accepts(desk: Any) -> None:
    task_id = desk.order()
    desk.meddle("DELETE FROM scheduler")
    (start,) = desk.ring(task_id, after=5 * MINUTE)
    assert start.blob == b""


def test_what_is_stored_is_there_for_a_reader_of_another_connection(
    desk: Any, make_desk: Any
) -> None:
    desk.order(key="a", when=at(from_instant(NOW + MINUTE)))
    other = make_desk(desk.database.url)
    assert other.rows("SELECT key, next_run_at FROM tasks") == [("a", NOW + MINUTE)]
    other.close()


def test_s50_more_than_two_thousand_million_occurrences_can_be_counted(desk: Any) -> None:
    task_id = desk.order(every("10ms"))
    desk.meddle("UPDATE tasks SET run_count = ?", BEYOND_32_BITS - 1)
    (start,) = desk.ring(task_id, after=400 * DAY)
    desk.finish(start)
    assert desk.task(task_id).run_count == BEYOND_32_BITS
    assert sum(run.count for run in desk.runs(task_id)) == 400 * DAY // 10_000
