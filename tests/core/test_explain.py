"""What happened to one planned moment, in words."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tocsin.core.clock import HOUR, MINUTE, SECOND, from_instant
from tocsin.core.explain import explanation
from tocsin.core.run import Run
from tocsin.core.schedule import at, cron, every
from tocsin.core.task import Task


def told(story: Any, at: datetime) -> str:
    runs = [Run.from_state(run) for run in story.runs.values()]
    return explanation(Task.from_state(story.task), runs, at, from_instant(story.now))


def test_a_run_is_explained_by_how_it_ended(story: Any) -> None:
    story.order(every("5m"), options={"retries": 1})
    story.ring(after=5 * MINUTE)
    due = from_instant(story.now)
    assert told(story, due).endswith("pending")
    run = story.claim()
    story.finish(run, "failed", error="no")
    story.now = run.ready_at
    story.claim(run)
    story.now += SECOND
    story.finish(run, "failed", error="still no")
    assert told(story, due) == (
        f"report at {due.isoformat()}: failed, at attempt 2, started 61.000 s after its time,"
        " error: still no"
    )


def test_a_coalesced_moment_names_the_run_that_stands_for_it(story: Any) -> None:
    story.order(every("5m"))
    story.ring(after=15 * MINUTE)
    for minutes in (10, 5):
        at = from_instant(story.now - minutes * MINUTE)
        text = told(story, at)
        assert "coalesced" in text


def test_a_skipped_range_explains_its_moments_and_no_others(story: Any) -> None:
    story.order(every("5m"))
    story.pause()
    begin = from_instant(story.now)
    story.now += 16 * MINUTE
    story.resume()
    for minutes in (5, 10, 15):
        text = told(story, begin + timedelta(minutes=minutes))
        assert "paused at the time" in text
    assert "not planned" in told(story, begin - timedelta(minutes=5))
    story.now += 60 * MINUTE
    assert "not planned" in told(story, begin + timedelta(minutes=18))


def test_a_moment_to_come_says_what_is_next(story: Any) -> None:
    story.order(every("5m"))
    at = from_instant(story.now + 10 * MINUTE)
    assert "not come yet" in told(story, at)


@pytest.mark.parametrize(
    ("options", "hours", "words"),
    [
        ({}, 11, "not come yet, it will run then"),
        ({}, 11 + 24, "not come yet, it will run then"),
        ({}, 12, "not planned for this moment: next is 2026-03-03T20:00:00+00:00"),
        ({}, 10, "not planned for this moment: next is 2026-03-02T20:00:00+00:00"),
        ({"windows": "19:00-21:00"}, 11, "it will run then"),
        ({"windows": "09:00-17:00"}, 11,
         "it will wait for its window until 2026-03-03T09:00:00+00:00"),
        ({"windows": "09:00-17:00", "outside_window": "skip"}, 11,
         "it will be skipped: outside of 09:00-17:00 UTC"),
    ],
)  # fmt: skip
def test_a_moment_to_come_says_what_will_become_of_it(
    story: Any, options: dict[str, Any], hours: int, words: str
) -> None:
    story.order(cron("0 20 * * *"), options=options)
    assert words in told(story, from_instant(story.now + hours * HOUR))


@pytest.mark.parametrize("verb", ["pause", "cancel", "delete"])
def test_a_task_that_does_not_run_says_so_of_moments_to_come(story: Any, verb: str) -> None:
    story.order(cron("0 20 * * *"))
    getattr(story, verb)("holiday")
    text = told(story, from_instant(story.now + 11 * HOUR))
    assert f"nothing runs then: the task is {story.task.status} (holiday)" in text
    story.task.reason = None
    assert told(story, from_instant(story.now + 11 * HOUR)).endswith(story.task.status)


def test_a_task_with_no_occurrence_left_says_so(story: Any) -> None:
    story.order(at("2026-03-02T20:00Z"))
    text = told(story, from_instant(story.now + 12 * HOUR))
    assert "nothing is planned after it" in text


def test_a_run_that_waits_says_until_when_and_why(story: Any) -> None:
    story.order(cron("0 20 * * *"), options={"windows": "09:00-17:00"})
    story.ring(after=11 * HOUR)
    assert told(story, from_instant(story.now)).endswith(
        "pending, not before 2026-03-03T09:00:00+00:00,"
        " (window: waits until 2026-03-03T09:00:00+00:00)"
    )


def test_a_moment_whose_history_was_pruned_is_not_called_unplanned(story: Any) -> None:
    story.order(every("5m"))
    now, before = from_instant(story.now), from_instant(story.now - HOUR)
    pruned = explanation(Task.from_state(story.task), [], before, now, before)
    assert "nobody knows any more: the history before 2026-03-02T08:00:00+00:00" in pruned
    since = explanation(Task.from_state(story.task), [], now - timedelta(minutes=59), now, before)
    assert "not planned" in since
