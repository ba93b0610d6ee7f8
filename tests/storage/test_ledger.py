"""Commands in, one durable transaction, answers out; nobody pays for somebody else's mistake."""

import itertools
import math
from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import MINUTE
from tocsin.core.errors import (
    InvalidEntry,
    InvalidMessage,
    InvalidSchedule,
    InvalidTask,
    TaskEnded,
    TocsinError,
    UnknownRun,
    UnknownTask,
)
from tocsin.core.policy import Policy, Retry
from tocsin.core.schedule import every

pytestmark = pytest.mark.databases

BEYOND_32_BITS = 1 << 31
BEYOND_FLOATS = (1 << 53) + 1


def entry(key: str | None = None, **fields: Any) -> c.NewEntry:
    return c.NewEntry(every("5m"), **{"handler": "report.build", "key": key, **fields})


# ---------------------------------------------------------------- replies


def test_the_reply_has_two_ids_and_the_entry(desk: Any) -> None:
    reply = desk.ask(c.NewEntry("10:30pm", module="myapp", function="ring", args=[1]))
    assert reply == {
        "alarm_id": 1,
        "scheduler_id": 1,
        "entry": {"module": "myapp", "function": "ring", "args": [1]},
    }
    assert {type(reply["alarm_id"]), type(reply["scheduler_id"])} == {int}


def test_ids_rise_and_are_never_used_again(desk: Any) -> None:
    first = desk.ask(entry())
    desk.ask(c.CancelTask(first["scheduler_id"]))
    second = desk.ask(entry())
    assert second["scheduler_id"] > first["scheduler_id"]
    assert second["alarm_id"] > first["alarm_id"]


def test_the_same_key_answers_with_the_same_task(desk: Any) -> None:
    first, second = desk.ask(entry("a")), desk.ask(entry("a"))
    assert first["scheduler_id"] == second["scheduler_id"]
    assert first["alarm_id"] == second["alarm_id"]
    assert len(desk.rows("SELECT * FROM scheduler")) == 1


def test_the_same_key_twice_in_one_batch_is_one_task(desk: Any) -> None:
    answers = desk.execute(entry("a"), entry("a"), entry("a", args=[1])).answers
    assert len({answer["scheduler_id"] for answer in answers}) == 1
    assert len(desk.rows("SELECT * FROM tasks")) == 1
    assert len(desk.rows("SELECT * FROM scheduler")) == 2


@pytest.mark.parametrize("large", [BEYOND_32_BITS, BEYOND_FLOATS])
def test_s50_large_ids_survive_every_path(desk: Any, large: int) -> None:
    desk.order()
    desk.meddle("UPDATE counters SET value = ?", large)
    for name in ("runs", "events", "alarms", "scheduler"):
        desk.meddle("DELETE FROM counters WHERE name = ?", name)
        desk.meddle("INSERT INTO counters VALUES (?, ?)", name, large)
    reply = desk.ask(entry("big"))
    task_id = reply["scheduler_id"]
    assert (task_id, reply["alarm_id"]) == (large + 1, large + 1)
    assert desk.task(task_id).key == "big"
    assert desk.task(str(task_id)).id == task_id
    (start,) = desk.ring(task_id, after=5 * MINUTE)
    assert (start.run_id, start.task_id, start.entry_id) == (large + 1, task_id, task_id)
    assert desk.finish(start).answers == [True]
    assert desk.runs(task_id)[0].status == "succeeded"
    assert desk.ask(c.CancelTask(task_id)).status == "cancelled"
    assert desk.execute(c.RescueRuns(frozenset({(large, large)}))).answers == [0]


def test_a_restart_of_the_program_adds_no_row(desk: Any) -> None:
    values = {"regions": {"eu", "us", "asia", "africa"}, "name": "x" * 3}
    desk.order(key="a", kwargs=values, metadata={"pair": (1, 2), "1": {"b": None}})
    events = desk.rows("SELECT count(*) FROM events")
    again = {"name": "".join(["x"] * 3), "regions": {"us", "asia", "africa", "eu"}}
    desk.order(key="a", kwargs=again, metadata={"pair": [1, 2], "1": {"b": None}})
    assert desk.rows("SELECT count(*) FROM events") == events


# ---------------------------------------------------------------- mistakes cost only themselves

POISON: list[tuple[Any, type[TocsinError]]] = [
    (entry("\ud800"), InvalidTask),
    (entry("a\0b"), InvalidTask),
    (entry(""), InvalidTask),
    (entry("x" * 256), InvalidTask),
    (entry(5), InvalidTask),  # type: ignore[arg-type]
    (entry(tenant="\ud800"), InvalidTask),
    (entry(tenant=None), InvalidTask),
    (entry(tenant=""), InvalidTask),
    (entry(tenant="x" * 256), InvalidTask),
    (entry(created_by=object()), InvalidTask),
    (entry(created_by="x" * 256), InvalidTask),
    (entry(metadata={"a": math.nan}), InvalidTask),
    (entry(metadata={"a": math.inf}), InvalidTask),
    (entry(metadata={"a": "\ud800"}), InvalidTask),
    (entry(metadata={"a": object()}), InvalidTask),
    (entry(metadata={(1, 2): 3}), InvalidTask),
    (entry(metadata={"a": 10**5000}), InvalidTask),
    (entry(metadata=5), InvalidTask),
    (entry(handler=""), InvalidEntry),
    (entry(handler="a\ud800"), InvalidEntry),
    (entry(handler=7), InvalidEntry),
    (entry(handler=None), InvalidEntry),
    (entry(handler=None, module="a", function=7), InvalidEntry),
    (entry(module="a", function="b"), InvalidEntry),
    (entry(args="text"), InvalidEntry),
    (entry(args=5), InvalidEntry),
    (entry(args={"a": 1}), InvalidEntry),
    (entry(args=itertools.count()), InvalidEntry),
    (entry(kwargs=[1]), InvalidEntry),
    (entry(kwargs={1: 2}), InvalidEntry),
    (entry(args=[lambda: 0]), InvalidEntry),
    (entry(args=[object], codec="json"), InvalidEntry),
    (entry(kwargs={"a": math.nan}, codec="json"), InvalidEntry),
    (entry(kwargs={"a": {1, 2}}, codec="json"), InvalidEntry),
    (entry(args=["x" * 70_000]), InvalidEntry),
    (entry(codec="yaml"), InvalidEntry),
    (c.NewEntry("someday", handler="a"), InvalidSchedule),
    (c.NewEntry(None, handler="a"), InvalidSchedule),
    (c.NewEntry(math.nan, handler="a"), InvalidSchedule),
    (c.NewEntry(1e300, handler="a"), InvalidSchedule),
    (c.NewEntry({"kind": "every"}, handler="a"), InvalidSchedule),
    (entry(policy=Policy(priority="high")), InvalidTask),  # type: ignore[arg-type]
    (entry(policy=Policy(timeout=1.5)), InvalidTask),  # type: ignore[arg-type]
    (entry(policy=Policy(priority=1 << 70)), InvalidTask),
    (entry(policy=Policy(retry=Retry(delay=1.5))), InvalidTask),  # type: ignore[arg-type]
    (entry(policy=Policy(notify_failure=(5,))), InvalidTask),  # type: ignore[arg-type]
    (entry(policy=Policy(concurrency=1, limit_key="x" * 256)), InvalidTask),
    (entry(policy=Policy(concurrency=1, limit_key="\ud800")), InvalidTask),
    (entry(policy=Policy(concurrency=1, limit_key=5)), InvalidTask),  # type: ignore[arg-type]
    (entry(policy=Policy(resources=(("x" * 256, 1),))), InvalidTask),
    (entry(policy="often"), TocsinError),
    (c.NewEntries(5), TocsinError),  # type: ignore[arg-type]
    (c.NewEntries([entry(), 5]), TocsinError),  # type: ignore[list-item]
    (c.PauseTask("good", reason="\ud800"), InvalidTask),
    (c.PauseTask("good", reason=5), InvalidTask),  # type: ignore[arg-type]
    (c.CancelTask("good", reason=["x"]), InvalidTask),  # type: ignore[arg-type]
    (c.PauseTask(None), InvalidMessage),  # type: ignore[arg-type]
    (c.PauseTask(True), InvalidMessage),
    (c.PauseTask("\ud800"), TocsinError),
    (c.PauseTask(1 << 70), UnknownTask),
    (c.PauseTask(-1), UnknownTask),
    (c.UpdateTask("good", metadata={"a": math.nan}), InvalidTask),
    (c.UpdateTask("good", metadata={"a": "\ud800"}), InvalidTask),
    (c.UpdateTask("good", policy={"tiemout": 5}), InvalidTask),
    (c.UpdateTask("good", policy={"priority": "high"}), InvalidTask),
    (c.UpdateTask("good", policy={"timeout": "5m"}), TocsinError),
    (c.UpdateTask("good", when="someday"), InvalidSchedule),
    (c.RetryRun("x"), UnknownRun),  # type: ignore[arg-type]
    (c.RetryRun(1 << 70), TocsinError),
    (c.RunNow("nobody"), UnknownTask),
    (c.AlarmTriggered(object()), TocsinError),  # type: ignore[arg-type]
    (c.AlarmsTriggered(5), TocsinError),  # type: ignore[arg-type]
    (c.AlarmsTriggered((object(),)), TocsinError),  # type: ignore[arg-type]
    ("hello", InvalidMessage),
    (None, InvalidMessage),
    ({"new_entry": 5}, InvalidMessage),
]


@pytest.mark.parametrize(("bad", "error"), POISON, ids=lambda value: "")
def test_a_bad_command_is_a_typed_error_and_costs_nobody_else(
    desk: Any, bad: Any, error: type[TocsinError]
) -> None:
    desk.order(key="good")
    run_id = desk.ask(c.RunNow("good")).id
    answers = desk.execute(entry("a"), bad, entry("b"), slots=5).answers
    assert isinstance(answers[1], error), answers[1]
    assert str(answers[1])
    assert answers[0]["scheduler_id"] == desk.task("a").id
    assert answers[2]["scheduler_id"] == desk.task("b").id
    assert desk.task("good").status == "active"
    assert desk.queries.runs(task_id=desk.task("good").id)[0].id == run_id


@pytest.mark.parametrize("bad", [entry("\ud800"), c.AlarmsTriggered((object(),)), None])  # type: ignore[arg-type]
def test_one_bad_command_in_a_hundred_costs_only_itself(desk: Any, bad: Any) -> None:
    commands = [*(entry(f"a{n}") for n in range(50)), bad, *(entry(f"b{n}") for n in range(50))]
    answers = desk.execute(*commands).answers
    assert isinstance(answers.pop(50), TocsinError)
    assert [a["scheduler_id"] for a in answers] == [task.id for task in desk.queries.tasks()]
    assert [task.key for task in desk.queries.tasks()] == [x.key for x in commands if x is not bad]


def test_a_bad_result_costs_nobody_else(desk: Any) -> None:
    first, second = desk.order(key="a"), desk.order(key="b")
    one, two = desk.ring(first, second, after=5 * MINUTE)
    bad = c.RunFinished(one.run_id, one.task_id, one.fence, "succeeded", None, NOW, result=object())
    good = c.RunFinished(two.run_id, two.task_id, two.fence, "succeeded", None, NOW)
    refused, counted = desk.execute(bad, good).answers
    assert isinstance(refused, TocsinError)
    assert counted is True


NOW = 1_772_442_000_000_000


def test_many_entries_are_stored_all_or_none(desk: Any) -> None:
    fine = c.NewEntries([entry("a"), entry("b"), entry("a")])
    replies = desk.ask(fine)
    assert [r["scheduler_id"] for r in replies] == [1, 2, 1]
    for bad in (entry("c", args=[object]), entry("c", tenant="\ud800"), entry("c", handler=None)):
        with pytest.raises(TocsinError):
            desk.ask(c.NewEntries([entry("d"), bad, entry("e")]))
    answers = desk.execute(entry("f"), c.NewEntries([entry("g"), entry("\ud800")])).answers
    assert answers[0]["scheduler_id"]
    assert {task.key for task in desk.queries.tasks()} == {"a", "b", "f"}


@pytest.mark.only_sqlite("a column of PostgreSQL takes no value of another type")
def test_many_entries_are_none_when_one_breaks_late(desk: Any) -> None:
    desk.order(key="broken")
    desk.meddle("UPDATE tasks SET scheduled_at = 'never' WHERE key = 'broken'")
    batch = c.NewEntries([entry("x"), entry("broken"), entry("y")])
    answers = desk.execute(batch, entry("z")).answers
    assert isinstance(answers[0], TocsinError)
    assert {task.key for task in desk.queries.tasks(status=["active"])} >= {"z"}
    assert not desk.rows("SELECT 1 FROM tasks WHERE key IN ('x', 'y')")
    assert isinstance(desk.execute(batch).answers[0], TocsinError)


def test_later_commands_see_what_earlier_ones_did(desk: Any) -> None:
    new, paused, resumed, cancelled, refused = desk.execute(
        entry("a"),
        c.PauseTask("a", "wait"),
        c.ResumeTask("a"),
        c.CancelTask("a", "enough"),
        c.PauseTask("a"),
    ).answers
    assert (paused.status, paused.reason) == ("paused", "wait")
    assert resumed.status == "active"
    assert (cancelled.status, cancelled.reason) == ("cancelled", "enough")
    assert isinstance(refused, TaskEnded)
    assert new["alarm_id"] is None, "its alarm was called off before it was ever set"
    assert desk.alarms() == {}


# ---------------------------------------------------------------- names


def test_an_unknown_task_is_refused_with_the_nearest_key(desk: Any) -> None:
    desk.order(key="nightly-report")
    with pytest.raises(UnknownTask, match="did you mean 'nightly-report'"):
        desk.ask(c.PauseTask("nightly-repotr"))
    with pytest.raises(UnknownTask, match="no task with the id 99"):
        desk.ask(c.PauseTask(99))


@pytest.mark.parametrize("verb", [c.PauseTask, c.ResumeTask, c.CancelTask, c.UpdateTask, c.RunNow])
def test_tenants_cannot_touch_each_others_tasks(desk: Any, verb: Any) -> None:
    task_id = desk.order(key="secret", tenant="alice")
    for ref in ("secret", task_id, desk.queries.task(task_id, "alice")):
        (refused,) = desk.execute(verb(ref, tenant="bob")).answers
        assert isinstance(refused, UnknownTask)
        assert "secret" not in str(refused) or ref == "secret"
        assert "did you mean" not in str(refused)
    assert desk.queries.task(task_id, "alice").status == "active"


def test_tenants_have_keys_of_their_own(desk: Any) -> None:
    a, b = desk.order(key="x", tenant="alice"), desk.order(key="x", tenant="bob")
    assert a != b
    desk.ask(c.CancelTask("x", tenant="alice"))
    assert desk.queries.task("x", "bob").status == "active"


def test_a_run_of_another_tenant_is_not_retried(desk: Any) -> None:
    task_id = desk.order(tenant="alice", policy=Policy(retry=Retry(attempts=0)))
    (start,) = desk.ring(task_id, after=5 * MINUTE)
    desk.finish(start, "failed", error="no")
    with pytest.raises(UnknownRun):
        desk.ask(c.RetryRun(start.run_id, tenant="bob"))
    run = desk.ask(c.RetryRun(start.run_id, tenant="alice"))
    assert (run.cause, run.reason) == ("retry", f"retry of run {start.run_id}")


def test_only_a_failed_run_is_retried(desk: Any) -> None:
    (start,) = desk.ring(desk.order(), after=5 * MINUTE)
    desk.finish(start)
    with pytest.raises(UnknownRun, match="is succeeded: only a failed run can be retried"):
        desk.ask(c.RetryRun(start.run_id))


def test_to_prove_that_the_database_can_be_written_changes_nothing(desk: Any) -> None:
    desk.database.prove_writable()
    first = desk.order()
    before = desk.rows("SELECT * FROM counters ORDER BY name")
    desk.database.prove_writable()
    assert desk.rows("SELECT * FROM counters ORDER BY name") == before
    assert desk.order() == first + 1
