"""Dependencies as they are stored: resolved, rewritten, and followed within one transaction."""

from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.errors import DependencyCycle, UnknownTask
from tocsin.core.policy import Policy, Retry
from tocsin.core.schedule import after, every

pytestmark = pytest.mark.databases

ONCE = Policy(retry=Retry(attempts=0))
HOUR = 3_600_000_000


def _pairs(desk: Any) -> list[tuple[int, int, str | None]]:
    found: list[tuple[int, int, str | None]] = desk.rows(
        "SELECT task_id, depends_on, outcome FROM dependencies ORDER BY task_id, depends_on"
    )
    return found


def test_a_success_plans_the_dependent_run_in_the_same_transaction(desk: Any) -> None:
    first = desk.order(every("1h"), key="first")
    second = desk.order(after("first"), key="second")
    (start,) = desk.ring(first, after=HOUR)
    (follow,) = desk.finish(start, slots=10).starts
    assert follow.task_id == second
    assert [run.cause for run in desk.runs(second)] == ["dependency"]


def test_what_is_named_is_rewritten_when_the_schedule_changes(desk: Any) -> None:
    a, b = desk.order(key="a"), desk.order(key="b")
    task = desk.order(after("a", "b"), key="c")
    assert _pairs(desk) == [(task, a, None), (task, b, None)]
    desk.ask(c.UpdateTask("c", after("b")))
    assert _pairs(desk) == [(task, b, None)]
    desk.ask(c.UpdateTask("c", every("1h")))
    assert _pairs(desk) == []


def test_an_end_is_remembered_across_a_restart(desk: Any, make_desk: Any) -> None:
    a, b = desk.order(every("1h"), key="a"), desk.order(every("2h"), key="b")
    task = desk.order(after("a", "b"), key="c")
    desk.finish(*desk.ring(a, after=HOUR))
    assert _pairs(desk) == [(task, a, "succeeded"), (task, b, None)]
    later = make_desk(desk.database.url, desk.clock)
    (start,) = later.ring(b, after=HOUR)
    later.finish(start)
    assert [run.status for run in later.runs(task)] == ["pending"]
    assert _pairs(later) == [(task, a, None), (task, b, None)]
    later.close()


def test_the_same_order_again_keeps_what_has_happened(desk: Any) -> None:
    a, b = desk.order(every("1h"), key="a"), desk.order(every("2h"), key="b")
    task = desk.order(after("a", "b"), key="c")
    desk.finish(*desk.ring(a, after=HOUR))
    desk.order(after("a", "b"), key="c")
    entry = c.NewEntry(after("a", "b"), handler="report.build", key="c", metadata={"new": True})
    desk.ask(c.NewEntries([entry]))
    assert _pairs(desk) == [(task, a, "succeeded"), (task, b, None)]


def test_an_unknown_name_is_refused_with_a_hint_and_stores_nothing(desk: Any) -> None:
    desk.order(key="extract")
    with pytest.raises(UnknownTask, match="did you mean 'extract'"):
        desk.order(after("extrakt"), key="load")
    assert len(desk.task_rows()) == 1


def test_the_task_of_another_tenant_is_unknown(desk: Any) -> None:
    desk.order(key="extract", tenant="blue")
    with pytest.raises(UnknownTask):
        desk.order(after("extract"), key="load", tenant="red")


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_is_refused_and_stores_nothing(desk: Any, length: int) -> None:
    desk.order(key="0")
    for i in range(1, length):
        desk.order(after(str(i - 1)), key=str(i))
    before = desk.task_rows()
    with pytest.raises(DependencyCycle, match="circle"):
        desk.ask(c.UpdateTask("0", after(str(length - 1))))
    with pytest.raises(DependencyCycle):
        desk.order(after(str(length - 1)), key="0")
    assert desk.task_rows() == before


def test_entries_of_one_message_may_name_each_other_in_any_order(desk: Any) -> None:
    def entry(key: str, when: Any) -> c.NewEntry:
        return c.NewEntry(when, handler="report.build", key=key)

    desk.ask(c.NewEntries([entry("b", after("a")), entry("a", every("1h"))]))
    assert len(_pairs(desk)) == 1
    with pytest.raises(DependencyCycle):
        desk.ask(c.NewEntries([entry("x", after("y")), entry("y", after("x"))]))
    assert len(desk.task_rows()) == 2


def test_a_failure_goes_down_the_chain_to_where_somebody_waits(desk: Any) -> None:
    fails = Policy(retry=Retry(attempts=0), on_dependency_failure="fail")
    a = desk.order(every("1h"), key="a", policy=ONCE)
    b = desk.order(after("a"), key="b", policy=fails)
    third = desk.order(after("b"), key="c", policy=fails)
    patient = desk.order(after("c"), key="d", policy=ONCE)
    desk.finish(*desk.ring(a, after=HOUR), outcome="failed", error="no")
    assert [run.error for run in desk.runs(b)] == ["DEPENDENCY_FAILED: a"]
    assert [run.error for run in desk.runs(third)] == ["DEPENDENCY_FAILED: b"]
    assert desk.runs(patient) == []


def test_deleting_a_task_fails_those_that_wait_for_it_and_so_on_down_the_chain(desk: Any) -> None:
    fails = Policy(on_dependency_failure="fail")
    desk.order(every("1h"), key="a")
    b = desk.order(after("a"), key="b")
    third = desk.order(after("b"), key="c", policy=fails)
    desk.ask(c.DeleteTask("a"))
    assert [run.error for run in desk.runs(b)] == ["DEPENDENCY_FAILED: a was deleted"]
    assert desk.task(b).status == "failed"
    assert [run.error for run in desk.runs(third)] == ["DEPENDENCY_FAILED: b"]
    desk.order(every("1h"), key="a")
    desk.order(after("a"), key="b")
    assert desk.task(b).status == "active"


def test_a_task_that_was_deleted_cannot_be_waited_for(desk: Any) -> None:
    gone = desk.order(every("1h"), key="a")
    desk.ask(c.DeleteTask("a"))
    with pytest.raises(UnknownTask, match="deleted"):
        desk.order(after(gone), key="b")


def test_a_later_round_asks_the_running_attempt_of_the_one_before_to_stop(desk: Any) -> None:
    a = desk.order(every("1h"), key="a")
    policy = Policy(overlap="cancel_running")
    desk.order(after("a"), key="b", policy=policy)
    (start,) = desk.ring(a, after=HOUR)
    (first,) = desk.finish(start, slots=10).starts
    (start,) = desk.ring(a, after=HOUR)
    assert desk.finish(start, slots=10).cancels == [first.claim]


def test_a_diamond_fails_once(desk: Any) -> None:
    fails = Policy(on_dependency_failure="fail")
    a = desk.order(every("1h"), key="a", policy=ONCE)
    for key in ("b", "c"):
        desk.order(after("a"), key=key, policy=fails)
    end = desk.order(after("b", "c"), key="d", policy=fails)
    desk.finish(*desk.ring(a, after=HOUR), outcome="failed", error="no")
    assert [run.error for run in desk.runs(end)] == ["DEPENDENCY_FAILED: b"]


def test_a_dependent_that_cannot_be_read_is_set_aside_and_costs_no_other(desk: Any) -> None:
    a = desk.order(every("1h"), key="a")
    broken, sound = desk.order(after("a"), key="b"), desk.order(after("a"), key="c")
    (start,) = desk.ring(a, after=HOUR)
    desk.meddle("UPDATE tasks SET policy = '{' WHERE id = ?", broken)
    desk.finish(start)
    assert desk.task(broken).status == "quarantined"
    assert [run.status for run in desk.runs(sound)] == ["pending"]


@pytest.mark.only_sqlite("looks at its plan")
def test_nobody_is_looked_at_when_nobody_waits(desk: Any) -> None:
    plan = desk.rows(
        "EXPLAIN QUERY PLAN SELECT depends_on, task_id FROM dependencies"
        " WHERE depends_on IN (SELECT value FROM json_each('[1]'))"
    )
    assert any("USING" in row[-1] and "INDEX" in row[-1] for row in plan)
    assert not any(row[-1].startswith("SCAN dependencies") for row in plan)
