"""What an occurrence does while earlier runs of its task are unfinished."""

from typing import Any

import pytest

from tocsin.core.clock import MINUTE
from tocsin.core.events import RunCancelled, RunPlanned
from tocsin.core.overlap import to_stop
from tocsin.core.schedule import every

FULL = "overlap: the queue is full (queue_limit = {})"


@pytest.mark.parametrize(
    ("options", "statuses", "reason"),
    [
        ({"overlap": "skip"}, ["executing", "skipped", "skipped", "skipped"],
         "overlap: the previous run is not finished"),
        ({"overlap": "queue"}, ["executing", "pending", "pending", "pending"], None),
        ({"overlap": "queue", "queue_limit": 2}, ["executing", "pending", "pending", "skipped"],
         FULL.format(2)),
        ({"overlap": "queue", "queue_limit": 0}, ["executing", "skipped", "skipped", "skipped"],
         FULL.format(0)),
        ({"overlap": "allow"}, ["executing", "executing", "executing", "executing"], None),
        ({"overlap": "allow", "max_instances": 2},
         ["executing", "executing", "pending", "pending"], None),
        ({"overlap": "allow", "max_instances": 2, "queue_limit": 1},
         ["executing", "executing", "pending", "skipped"], FULL.format(1)),
        ({"overlap": "cancel_running"}, ["executing", "cancelled", "cancelled", "pending"], None),
    ],
)  # fmt: skip
def test_four_occurrences_come_while_none_of_them_ends(
    story: Any, options: dict[str, Any], statuses: list[str], reason: str | None
) -> None:
    story.order(every("5m"), options=options)
    for _ in range(4):
        story.ring(after=5 * MINUTE)
        for run in story.claimable():
            story.claim(run)
    assert story.statuses() == statuses
    assert story.runs[4].reason == reason or statuses[3] == "pending"


def test_queued_occurrences_run_one_at_a_time_in_their_order(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "queue"})
    for _ in range(3):
        story.ring(after=5 * MINUTE)
    for expected in (1, 2, 3):
        first = min(story.claimable(), key=lambda run: run.ready_at)
        assert first.id == expected
        story.claim(first)
        assert story.claimable() == []
        story.finish(first)


@pytest.mark.parametrize("options", [{"overlap": "queue"}, {"overlap": "skip", "catch_up": "all"}])
def test_a_run_that_waits_for_its_retry_holds_back_those_behind_it(
    story: Any, options: dict[str, Any]
) -> None:
    story.order(every("5m"), options={"retry_delay": "1h", **options})
    story.ring(after=15 * MINUTE)
    if options["overlap"] == "queue":
        for _ in range(2):
            story.ring(after=5 * MINUTE)
    first, second, *_ = (run for run in story.runs.values() if run.status == "pending")
    story.finish(story.claim(first), "failed")
    assert (first.status, story.claimable()) == ("pending", [])
    story.now = first.ready_at
    assert story.claimable() == [first]
    story.finish(story.claim(first))
    assert story.claimable() == [second]


def test_a_run_by_hand_waits_for_no_retry_of_another(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "queue", "retry_delay": "1h"})
    story.ring(after=5 * MINUTE)
    story.finish(story.claim(), "failed")
    assert story.run_now() in story.claimable()


def test_a_queue_that_was_full_takes_the_next_occurrence_when_one_has_ended(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "queue", "queue_limit": 1})
    for _ in range(3):
        story.ring(after=5 * MINUTE)
    assert story.statuses() == ["pending", "pending", "skipped"]
    story.finish(story.claim())
    story.ring(after=5 * MINUTE)
    assert story.statuses() == ["succeeded", "pending", "skipped", "pending"]


def test_many_missed_occurrences_fill_the_queue_no_further_than_its_limit(story: Any) -> None:
    options = {"overlap": "queue", "queue_limit": 2, "catch_up": "all"}
    story.order(every("5m"), options=options)
    story.ring(after=30 * MINUTE)
    assert story.statuses().count("pending") == 3
    (skip,) = [run for run in story.runs.values() if run.status == "skipped"]
    assert (skip.count, skip.reason) == (3, FULL.format(2))


def test_a_run_by_hand_takes_no_place_from_the_planned_ones(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "allow", "max_instances": 1})
    story.claim(story.run_now())
    story.ring(after=5 * MINUTE)
    story.claim()
    assert story.claimable() == []
    assert story.run_now() in story.claimable()


# ---------------------------------------------------------------- cancel_running


def running(story: Any, **options: Any) -> Any:
    """A task whose first run executes while the second occurrence comes."""
    story.order(every("5m"), options={"overlap": "cancel_running", **options})
    story.ring(after=5 * MINUTE)
    first = story.claim()
    assert to_stop(story.task) == []
    story.ring(after=5 * MINUTE)
    return first


def test_the_running_attempt_is_asked_to_stop_and_the_new_one_starts_after_it(story: Any) -> None:
    first = running(story)
    assert to_stop(story.task) == [(first.id, first.fence)]
    assert story.runs[2].reason == "overlap: waits until run 1 has stopped"
    assert story.claimable() == []
    story.finish(first, "cancelled")
    assert first.status == "cancelled"
    assert first.reason == "overlap: replaced by the occurrence of 2026-03-02T09:10:00+00:00"
    assert [run.id for run in story.claimable()] == [2]
    assert to_stop(story.task) == []


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("timed_out", "timed_out"),
        ("interrupted", "cancelled"),
        ("cancelled", "cancelled"),
        ("rejected", "cancelled"),
    ],
)
@pytest.mark.parametrize("on_exhausted", ["continue", "disable"])
def test_however_it_ends_it_is_not_tried_again_and_the_task_goes_on(
    story: Any, outcome: str, status: str, on_exhausted: str
) -> None:
    first = running(story, on_exhausted=on_exhausted, retries=5)
    story.finish(first, outcome)
    assert (first.status, story.task.status) == (status, "active")
    assert [run.id for run in story.claimable()] == [2]


def test_one_that_is_lost_in_a_crash_is_not_made_again(story: Any) -> None:
    first = running(story)
    story.lose(first)
    assert first.status == "failed"
    assert [run.id for run in story.claimable()] == [2]


def test_one_that_waits_for_its_retry_is_called_off(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "cancel_running", "retry_delay": "1h"})
    story.ring(after=5 * MINUTE)
    first = story.claim()
    story.finish(first, "failed")
    cancelled, planned = story.ring(after=5 * MINUTE)
    assert isinstance(cancelled, RunCancelled)
    assert isinstance(planned, RunPlanned)
    assert first.reason == "overlap: replaced by the occurrence of 2026-03-02T09:10:00+00:00"
    assert planned.reason is None


def test_of_many_missed_occurrences_only_the_latest_runs(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "cancel_running", "catch_up": "all"})
    story.ring(after=17 * MINUTE)
    assert story.statuses() == ["skipped", "pending"]
    assert (story.runs[1].count, story.runs[1].reason) == (
        2,
        "overlap: a later occurrence replaces it",
    )


def test_a_run_by_hand_is_not_stopped_by_an_occurrence(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "cancel_running"})
    manual = story.claim(story.run_now())
    story.ring(after=5 * MINUTE)
    assert to_stop(story.task) == []
    story.finish(manual, "failed")
    assert manual.status == "pending"


def test_the_last_occurrence_that_max_runs_allows_is_not_stopped_by_the_next(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "cancel_running", "max_runs": 1})
    story.ring(after=5 * MINUTE)
    run = story.claim()
    assert story.ring(after=5 * MINUTE) == []
    assert to_stop(story.task) == []
    story.finish(run)
    assert story.task.status == "completed"
