"""What the end of an attempt means."""

from typing import Any

import pytest

from tocsin.core.clock import HOUR, MINUTE, SECOND
from tocsin.core.commands import BeginRun
from tocsin.core.notices import notices
from tocsin.core.outcomes import MOST_LOST, begin, finish, rescue, rescue_unreadable
from tocsin.core.policy import LONGEST_DELAY
from tocsin.core.schedule import after, at, every
from tocsin.core.state import wake_at


def running(story: Any, when: Any = None, **options: Any) -> Any:
    """A run of a fresh task, being executed."""
    story.order(when or every("1d"), options=options)
    run = story.run_now() if when is None else None
    if run is None:
        story.now = story.task.next_at
        story.ring()
    return story.claim(run)


def test_a_success_is_recorded_with_its_result(story: Any) -> None:
    run = running(story, every("5m"))
    story.finish(run, "succeeded", result={"rows": 3})
    assert (run.status, run.result, run.attempt) == ("succeeded", {"rows": 3}, 1)
    assert (story.task.run_count, story.task.last_status) == (1, "succeeded")
    assert story.task.last_run_at == story.now
    assert story.task.runs == {}


def test_a_failure_is_tried_again_after_one_two_and_four_minutes_and_then_final(story: Any) -> None:
    run = running(story, every("1h"))
    for wait in (60, 120, 240):
        story.finish(run, "failed", error="no")
        assert run.status == "pending"
        assert run.ready_at == story.now + wait * SECOND
        assert wake_at(story.task, story.now) == run.ready_at
        story.now = run.ready_at
        story.claim(run)
    story.finish(run, "failed", error="still no")
    assert (run.status, run.attempt, run.error) == ("failed", 4, "still no")
    assert story.task.status == "active"
    assert story.task.last_run_at is None


@pytest.mark.parametrize(
    ("options", "waits"),
    [
        ({"retries": 0}, []),
        ({"retries": 2, "retry_delay": "10s", "backoff": "fixed"}, [10, 10]),
        ({"retries": 3, "retry_delay": 5, "backoff": "linear"}, [5, 10, 15]),
    ],
)
def test_retries_follow_the_policy(story: Any, options: Any, waits: list[int]) -> None:
    run = running(story, every("1h"), **options)
    for wait in waits:
        story.finish(run, "timed_out")
        assert run.ready_at == story.now + wait * SECOND
        story.now = run.ready_at
        story.claim(run)
    story.finish(run, "timed_out")
    assert run.status == "timed_out"


def test_what_cannot_be_helped_is_not_tried_again(story: Any) -> None:
    run = running(story, every("1h"))
    story.finish(run, "failed", error="refused", retryable=False)
    assert (run.status, run.attempt) == ("failed", 1)


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [(10 * SECOND, 60 * SECOND), (HOUR, HOUR), (1 << 80, LONGEST_DELAY)],
)
def test_a_retry_waits_at_least_as_long_as_was_asked_for(
    story: Any, retry_after: int, wait: int
) -> None:
    run = running(story, every("1d"))
    story.finish(run, "failed", retry_after=retry_after)
    assert run.ready_at == story.now + wait


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("succeeded", "completed"), ("failed", "failed"), ("cancelled", "failed")],
)
def test_a_one_shot_ends_its_task(story: Any, outcome: str, status: str) -> None:
    run = running(story, at("in 5 minutes"), retries=0)
    story.finish(run, outcome)
    assert story.task.status == status


def test_a_retried_one_shot_that_succeeds_completes_its_failed_task(story: Any) -> None:
    story.finish(running(story, at("in 5 minutes"), retries=0), "failed")
    story.finish(story.claim(story.run_now()))
    assert (story.task.status, story.task.reason) == ("completed", None)


def test_a_recurring_task_goes_on_after_a_failure_unless_told_to_stop(story: Any) -> None:
    story.finish(running(story, every("5m"), retries=0), "failed", error="no")
    assert story.task.status == "active"
    story.update(policy={"on_exhausted": "disable"})
    story.ring(after=5 * MINUTE)
    story.finish(story.claim(), "failed", error="no")
    assert (story.task.status, story.task.reason, story.task.next_at) == ("failed", "no", None)


def test_a_task_that_waits_for_others_is_not_over_with_its_run(story: Any) -> None:
    story.order(after("extract"))
    story.finish(story.claim(story.run_now()), "succeeded")
    assert story.task.status == "active"


def test_a_task_that_fails_leaves_no_run_waiting_for_ever(story: Any) -> None:
    story.order(
        every("5m"),
        options={
            "retries": 0, "on_exhausted": "disable", "overlap": "allow", "catch_up": "all",
            "catch_up_spacing": 0,
        },
    )  # fmt: skip
    story.ring(after=20 * MINUTE)
    first, second, third, fourth = story.runs.values()
    for run in (first, second, third):
        story.claim(run)
    story.finish(first, "failed", error="no")
    assert story.task.status == "failed"
    assert (fourth.status, fourth.reason) == ("cancelled", "the task failed")
    story.finish(second, "interrupted")
    assert second.status == "cancelled"
    story.lose(third)
    assert third.status == "failed"
    assert story.task.runs == {}


def test_a_task_that_fails_with_a_cancelled_run_leaves_none_waiting_either(story: Any) -> None:
    story.order(every("5m"), options={"on_exhausted": "disable", "catch_up": "all"})
    story.ring(after=10 * MINUTE)
    story.finish(story.claim(), "cancelled")
    assert (story.task.status, story.task.runs) == ("failed", {})


def test_a_cancelled_attempt_is_not_tried_again(story: Any) -> None:
    run = running(story, every("5m"))
    story.finish(run, "cancelled")
    assert (run.status, story.task.status) == ("cancelled", "active")


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "interrupted", "rejected", "cancelled"])
def test_a_stale_or_foreign_report_is_refused(story: Any, outcome: str) -> None:
    run = running(story, every("5m"))
    assert finish(story.task, story.done(run, outcome, fence=0), story.now) is None
    assert finish(story.task, story.done(run, outcome, fence=2), story.now) is None
    story.lose(run)
    assert finish(story.task, story.done(run, outcome), story.now) is None, "nobody executes it"
    story.claim(run)
    assert finish(story.task, story.done(run, outcome, fence=1), story.now) is None
    story.finish(run)
    assert finish(story.task, story.done(run, outcome), story.now) is None, "it has ended"


def test_an_interrupted_attempt_costs_nothing_but_its_fence(story: Any) -> None:
    run = running(story, every("5m"), retries=0)
    for fence in (1, 2, 3):
        assert (run.attempt, run.fence) == (1, fence)
        story.finish(run, "interrupted")
        assert (run.status, run.attempt, run.ready_at) == ("pending", 0, story.now)
        story.claim(run)
    story.finish(run)
    assert (run.status, run.attempt) == ("succeeded", 1)


def test_a_rejected_entry_quarantines_the_task_and_holds_the_run(story: Any) -> None:
    run = running(story, every("5m"), notify_failure="phone")
    (held, quarantined) = story.finish(run, "rejected", error="its signature does not match")
    assert (run.status, run.attempt) == ("pending", 0)
    assert run.reason == "held: its signature does not match"
    assert (story.task.status, story.task.reason) == (
        "quarantined",
        "its signature does not match",
    )
    (notice,) = notices([held, quarantined], {1: story.task})
    assert notice.to == ("phone",)
    assert "its signature does not match" in notice.message
    assert story.ring(after=HOUR) == []
    assert wake_at(story.task, story.now) is None


def test_a_repaired_task_runs_what_was_held_and_skips_what_it_missed(story: Any) -> None:
    run = running(story, every("5m"))
    story.finish(run, "rejected")
    story.now += 12 * MINUTE
    story.resume()
    assert story.task.status == "active"
    skipped = [r for r in story.runs.values() if r.status == "skipped"]
    assert [(r.count, r.reason) for r in skipped] == [(2, "quarantined at the time")]
    story.finish(story.claim(run))
    assert run.status == "succeeded"


def test_two_rejected_runs_quarantine_the_task_once(story: Any) -> None:
    options = {"overlap": "allow", "catch_up": "all", "catch_up_spacing": 0}
    story.order(every("5m"), options=options)
    story.ring(after=10 * MINUTE)
    first, second = story.claim(story.runs[1]), story.claim(story.runs[2])
    assert len(story.finish(first, "rejected")) == 2
    assert len(story.finish(second, "rejected")) == 1
    assert {run.status for run in story.runs.values()} == {"pending"}


def test_failures_for_good_are_news_and_retries_only_a_line_in_the_log(story: Any) -> None:
    run = running(story, every("1d"), retries=1, notify_failure=["phone", "mail"])
    first = story.finish(run, "failed", error="no")
    [line] = notices(first, {1: story.task})
    assert (line.to, line.log) == ((), "attempt 1 failed (no), again in 1m")
    story.now = run.ready_at
    story.claim(run)
    (notice,) = notices(story.finish(run, "failed", error="still no"), {1: story.task})
    assert notice.title == "Task report failed"
    assert notice.message == "report.build failed after 2 attempts: still no"
    assert notice.to == ("phone", "mail")


# ---------------------------------------------------------------- rescue


def test_a_lost_attempt_is_made_again_with_the_next_number(story: Any) -> None:
    run = running(story, every("5m"))
    story.lose(run)
    assert (run.status, run.reason, run.ready_at) == ("pending", "lost in a crash", story.now)
    story.claim(run)
    assert (run.attempt, run.fence) == (2, 2)


def test_an_attempt_that_is_alive_is_not_rescued(story: Any) -> None:
    run = running(story, every("5m"))
    assert rescue(story.task, {(run.id, run.fence)}, story.now) == []
    assert rescue(story.task, {(run.id, run.fence - 1)}, story.now) != []


def test_at_most_once_fails_what_may_have_been_called_and_says_so(story: Any) -> None:
    run = running(story, every("5m"), delivery="at_most_once")
    story.begin(run)
    story.lose(run)
    assert run.status == "failed"
    assert run.error == "lost in a crash; whether it was called is unknown"
    assert story.task.status == "active"


def test_at_most_once_makes_again_what_was_claimed_and_never_called(story: Any) -> None:
    run = running(story, every("5m"), delivery="at_most_once")
    story.lose(run)
    assert (run.status, run.reason, run.ready_at) == ("pending", "lost in a crash", story.now)
    story.claim(run)
    story.begin(run)
    story.lose(run)
    assert (run.status, run.attempt) == ("failed", 2)


def test_a_beginning_is_recorded_once_and_only_for_the_attempt_that_counts(story: Any) -> None:
    run = running(story, every("5m"), delivery="at_most_once")
    assert story.begin(run)
    assert run.started_at == story.now
    assert story.begin(run) == []
    stale = BeginRun(run.id, story.task.id, run.fence - 1)
    assert begin(story.task, stale, story.now) is None
    story.finish(run, "failed", retryable=True)
    assert begin(story.task, BeginRun(run.id, story.task.id, run.fence), story.now) is None


def test_at_most_once_does_not_make_again_what_a_shutdown_interrupted(story: Any) -> None:
    run = running(story, every("5m"), delivery="at_most_once")
    story.begin(run)
    story.finish(run, "interrupted")
    assert run.status == "failed"
    assert run.error == "interrupted by a shutdown; how far it came is unknown"


def test_at_most_once_makes_again_what_a_shutdown_kept_from_being_called(story: Any) -> None:
    run = running(story, every("5m"), delivery="at_most_once")
    story.finish(run, "interrupted")
    assert (run.status, run.attempt) == ("pending", 0)


def test_what_may_have_been_called_is_not_made_again_when_its_policy_cannot_be_read(
    story: Any,
) -> None:
    run = running(story, every("5m"), delivery="at_most_once")
    story.begin(run)
    story.tell(rescue_unreadable(story.task, set(), ValueError("no policy"), story.now))
    assert (run.status, story.task.status) == ("failed", "quarantined")


def test_a_one_shot_lost_at_most_once_fails_its_task(story: Any) -> None:
    run = running(story, at("in 5 minutes"), delivery="at_most_once")
    story.begin(run)
    story.lose(run)
    assert (run.status, story.task.status) == ("failed", "failed")


def test_a_run_that_kills_its_process_each_time_is_given_up(story: Any) -> None:
    run = running(story, every("1d"), retries=0)
    for attempt in range(1, MOST_LOST):
        assert (run.status, run.attempt) == ("executing", attempt)
        story.lose(run)
        assert run.status == "pending"
        story.now = run.ready_at
        story.claim(run)
    story.lose(run)
    assert (run.status, run.attempt) == ("failed", MOST_LOST)


def test_runs_lost_again_wait_longer_each_time(story: Any) -> None:
    run = running(story, every("1d"))
    waits = []
    for _ in range(4):
        story.lose(run)
        waits.append((run.ready_at - story.now) // SECOND)
        story.now = run.ready_at
        story.claim(run)
    assert waits == [0, 60, 120, 240]
