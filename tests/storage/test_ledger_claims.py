"""Alarms that rang, runs that are claimed, and what is taken back."""

from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import DAY, HOUR, MINUTE
from tocsin.core.policy import Policy
from tocsin.core.schedule import at, every

pytestmark = pytest.mark.databases

NOW = 1_772_442_000_000_000


def test_each_task_has_the_alarm_of_its_next_instant(desk: Any) -> None:
    task_id = desk.order()
    assert desk.alarms() == {task_id: NOW + 5 * MINUTE}
    (start,) = desk.ring(task_id, after=5 * MINUTE)
    assert desk.alarms() == {task_id: NOW + 10 * MINUTE}
    desk.finish(start, "failed")
    assert desk.alarms() == {task_id: NOW + 6 * MINUTE}, "the retry comes first"


def test_an_alarm_that_rang_moves_even_when_no_slot_is_free(desk: Any) -> None:
    task_id = desk.order(every("1d"))
    (start,) = desk.ring(task_id, after=DAY)
    desk.finish(start, "failed")
    retry_at = NOW + DAY + MINUTE
    assert desk.alarms() == {task_id: retry_at}
    assert desk.ring(task_id, after=MINUTE, slots=0) == []
    assert desk.alarms() == {task_id: NOW + 2 * DAY}, "it would ring for ever"
    assert len(desk.execute(slots=1).starts) == 1


def test_an_alarm_of_a_task_that_needs_none_is_removed(desk: Any) -> None:
    task_id = desk.order(at("in 5 minutes"))
    (start,) = desk.ring(task_id, after=5 * MINUTE)
    assert desk.alarms() == {}
    desk.finish(start)
    assert desk.task(task_id).status == "completed"


def test_no_more_is_claimed_than_there_are_slots_and_the_rest_waits(desk: Any) -> None:
    ids = [desk.order() for _ in range(10)]
    starts = desk.ring(*ids, after=5 * MINUTE, slots=4)
    assert len(starts) == 4
    assert len(desk.execute(slots=3).starts) == 3
    assert len(desk.execute(slots=100).starts) == 3
    assert desk.execute(slots=100).starts == []


def test_the_most_important_run_starts_first(desk: Any) -> None:
    ids = [desk.order(policy=Policy(priority=p)) for p in (0, 5, -3, 9)]
    starts = desk.ring(*ids, after=5 * MINUTE, slots=3)
    assert [start.priority for start in starts] == [9, 5, 0]


def test_a_claim_hands_over_all_that_a_call_needs(desk: Any) -> None:
    task_id = desk.order(key="a", policy=Policy(timeout=7, priority=2))
    (start,) = desk.ring(task_id, after=12 * MINUTE)
    assert (start.task_id, start.key, start.target) == (task_id, "a", "report.build")
    assert (start.attempt, start.fence, start.timeout, start.priority) == (1, 1, 7, 2)
    assert (start.due_at, start.missed) == (NOW + 10 * MINUTE, (NOW + 5 * MINUTE,))
    assert start.blob == desk.rows("SELECT entry FROM scheduler")[0][0]
    assert desk.runs(task_id)[-1].status == "executing", "the claim is durable"


def test_waiting_runs_of_a_busy_task_do_not_keep_others_waiting(desk: Any) -> None:
    busy = desk.order(policy=Policy(catch_up="all"))
    (running,) = desk.ring(busy, after=500 * MINUTE, slots=10)
    other = desk.order(at("in 1 minute"))
    assert desk.ring(other, after=MINUTE, slots=0) == []
    desk.ledger.sweep()
    (start,) = desk.execute(slots=10).starts
    assert start.task_id == other
    assert len(desk.finish(running, slots=10).starts) == 1


def test_a_failed_transaction_forgets_no_waiting_run(desk: Any) -> None:
    ids = [desk.order() for _ in range(3)]
    desk.ring(*ids, after=5 * MINUTE, slots=0)
    bad = c.RunFinished(1, ids[0], 1, "succeeded", None, NOW, result=object())
    desk.execute(bad, bad, slots=1)
    assert len(desk.execute(slots=100).starts) == 2


def test_a_run_that_was_ready_is_not_forgotten_when_the_clock_is_set_back(desk: Any) -> None:
    task_id = desk.order(every("1d"))
    desk.ring(task_id, after=DAY, slots=0)
    desk.clock.instant -= HOUR
    assert desk.execute(slots=5).starts == []
    desk.clock.instant += HOUR
    assert [start.task_id for start in desk.execute(slots=5).starts] == [task_id]
    desk.execute(slots=5)
    assert not desk.claims.backlog, "it is not looked for for ever"


def test_an_ended_cancelled_task_asks_its_running_attempt_to_stop(desk: Any) -> None:
    task_id = desk.order()
    (start,) = desk.ring(task_id, after=5 * MINUTE)
    commit = desk.execute(c.CancelTask(task_id))
    assert commit.cancels == [(start.run_id, start.fence)]
    assert desk.execute(c.CancelTask(task_id)).cancels == []


def test_a_rescue_takes_back_what_nobody_holds(desk: Any) -> None:
    ids = [desk.order() for _ in range(3)]
    starts = desk.ring(*ids, after=5 * MINUTE)
    held = frozenset({starts[1].claim})
    commit = desk.execute(c.RescueRuns(held), slots=10)
    assert commit.answers == [2]
    assert {(s.run_id, s.attempt, s.fence) for s in commit.starts} == {
        (starts[0].run_id, 2, 2),
        (starts[2].run_id, 2, 2),
    }
    assert desk.finish(starts[0]).answers == [False], "the stale attempt changes nothing"
    assert desk.finish(starts[1]).answers == [True]
