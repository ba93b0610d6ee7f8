"""What ordering a task means: new, again, changed, after its end."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin.core.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND, from_instant
from tocsin.core.events import RunDeferred, TaskScheduled, TaskUpdated
from tocsin.core.schedule import Bounded, after, at, cron, every, now

PAST = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "seconds"),
    [
        (at(NOON), 3 * 3600),
        (at("in 5 minutes"), 300),
        (at("12:00"), 3 * 3600),
        (every("5m"), 300),
        (cron("30 9 * * *"), 1800),
        (cron("0 9 * * *"), 24 * 3600),
        (now(), 0),
    ],
)
def test_a_new_task_first_runs_when_its_rule_says(story: Any, when: Any, seconds: int) -> None:
    story.order(when)
    assert story.task.next_at == story.now + seconds * SECOND
    assert story.task.status == "active"


def test_a_moment_in_the_past_is_due_at_once_under_its_own_instant(story: Any) -> None:
    story.order(at(PAST))
    assert from_instant(story.task.next_at) == PAST
    story.ring()
    assert story.statuses() == ["pending"]
    assert from_instant(story.runs[1].due_at) == PAST


def test_a_task_after_others_waits_for_no_time(story: Any) -> None:
    story.order(after("extract"))
    assert story.task.next_at is None
    assert story.ring() == []


@pytest.mark.parametrize(
    "when",
    [
        at(NOON),
        at("12:00"),
        at("2026-03-02T12:00Z"),
        every("5m"),
        every("1 month"),
        cron("0 9 * * 1-5", tz="Europe/Berlin"),
        Bounded(every("5m"), start=1, end=None),
        after("extract"),
    ],
)
@pytest.mark.parametrize("later", [0, MINUTE, HOUR])
def test_an_unchanged_definition_changes_nothing(story: Any, when: Any, later: int) -> None:
    story.order(when, metadata={"a": [1]}, options={"retries": 5})
    story.now += later
    assert story.order(when, entry_id=2, metadata={"a": [1]}, options={"retries": 5}) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"when": every("6m")},
        {"digest": "d2"},
        {"options": {"retries": 4}},
        {"metadata": {"a": 1}},
    ],
)
def test_a_changed_definition_updates_the_task_in_place(
    story: Any, changes: dict[str, Any]
) -> None:
    story.order(every("5m"))
    story.now += MINUTE
    (event,) = story.order(**{"when": every("5m"), "entry_id": 7, **changes})
    assert isinstance(event, TaskUpdated)
    assert story.task.id == 1
    kept = "when" not in changes
    assert story.task.next_at == story.now + (4 if kept else 6) * MINUTE
    assert story.task.entry_id == (7 if "digest" in changes else 1)
    assert (event.schedule is None) == kept


def test_a_relative_phrase_is_counted_again_with_every_order(story: Any) -> None:
    story.order(at("in 5 minutes"))
    story.now += MINUTE
    story.order(at("in 5 minutes"))
    assert story.task.next_at == story.now + 5 * MINUTE


def test_a_relative_phrase_inside_another_schedule_is_counted_again_too(story: Any) -> None:
    within = Bounded(at("in 5 minutes"), start=1, end=None)
    story.order(within)
    story.now += MINUTE
    story.order(within)
    assert story.task.next_at == story.now + 5 * MINUTE


def test_now_means_now_again_with_every_order(story: Any) -> None:
    story.order(now())
    story.ring()
    story.finish(story.claim())
    assert story.task.status == "completed"
    story.now += HOUR
    story.order(now())
    story.ring()
    assert story.statuses() == ["succeeded", "pending"]


@pytest.mark.parametrize("when", [at(NOON), at("2026-03-02T12:00Z")])
def test_a_completed_task_stays_completed_when_the_program_starts_again(
    story: Any, when: Any
) -> None:
    story.order(when)
    story.ring(after=3 * HOUR)
    story.finish(story.claim())
    assert story.task.status == "completed"
    story.now += DAY
    assert story.order(when, entry_id=2) == []
    assert story.task.status == "completed"


def test_a_time_of_day_that_has_rung_means_tomorrow_when_it_is_ordered_again(story: Any) -> None:
    story.order(at("12:00"))
    story.ring(after=3 * HOUR)
    story.finish(story.claim())
    story.now += MINUTE
    (event,) = story.order(at("12:00"))
    assert isinstance(event, TaskScheduled)
    assert from_instant(story.task.next_at) == datetime(2026, 3, 3, 12, tzinfo=UTC)


def test_a_completed_task_whose_entry_changed_runs_again_as_a_new_occurrence(story: Any) -> None:
    story.order(at(NOON))
    story.ring(after=3 * HOUR)
    story.finish(story.claim())
    story.now += HOUR
    story.order(at(NOON), digest="d2")
    story.ring()
    assert story.statuses() == ["succeeded", "pending"]
    assert len({run.due_at for run in story.runs.values()}) == 2


def test_a_failed_task_stays_failed_until_its_definition_changes(story: Any) -> None:
    story.order(at(NOON), options={"retries": 0})
    story.ring(after=3 * HOUR)
    story.fail_for_good(story.runs[1])
    assert story.task.status == "failed"
    assert story.order(at(NOON), options={"retries": 0}) == []
    story.order(at(NOON), digest="d2", options={"retries": 0})
    assert story.task.status == "active"


def test_a_cancelled_task_comes_back_when_it_is_ordered_again(story: Any) -> None:
    story.order(every("5m"))
    story.cancel("enough")
    story.now += HOUR
    story.order(every("5m"))
    assert (story.task.status, story.task.reason) == ("active", None)
    assert story.task.next_at == story.now + 5 * MINUTE


@pytest.mark.parametrize("digest", ["d1", "d2"])
def test_a_cancelled_task_stays_cancelled_without_revive(story: Any, digest: str) -> None:
    story.order(every("5m"))
    story.cancel()
    assert story.order(every("5m"), digest=digest, revive=False) == []
    assert story.task.status == "cancelled"


def test_a_revived_task_never_plans_an_instant_again_after_the_clock_was_set_back(
    story: Any,
) -> None:
    story.order(cron("*/5 * * * *"))
    story.ring(after=10 * MINUTE)
    story.cancel()
    story.now -= 9 * MINUTE
    story.order(cron("*/5 * * * *"))
    story.ring(after=30 * MINUTE)
    assert len({run.due_at for run in story.runs.values()}) == len(story.runs)
    assert story.dues()[-1] == 1860 - 60


def test_a_task_can_be_stored_paused(story: Any) -> None:
    story.order(every("5m"), paused=True)
    assert story.task.status == "paused"
    assert story.ring(after=HOUR) == []
    assert story.order(every("5m"), paused=True) == []


def test_an_order_keeps_a_task_paused(story: Any) -> None:
    story.order(every("5m"))
    story.pause("holiday")
    story.order(every("7m"))
    assert (story.task.status, story.task.reason) == ("paused", "holiday")


def test_an_unreadable_policy_is_repaired_by_a_new_order(story: Any) -> None:
    story.order(every("5m"))
    story.task.policy_json = "{broken"
    story.order(every("5m"))
    assert story.task.policy.timeout == 300 * SECOND


def test_an_update_is_not_retroactive(story: Any) -> None:
    story.order(every("5m"))
    story.now += 4 * MINUTE
    story.update(every("1m"))
    assert story.task.next_at == story.now + MINUTE
    story.ring(after=MINUTE)
    assert story.statuses() == ["pending"]


def test_an_update_of_the_policy_leaves_schedule_and_next_instant_alone(story: Any) -> None:
    story.order(every("5m"), options={"retries": 7})
    before = story.task.next_at
    story.now += MINUTE
    story.update(policy={"overlap": "allow"})
    assert story.task.next_at == before
    assert story.task.policy.overlap == "allow"
    assert story.task.policy.retry.attempts == 7


def test_an_update_after_the_clock_was_set_back_plans_no_instant_twice(story: Any) -> None:
    story.order(cron("*/5 * * * *"))
    story.ring(after=10 * MINUTE)
    story.now -= 10 * MINUTE
    story.update(cron("*/10 * * * *"))
    assert story.task.next_at == story.now + 20 * MINUTE


def test_an_update_to_the_moment_of_an_earlier_run_makes_another_run(story: Any) -> None:
    story.order(every("5m"))
    story.ring(after=5 * MINUTE)
    story.finish(story.claim())
    story.update(at(from_instant(story.now)))
    story.ring(after=MILLISECOND)
    assert len({run.due_at for run in story.runs.values()}) == 2


@pytest.mark.parametrize("again", [False, True])
def test_a_run_that_waits_for_a_limit_moves_with_the_priority_of_its_task(
    story: Any, again: bool
) -> None:
    story.order(every("5m"), options={"rate": "1/hour"})
    story.ring(after=5 * MINUTE)
    (run,) = story.task.runs.values()
    parked = {"ready_at": run.ready_at + HOUR, "waits_for": "rate limit", "rank": run.ready_at}
    common = {"at": story.now, "tenant": "default", "task_id": 1, "run_id": run.id}
    story.tell([RunDeferred(**common, **parked)])
    if again:
        story.order(every("5m"), options={"rate": "1/hour", "priority": 3})
    else:
        story.update(policy={"priority": 3})
    assert run.rank == parked["rank"] - 3 * MINUTE
    assert (run.ready_at, run.waits_for) == (parked["ready_at"], parked["waits_for"])
    story.update(policy={"retry": {"attempts": 1}})
    assert run.rank == parked["rank"] - 3 * MINUTE
