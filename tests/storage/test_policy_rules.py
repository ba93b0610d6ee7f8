"""Rules of a policy that need the database: keys set free, attempts asked to stop, waiting runs."""

from datetime import datetime
from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import HOUR, MINUTE, SECOND, to_instant
from tocsin.core.errors import TaskEnded, UnknownTask
from tocsin.core.options import policy_with
from tocsin.core.policy import Policy
from tocsin.core.schedule import cron, every

pytestmark = pytest.mark.databases


def rules(**options: Any) -> Policy:
    return policy_with(Policy(), options)


def test_a_deleted_task_is_in_no_list_and_its_key_is_free(desk: Any) -> None:
    task_id = desk.order(key="report")
    [start] = desk.ring(task_id, after=5 * MINUTE)
    commit = desk.execute(c.DeleteTask("report", "old"))
    assert commit.cancels == [start.claim]
    assert commit.answers[0].status == "deleted"
    assert desk.queries.tasks() == []
    assert desk.queries.count_tasks() == {}
    with pytest.raises(UnknownTask):
        desk.task("report")
    assert desk.alarms() == {}
    desk.finish(start, "cancelled")
    assert [run.status for run in desk.runs(task_id)] == ["cancelled"]
    assert desk.task(task_id).reason == "old"
    assert desk.order(key="report") != task_id
    assert len(desk.rows("SELECT id FROM scheduler")) == 2


def test_a_key_is_free_again_within_the_batch_that_deletes_its_task(desk: Any) -> None:
    old = desk.order(key="report")
    entry = c.NewEntry(every("5m"), handler="report.build", key="report")
    _, reply, again = desk.execute(c.DeleteTask("report"), entry, c.PauseTask("report")).answers
    assert reply["scheduler_id"] == again.id != old
    assert desk.task("report").status == "paused"


def test_a_run_of_a_deleted_task_is_not_retried(desk: Any) -> None:
    task_id = desk.order(key="report", policy=rules(retries=0))
    [start] = desk.ring(task_id, after=5 * MINUTE)
    desk.finish(start, "failed")
    desk.ask(c.DeleteTask("report"))
    with pytest.raises(TaskEnded, match="is deleted: schedule it again"):
        desk.ask(c.RetryRun(start.run_id))


def test_the_running_attempt_is_asked_to_stop_when_the_next_occurrence_comes(desk: Any) -> None:
    task_id = desk.order(policy=rules(overlap="cancel_running"))
    [first] = desk.ring(task_id, after=5 * MINUTE)
    desk.clock.instant += 5 * MINUTE
    commit = desk.execute(c.AlarmsTriggered((task_id,)), slots=5)
    assert (commit.cancels, commit.starts) == ([first.claim], [])
    [second] = desk.finish(first, "cancelled", slots=5).starts
    assert second.run_id != first.run_id
    assert [run.status for run in desk.runs(task_id)] == ["cancelled", "executing"]
    assert desk.runs(task_id)[0].reason.startswith("overlap: replaced by the occurrence of")


def test_waiting_runs_of_a_full_task_do_not_crowd_out_others(desk: Any) -> None:
    busy = desk.order(every("1s"), policy=rules(overlap="allow", max_instances=2, catch_up="all"))
    for _ in range(20):
        desk.ring(busy, after=SECOND, slots=2)
    other = desk.order(every("20s"))
    [start] = desk.ring(other, after=20 * SECOND, slots=0) or [None]
    assert start is None
    found = desk.execute(slots=2).starts
    assert [start.task_id for start in found] == [other]


def test_a_run_that_waited_until_its_window_closed_gets_an_alarm_at_the_opening(desk: Any) -> None:
    desk.clock.instant = to_instant(datetime.fromisoformat("2026-03-02T16:00:00+00:00"))
    task_id = desk.order(cron("59 16 * * *"), policy=rules(windows="mon-fri 09:00-17:00"))
    assert desk.ring(task_id, after=59 * MINUTE, slots=0) == []
    desk.clock.instant += 2 * MINUTE
    assert desk.execute(slots=5).starts == []
    [run] = desk.runs(task_id)
    assert run.reason == "window: waits until 2026-03-03T09:00:00+00:00"
    assert desk.alarms()[task_id] == desk.clock.instant + 15 * HOUR + 59 * MINUTE
    [start] = desk.ring(task_id, after=16 * HOUR)
    assert start.run_id == run.id


def test_windows_are_stored_with_the_zone_of_the_service(desk: Any) -> None:
    task_id = desk.order(policy=rules(windows="09:00-17:00"))
    assert desk.task(task_id).policy.window_timezone == "UTC"
    changed = desk.ask(c.UpdateTask(task_id, policy={"windows": ["10:00-11:00"]}))
    assert str(changed.policy.execution_windows) == "10:00-11:00 UTC"


def test_a_task_whose_process_was_killed_in_its_run_goes_on_although_it_is_late(desk: Any) -> None:
    task_id = desk.order()
    [killed] = desk.ring(task_id, after=5 * MINUTE)
    desk.clock.instant += 17 * MINUTE
    again = desk.execute(c.RescueRuns(), c.AlarmsTriggered((task_id,)), slots=5).starts
    assert [(start.run_id, start.attempt) for start in again] == [(killed.run_id, 2)]
    desk.finish(again[0])
    [following] = desk.ring(task_id, after=3 * MINUTE)
    assert following.run_id > killed.run_id
    assert [run.status for run in desk.runs(task_id)] == ["succeeded", "skipped", "executing"]
