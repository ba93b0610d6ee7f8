"""Pausing, resuming, cancelling, running at once, claiming."""

from typing import Any

import pytest

from tocsin.core.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND, from_instant
from tocsin.core.errors import InvalidTask, TaskEnded
from tocsin.core.events import OccurrenceSkipped
from tocsin.core.schedule import at, cron, every


def test_a_paused_task_plans_nothing_and_says_why(story: Any) -> None:
    story.order(every("5m"))
    story.pause("holiday")
    assert story.ring(after=HOUR) == []
    assert (story.task.status, story.task.reason) == ("paused", "holiday")


def test_pausing_twice_is_one_event(story: Any) -> None:
    story.order(every("5m"))
    story.pause("holiday")
    assert story.pause() == []
    assert story.pause("another reason") == []
    assert story.task.reason == "holiday"


def test_a_task_that_was_stored_paused_may_be_given_a_reason(story: Any) -> None:
    story.order(every("5m"), paused=True)
    story.pause("disabled in the configuration")
    assert story.task.reason == "disabled in the configuration"


def test_what_a_pause_missed_is_skipped_with_reason_and_count(story: Any) -> None:
    story.order(every("5m"))
    story.pause()
    story.now += 17 * MINUTE
    skipped, _ = story.resume()
    assert isinstance(skipped, OccurrenceSkipped)
    assert (skipped.count, skipped.reason) == (3, "paused at the time")
    assert (skipped.due_at, skipped.until) == (story.now - 12 * MINUTE, story.now - 2 * MINUTE)
    assert story.task.next_at == story.now + 3 * MINUTE
    assert story.statuses() == ["skipped"]


def test_a_long_pause_of_a_busy_task_is_skipped_in_bounded_time(story: Any) -> None:
    story.order(every("1ms"))
    story.pause()
    story.now += 365 * DAY
    skipped, _ = story.resume()
    assert skipped.until == story.now
    assert skipped.count >= 1_000
    assert story.task.next_at == story.now + MILLISECOND


def test_a_resume_before_the_next_occurrence_loses_nothing(story: Any) -> None:
    story.order(every("5m"))
    story.pause()
    story.now += MINUTE
    story.resume()
    assert story.task.next_at == story.now + 4 * MINUTE
    assert story.runs == {}


def test_a_one_shot_that_passed_while_it_was_paused_runs_at_once(story: Any) -> None:
    story.order(at("in 5 minutes"))
    story.pause()
    story.now += HOUR
    story.resume()
    story.ring()
    assert story.statuses() == ["pending"]
    assert story.dues() == [300]


def test_resuming_an_active_task_is_no_event(story: Any) -> None:
    story.order(every("5m"))
    assert story.resume() == []


def test_a_task_that_cannot_be_read_is_not_resumed(story: Any) -> None:
    story.order(every("5m"))
    story.pause()
    story.task.schedule_json = "{broken"
    with pytest.raises(InvalidTask, match=r"report.*cannot be read.*schedule it again"):
        story.resume()


@pytest.mark.parametrize("verb", ["pause", "resume", "update"])
def test_an_ended_task_refuses_changes(story: Any, verb: str) -> None:
    story.order(every("5m"))
    story.cancel()
    with pytest.raises(TaskEnded, match=r"report is cancelled.*schedule it again"):
        getattr(story, verb)()


def test_a_cancel_ends_what_waits_and_leaves_what_runs_to_stop(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "allow"})
    story.ring(after=5 * MINUTE)
    running = story.claim()
    story.ring(after=5 * MINUTE)
    story.cancel("enough")
    assert story.statuses() == ["executing", "cancelled"]
    assert story.runs[2].reason == "enough"
    assert story.ring(after=HOUR) == []
    story.finish(running, "cancelled")
    assert running.status == "cancelled"
    assert (story.task.status, story.task.reason) == ("cancelled", "enough")


def test_cancelling_twice_is_one_event(story: Any) -> None:
    story.order(every("5m"))
    story.cancel()
    assert story.cancel("again") == []


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("timed_out", "timed_out"),
        ("cancelled", "cancelled"),
        ("interrupted", "cancelled"),
        ("rejected", "cancelled"),
    ],
)
@pytest.mark.parametrize("manual", [False, True])
def test_the_last_run_of_a_cancelled_task_ends_whatever_comes(
    story: Any, outcome: str, status: str, manual: bool
) -> None:
    story.order(every("5m"), options={"retries": 5})
    run = story.run_now() if manual else None
    story.ring(after=5 * MINUTE)
    run = story.claim(run)
    story.cancel()
    story.finish(run, outcome)
    assert run.status == status
    assert story.task.runs == {}
    assert story.task.status == "cancelled"


def test_the_lost_run_of_a_cancelled_task_is_not_made_again(story: Any) -> None:
    story.order(every("5m"))
    story.ring(after=5 * MINUTE)
    run = story.claim()
    story.cancel()
    story.lose(run)
    assert (run.status, story.task.runs) == ("failed", {})


# ---------------------------------------------------------------- beside the schedule


def test_a_run_now_stands_beside_the_schedule(story: Any) -> None:
    story.order(every("5m"))
    before = story.task.next_at
    run = story.run_now()
    assert (run.cause, run.due_at, run.status) == ("manual", story.now, "pending")
    assert story.task.next_at == before
    assert story.claimable() == [run]


def test_many_runs_at_the_same_instant_have_instants_of_their_own(story: Any) -> None:
    story.order(every("1ms"))
    for _ in range(1_500):
        story.run_now()
    story.ring(after=5 * MILLISECOND)
    dues = [run.due_at for run in story.runs.values()]
    assert len(set(dues)) == len(dues)


@pytest.mark.parametrize("when", [every("5m"), cron("5 9 * * *"), at("in 5 minutes")])
@pytest.mark.parametrize("early", [0, 1, MINUTE])
def test_a_run_now_never_takes_the_instant_of_an_occurrence(
    story: Any, when: Any, early: int
) -> None:
    story.order(when)
    story.now += 5 * MINUTE - early
    story.run_now()
    story.run_now()
    story.ring(after=early)
    assert sorted(run.cause for run in story.runs.values()) == ["manual", "manual", "schedule"]
    assert len({run.due_at for run in story.runs.values()}) == 3


def test_a_run_now_of_a_late_alarm_leaves_the_late_occurrence_alone(story: Any) -> None:
    story.order(every("5m"))
    story.now += 10 * MINUTE
    manual = story.run_now()
    story.ring()
    assert manual.due_at not in {r.due_at for r in story.runs.values() if r is not manual}
    assert [r.due_at for r in story.runs.values() if r.cause == "schedule"]


@pytest.mark.parametrize("pause", [False, True])
def test_a_completed_or_paused_task_can_be_run_once_more(story: Any, pause: bool) -> None:
    story.order(at("in 5 minutes"))
    if pause:
        story.pause()
    else:
        story.ring(after=5 * MINUTE)
        story.finish(story.claim())
    status = story.task.status
    run = story.run_now()
    story.finish(story.claim(run))
    assert run.status == "succeeded"
    assert story.task.status == status


def test_a_cancelled_task_is_not_run_at_once(story: Any) -> None:
    story.order(every("5m"))
    story.cancel()
    with pytest.raises(TaskEnded, match="schedule it again to run it"):
        story.run_now()


# ---------------------------------------------------------------- claiming


def test_occurrences_of_one_task_run_one_at_a_time_by_default(story: Any) -> None:
    story.order(every("5m"), options={"catch_up": "all"})
    story.ring(after=15 * MINUTE)
    assert len(story.claimable()) == 1
    first = story.claim()
    assert story.claimable() == []
    story.finish(first)
    assert len(story.claimable()) == 1


def test_overlap_allow_lets_them_run_together(story: Any) -> None:
    options = {"catch_up": "all", "overlap": "allow", "catch_up_spacing": 0}
    story.order(every("5m"), options=options)
    story.ring(after=15 * MINUTE)
    story.claim()
    assert len(story.claimable()) == 2


def test_a_manual_run_waits_for_nobody_and_a_planned_one_waits_for_it(story: Any) -> None:
    story.order(every("5m"))
    story.ring(after=5 * MINUTE)
    story.claim()
    manual = story.run_now()
    assert story.claimable() == [manual]


def test_a_retry_is_claimable_only_at_its_time(story: Any) -> None:
    story.order(every("5m"))
    story.ring(after=5 * MINUTE)
    run = story.claim()
    story.finish(run, "failed")
    assert story.claimable() == []
    story.now = run.ready_at
    assert story.claimable() == [run]


def test_a_paused_task_holds_its_waiting_runs_but_not_manual_ones(story: Any) -> None:
    story.order(every("5m"))
    story.ring(after=5 * MINUTE)
    story.pause()
    assert story.claimable() == []
    manual = story.run_now()
    assert story.claimable() == [manual]
    story.resume()
    assert len(story.claimable()) == 2


def test_a_quarantined_task_holds_every_run(story: Any) -> None:
    story.order(every("5m"))
    story.ring(after=5 * MINUTE)
    story.finish(story.claim(), "rejected", error="its signature does not match")
    story.run_now()
    assert story.task.status == "quarantined"
    assert story.claimable() == []


def test_every_claim_raises_attempt_and_fence(story: Any) -> None:
    story.order(every("5m"), options={"retries": 3, "retry_delay": 0})
    story.ring(after=5 * MINUTE)
    run = story.runs[1]
    for expected in (1, 2, 3):
        story.claim(run)
        assert (run.attempt, run.fence, run.incarnation) == (expected, expected, "life 1")
        story.finish(run, "failed")
        assert run.incarnation is None


def test_the_record_shows_the_planned_moment(story: Any) -> None:
    story.order(cron("30 9 * * *"))
    story.ring(after=45 * MINUTE)
    assert from_instant(story.runs[1].due_at).isoformat() == "2026-03-02T09:30:00+00:00"
    assert story.now - story.runs[1].due_at == 15 * 60 * SECOND
