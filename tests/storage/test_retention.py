"""What is old leaves, in small batches; what follows from it stays, and can be folded again."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import DAY, HOUR
from tocsin.core.errors import Fenced, InvalidConfig, InvalidTime, UnknownEvent
from tocsin.core.published import TaskEvent
from tocsin.core.retention import Keep, parse_keep
from tocsin.core.schedule import after, at, every
from tocsin.storage.deliveries import Deliveries, Missed
from tocsin.storage.rebuild import rebuild
from tocsin.storage.retention import Retention

pytestmark = pytest.mark.databases

KEEP = Keep(10 * DAY, 20 * DAY)


def live(desk: Any, days: int, *task_ids: int, **details: Any) -> None:
    """Let days pass; once a day all that is due runs."""
    for _ in range(days):
        for start in desk.ring(*(task_ids or (1,)), after=DAY):
            desk.finish(start, **details)


def prune(desk: Any, keep: Keep = KEEP, retention: Retention | None = None) -> int:
    """Everything that is old enough goes; after each batch the tables are what the log says."""
    retention, batches = retention or Retention(desk.database, keep), 0
    while retention.step(desk.clock.now()):
        batches += 1
        found = rebuild(desk.database, check=True)
        assert found.ok, found.differences
    return batches


def count(desk: Any, table: str) -> int:
    return int(desk.rows(f"SELECT count(*) FROM {table}")[0][0])


# ---------------------------------------------------------------- how long


@pytest.mark.parametrize(
    ("text", "kept"),
    [("90d", 90 * DAY), ("1y", 365 * DAY), ("2 years", 730 * DAY), ("forever", None),
     (" Forever ", None), (None, None), (3600, HOUR)],
)  # fmt: skip
def test_retention_is_a_duration_years_or_forever(text: Any, kept: int | None) -> None:
    assert parse_keep(text) == kept


@pytest.mark.parametrize("text", ["", "0s", "soon", "1 month", "-5d", True, "1y3d"])
def test_what_keeps_nothing_or_is_not_clear_is_refused(text: Any) -> None:
    with pytest.raises(InvalidTime):
        parse_keep(text)


@pytest.mark.parametrize(("history", "events"), [(DAY, HOUR), (None, 20 * DAY)])
def test_the_log_is_kept_at_least_as_long_as_the_history(
    history: int | None, events: int | None
) -> None:
    with pytest.raises(InvalidConfig, match="history follows from the events"):
        Keep(history, events)


# ---------------------------------------------------------------- what leaves, what stays


def test_old_runs_and_old_events_leave_and_young_ones_stay(desk: Any) -> None:
    desk.order(every("1d"), key="a")
    live(desk, 30)
    present = desk.clock.now()
    prune(desk)
    ages = [(present - at_) // DAY for (at_,) in desk.rows("SELECT finished_at FROM runs")]
    assert sorted(ages) == list(range(11))
    assert (present - desk.rows("SELECT min(at) FROM events")[0][0]) // DAY == 20
    task = desk.task("a")
    assert (task.run_count, task.status, task.last_status) == (30, "active", "succeeded")


def test_nothing_leaves_before_its_time(desk: Any) -> None:
    desk.order(every("1d"), key="a")
    live(desk, 9)
    before = (count(desk, "runs"), count(desk, "events"))
    assert prune(desk) == 0
    assert (count(desk, "runs"), count(desk, "events")) == before


def test_forever_means_that_nothing_leaves(desk: Any) -> None:
    desk.order(every("1d"), key="a")
    live(desk, 30)
    assert prune(desk, Keep(None, None)) == 0
    assert prune(desk, Keep(10 * DAY, None)) > 0
    assert count(desk, "snapshots") == 0
    assert count(desk, "runs") == 11


def test_a_run_that_never_ended_stays_however_old(desk: Any) -> None:
    desk.order(every("1d"), key="slow")
    [held] = desk.ring(1, after=DAY)
    desk.order(every("1d"), key="b")
    live(desk, 60, 2)
    prune(desk)
    assert [run.status for run in desk.runs(1)] == ["executing"]
    assert desk.finish(held).answers == [True]
    assert desk.runs(1)[0].status == "succeeded"
    assert rebuild(desk.database, check=True).ok


def test_the_task_goes_on_from_its_snapshot(desk: Any) -> None:
    desk.order(every("1d"), key="a", metadata={"n": [1, "ä"]})
    desk.ask(c.UpdateTask("a", policy={"max_runs": 32}))
    live(desk, 30)
    prune(desk, Keep(DAY, DAY))
    assert count(desk, "snapshots") == 1
    live(desk, 5)
    assert desk.task("a").status == "completed", "the limit counts what was pruned"
    assert desk.task("a").run_count == 32
    before = desk.task_rows()
    assert rebuild(desk.database, check=False).ok
    assert desk.task_rows() == before


def test_a_pruned_occurrence_is_never_planned_again(desk: Any) -> None:
    """Not even when the clock shows its time again."""
    desk.order(every("1d"), key="a")
    known = set()
    for _ in range(4):
        live(desk, 12)
        rows = set(desk.rows("SELECT id, task_id, due_at FROM runs"))
        known |= rows
        assert len({(task, due) for _, task, due in known}) == len(known)
        prune(desk, Keep(DAY, DAY))
        desk.clock.instant -= 6 * DAY
        desk.ask(c.ClockStepped(-6 * DAY))
    assert len(known) > 40


def test_what_a_task_waits_for_survives_in_its_snapshot(desk: Any) -> None:
    first = desk.order(every("1d"), key="a")
    desk.order(every("30d"), key="b")
    last = desk.order(after("a", "b"), key="c")
    live(desk, 5, first)
    prune(desk, Keep(DAY, DAY))
    assert desk.rows("SELECT outcome FROM dependencies ORDER BY depends_on") == [
        ("succeeded",),
        (None,),
    ]
    desk.execute(c.AlarmsTriggered((2,)))
    desk.clock.instant += 30 * DAY
    for start in desk.ring(2):
        desk.finish(start)
    assert [run.cause for run in desk.runs(last)] == ["dependency"]
    assert rebuild(desk.database, check=True).ok


def test_ended_tasks_leave_when_nothing_is_left_to_tell(desk: Any) -> None:
    desk.order(every("1d"), key="stays")
    desk.order(every("1d"), key="deleted")
    desk.order(at("in 1 hour"))
    desk.order(at("in 1 hour"), key="has a key")
    live(desk, 2, 1, 2, 3, 4)
    desk.ask(c.UpdateTask("stays", metadata={"x": 1}))
    desk.ask(c.DeleteTask("deleted"))
    prune(desk)
    assert count(desk, "tasks") == 4
    live(desk, 30, 1)
    prune(desk)
    assert {row[2] for row in desk.task_rows()} == {"stays", "has a key"}
    for table, column in (("events", "task_id"), ("snapshots", "task_id"), ("scheduler", "id")):
        left = {row[0] for row in desk.rows(f"SELECT {column} FROM {table}")}
        assert left <= {1, 4}, table
    assert {1, 4} <= {row[0] for row in desk.rows("SELECT id FROM scheduler")}


def test_an_ended_task_of_which_there_is_more_to_tell_stays(desk: Any) -> None:
    once = desk.order(at("in 1 hour"))
    live(desk, 1, once)
    desk.clock.instant += 15 * DAY
    desk.ask(c.RunNow(once))
    (start,) = desk.execute(slots=5).starts
    desk.finish(start)
    desk.clock.instant += 10 * DAY
    assert prune(desk) > 0
    assert [each.event.run_id for each in desk.queries.events(task_id=once)] == [start.run_id] * 3
    assert desk.task(once).run_count == 2


def test_a_task_that_others_wait_for_stays(desk: Any) -> None:
    first = desk.order(at("in 1 hour"))
    desk.order(after(first), key="b")
    for _ in range(2):
        live(desk, 15, 1)
        desk.execute(slots=5)
    prune(desk)
    assert desk.task(first).status == "completed"


def test_replaced_entries_leave_with_the_events_that_named_them(desk: Any) -> None:
    desk.order(every("1d"), key="a", args=[1])
    desk.order(every("1d"), key="a", args=[2])
    live(desk, 5)
    prune(desk)
    assert count(desk, "scheduler") == 2
    live(desk, 30)
    prune(desk)
    assert desk.rows("SELECT id FROM scheduler") == desk.rows("SELECT entry_id FROM tasks")
    [start] = desk.ring(1, after=DAY)
    assert start.blob


# ---------------------------------------------------------------- listeners


def test_events_that_a_listener_has_not_heard_stay(desk: Any) -> None:
    deliveries = Deliveries(desk.database)
    deliveries.begin("mailer", replay=True)
    desk.order(every("1d"), key="a")
    live(desk, 60, event=TaskEvent("made", {"n": 1}))
    prune(desk)
    told = deliveries.new(0, 1_000)
    assert len(told) == 60
    deliveries.advance("mailer", told[30].id, [Missed(told[10], desk.clock.now(), 1, "hm")])
    desk.clock.instant += 2 * HOUR
    prune(desk)
    left = [event.id for event in deliveries.new(0, 1_000)]
    old = [event.id for event in told[:40]]
    assert set(old[31:]) <= set(left), "not told yet"
    assert [i for i in old[:31] if i in left] == [told[10].id], "only the one to be told again"
    [again] = deliveries.again("mailer", desk.clock.now(), 10)
    assert (again.id, again.payload) == (told[10].id, {"n": 1})
    deliveries.settle("mailer", [again.id], [])
    deliveries.advance("mailer", told[-1].id, [])
    desk.clock.instant += 2 * HOUR
    prune(desk)
    assert len(deliveries.new(0, 1_000)) == 20


# ---------------------------------------------------------------- safety


@pytest.mark.parametrize("keep", [Keep(10 * DAY, None), KEEP])
def test_what_a_predecessor_pruned_a_moment_ago_is_not_pruned_twice(
    desk: Any, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was given up while it committed: both have read the same batch."""
    desk.order(every("1d"), key="a")
    live(desk, 30)
    if keep is KEEP:
        prune(desk, Keep(10 * DAY, None))
    old, new = (Retention(desk.database, keep) for _ in range(2))
    for each in (old, new):
        each.pace.size = 10
        assert each.step(desk.clock.now())
        each.pace.size = 10
    read = new._read

    def finish() -> None:
        assert old.step(desk.clock.now())
        desk.database.disconnect()

    def overtaken(*where: Any) -> Any:
        batch = read(*where)
        thread = threading.Thread(target=finish)
        thread.start()
        thread.join(30)
        return batch

    monkeypatch.setattr(new, "_read", overtaken)
    new.step(desk.clock.now())
    found = rebuild(desk.database, check=True)
    assert found.ok, found.differences
    monkeypatch.undo()
    prune(desk, keep, new)
    assert desk.task("a").run_count == 30


def test_a_log_that_cannot_be_read_is_left_alone(desk: Any) -> None:
    desk.order(every("1d"), key="a")
    live(desk, 30)
    desk.meddle("UPDATE events SET type = 'Future' WHERE id = 3")
    before = (count(desk, "events"), count(desk, "runs"))
    with pytest.raises(UnknownEvent, match=r"event 3 .*upgrade"):
        Retention(desk.database, KEEP).step(desk.clock.now())
    assert (count(desk, "events"), count(desk, "runs")) == before


def test_one_that_was_replaced_prunes_nothing(desk: Any) -> None:
    desk.order(every("1d"), key="a")
    live(desk, 30)
    before = (count(desk, "events"), count(desk, "runs"))
    with pytest.raises(Fenced):
        Retention(desk.database, KEEP, lambda: False).step(desk.clock.now())
    assert (count(desk, "events"), count(desk, "runs")) == before


@pytest.mark.only_sqlite("traces its statements")
def test_nothing_is_read_as_long_as_nothing_can_be_old(desk: Any) -> None:
    desk.order(every("1d"), key="a")
    live(desk, 1)
    retention = Retention(desk.database, KEEP)
    assert not retention.step(desk.clock.now())
    said: list[str] = []
    with desk.database.session() as connection:
        connection.set_trace_callback(said.append)
        for _ in range(10):
            assert not retention.step(desk.clock.now())
        connection.set_trace_callback(None)
    assert said == []
    desk.clock.instant += 11 * DAY
    assert prune(desk, retention=retention) > 0


def test_a_wrong_clock_in_the_past_of_the_log_does_not_stop_pruning(desk: Any) -> None:
    desk.order(every("1d"), key="a")
    live(desk, 10)
    wrong = "UPDATE events SET at = at + ? WHERE id = 1 OR id BETWEEN 8 AND 10"
    desk.meddle(wrong, 9_000 * DAY)
    desk.meddle("UPDATE tasks SET created_at = created_at + ?", 9_000 * DAY)
    desk.meddle("UPDATE tasks SET scheduled_at = scheduled_at + ?", 9_000 * DAY)
    retention = Retention(desk.database, KEEP)
    for _ in range(4):
        live(desk, 10)
        prune(desk, retention=retention)
    assert count(desk, "runs") < 30


@pytest.mark.parametrize("seconds", [0.0001, 0.009, 0.5])
def test_batches_shrink_and_grow_with_what_they_take(
    seconds: float, make_desk: Callable[..., Any], tmp_path: Any
) -> None:
    desk = make_desk(tmp_path / "tocsin.db")
    pace = Retention(desk.database, KEEP).pace
    sizes = []
    for _ in range(8):
        pace.note(seconds)
        sizes.append(pace.size)
    assert sizes == sorted(sizes, reverse=seconds > 0.1)
    assert {0.0001: 1_000, 0.009: 200, 0.5: 50}[seconds] == pace.size
    assert pace.rest == 4 * seconds


def test_a_retried_run_that_was_pruned_is_unknown(desk: Any) -> None:
    desk.order(every("1d"), key="a", policy=None)
    live(desk, 1, outcome="failed", retryable=False)
    run_id = desk.runs(1)[0].id
    live(desk, 30)
    prune(desk)
    [answer] = desk.execute(c.RetryRun(run_id)).answers
    assert answer.code == "UNKNOWN_RUN"
