"""Limits over all runs of a database: who waits, for what, and whose turn it is."""

from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import DAY, HOUR, MINUTE, SECOND
from tocsin.core.options import policy_with
from tocsin.core.policy import Policy
from tocsin.core.schedule import every, now
from tocsin.storage.claims import Claims
from tocsin.storage.ledger import Ledger

pytestmark = pytest.mark.databases


def _policy(**options: Any) -> Policy:
    return policy_with(Policy(), options)


def _orders(desk: Any, count: int, *, handler: str = "mail", **options: Any) -> list[int]:
    entries = [c.NewEntry(now(), handler=handler, policy=_policy(**options)) for _ in range(count)]
    return [reply["scheduler_id"] for reply in desk.ask(c.NewEntries(entries))]


def _started(desk: Any, *task_ids: int, slots: int = 1_000, after: int = 1) -> list[Any]:
    starts: list[Any] = desk.ring(*task_ids, after=after, slots=slots)
    return starts


def _waits(desk: Any) -> dict[str | None, int]:
    rows = desk.rows(
        "SELECT waits_for, count(*) FROM runs WHERE status = 'pending' GROUP BY waits_for"
    )
    return dict(rows)


def test_no_more_runs_execute_than_the_concurrency_allows(desk: Any) -> None:
    first, second = _started(desk, *_orders(desk, 5, concurrency=2))
    assert _waits(desk) == {"concurrency limit of mail": 3}
    (third,) = desk.finish(first, slots=10).starts
    (fourth,) = desk.finish(third, slots=10).starts
    (fifth,) = desk.finish(second, slots=10).starts
    assert len({s.task_id for s in (first, second, third, fourth, fifth)}) == 5
    assert desk.finish(fourth, slots=10).starts == []
    assert _waits(desk) == {}


def test_another_target_has_limits_of_its_own_unless_they_share_a_key(desk: Any) -> None:
    mail = _orders(desk, 2, concurrency=1)
    push = _orders(desk, 2, handler="push", concurrency=1)
    assert len(_started(desk, *mail, *push)) == 2
    shared = [
        *_orders(desk, 1, concurrency=1, limit_key="api"),
        *_orders(desk, 1, handler="push", concurrency=1, limit_key="api"),
    ]
    assert len(_started(desk, *shared)) == 1


def test_a_rate_is_exact_and_wakes_one_run_for_each_start(desk: Any) -> None:
    tasks = _orders(desk, 30, rate="10/minute")
    assert len(_started(desk, *tasks)) == 10
    events = "SELECT count(*) FROM events WHERE type = 'RunDeferred'"
    assert desk.rows(events) == [(20,)]
    (alarm,) = desk.alarms().items()
    assert alarm[1] == desk.clock.now() + MINUTE
    assert _started(desk, after=MINUTE - 1) == []
    assert len(_started(desk, alarm[0])) == 10
    assert desk.rows(events) == [(21,)], "one is woken, the other nine are not looked at"
    assert len(desk.alarms()) == 1


def test_a_rate_holds_across_a_restart_and_remembers_no_more_than_it_must(
    desk: Any, make_desk: Any
) -> None:
    tasks = _orders(desk, 12, rate="5/minute")
    assert len(_started(desk, *tasks)) == 5
    later = make_desk(desk.database.url, desk.clock)
    assert later.execute(slots=100).starts == []
    (alarm,) = later.alarms()
    assert len(_started(later, alarm, after=MINUTE)) == 5
    assert later.rows("SELECT count(*) FROM starts") == [(5,)]
    later.close()


def test_when_the_one_that_would_wake_is_cancelled_another_does(desk: Any) -> None:
    tasks = _orders(desk, 3, rate="1/minute")
    _started(desk, *tasks)
    (alarm,) = desk.alarms()
    desk.execute(c.CancelTask(alarm), slots=10)
    (heir,) = desk.alarms()
    assert heir != alarm
    assert [s.task_id for s in _started(desk, heir, after=MINUTE)] == [heir]


def test_a_pause_lets_others_go_first_and_a_resume_finds_it_again(desk: Any) -> None:
    first, second, third = _orders(desk, 3, concurrency=1)
    (start,) = _started(desk, first, second, third)
    desk.execute(c.PauseTask(second), slots=10)
    (next_,) = desk.finish(start, slots=10).starts
    assert next_.task_id == third
    desk.finish(next_, slots=10)
    commit = desk.execute(c.ResumeTask(second), slots=10)
    assert [s.task_id for s in commit.starts] == [second]


def test_resources_are_held_while_a_run_executes(desk: Any) -> None:
    desk.ledger = Ledger(
        desk.database, desk.clock, desk.opened.drafts, Claims("life 1", {"gpu": 2})
    )
    big, *small = [*_orders(desk, 1, resources={"gpu": 2}), *_orders(desk, 3, resources="gpu")]
    (start,) = _started(desk, big, *small)
    assert start.task_id == big
    assert _waits(desk) == {"resource gpu": 3}
    assert len(desk.finish(start, slots=10).starts) == 2


def test_a_resource_that_nobody_offers_waits_and_says_so(desk: Any) -> None:
    assert _started(desk, *_orders(desk, 1, resources="gpu")) == []
    assert _waits(desk) == {"resource gpu": 1}


def test_a_blocked_head_does_not_keep_the_others_behind_it(desk: Any) -> None:
    limited = _orders(desk, 300, concurrency=1)
    free = _orders(desk, 5, handler="push")
    desk.ring(*limited, *free, after=1, slots=0)
    started: list[int] = []
    for _ in range(2):
        started += [s.task_id for s in desk.execute(slots=100).starts]
    assert set(free) <= set(started)
    assert len(started) == 6


def test_many_thousand_that_wait_cost_one_event_each(desk: Any) -> None:
    tasks = _orders(desk, 3_000, rate="100/minute")
    desk.ring(*tasks, after=1, slots=0)
    started = 0
    for _ in range(10):
        started += len(desk.execute(slots=500).starts)
    assert started == 100
    deferred = desk.rows("SELECT count(*) FROM events WHERE type = 'RunDeferred'")
    assert deferred[0][0] <= 3_000
    assert desk.execute(slots=500).starts == []
    assert desk.rows("SELECT count(*) FROM events WHERE type = 'RunDeferred'") == deferred


def test_the_more_important_goes_first_also_when_it_came_later(desk: Any) -> None:
    first, *others = _orders(desk, 3, concurrency=1)
    (start,) = _started(desk, first, *others)
    (urgent,) = _orders(desk, 1, concurrency=1, priority=5)
    assert _started(desk, urgent, after=SECOND) == []
    (next_,) = desk.finish(start, slots=10).starts
    assert next_.task_id == urgent


@pytest.mark.parametrize("outcome", ["failed", "timed_out", "cancelled", "interrupted"])
def test_however_a_run_ends_it_gives_back_what_it_held(desk: Any, outcome: str) -> None:
    first, second = _orders(desk, 2, concurrency=1, retries=0)
    (start,) = _started(desk, first, second)
    (next_,) = desk.finish(start, outcome, slots=10).starts
    assert next_.task_id == second, "it has waited longer"


def test_a_run_lost_in_a_crash_gives_back_what_it_held(desk: Any) -> None:
    first, second = _orders(desk, 2, concurrency=1, delivery="at_most_once")
    _started(desk, first, second)
    commit = desk.execute(c.RescueRuns(), slots=10)
    assert [s.task_id for s in commit.starts] == [second]


def test_a_higher_limit_lets_those_start_that_waited(desk: Any) -> None:
    tasks = _orders(desk, 4, concurrency=1)
    _started(desk, *tasks)
    command = [c.UpdateTask(task, policy={"concurrency": 3}) for task in tasks]
    assert len(desk.execute(*command, slots=10).starts) == 2


def test_a_recurring_task_under_a_rate_skips_nothing_silently(desk: Any) -> None:
    task = desk.order(every("1m"), policy=_policy(rate="1/5m", overlap="skip"), key="t")
    desk.finish(*_started(desk, task, after=MINUTE))
    assert _started(desk, task, after=MINUTE) == []
    desk.ring(task, after=MINUTE)
    runs = desk.runs(task)
    assert [run.status for run in runs] == ["succeeded", "pending", "skipped"]
    assert runs[1].waits_for == "rate limit 1/5m of report.build"


@pytest.mark.parametrize("limit", [{"rate": "1/minute"}, {"concurrency": 1}])
def test_s14_what_waits_for_a_limit_when_the_clock_is_set_back_waits_no_longer(
    desk: Any, limit: dict[str, Any]
) -> None:
    ids = [desk.order(every("1h"), handler="mail", policy=_policy(**limit)) for _ in range(3)]
    (first,) = _started(desk, *ids, after=HOUR)
    assert sum(_waits(desk).values()) == 2
    desk.clock.instant -= DAY
    assert desk.execute(c.ClockStepped(-DAY), slots=10).starts == []
    started = [first.task_id]
    for _ in ids[1:]:
        desk.finish(first)
        (first,) = _started(desk, *ids, after=MINUTE)
        started.append(first.task_id)
    assert started == ids, "in their order"
