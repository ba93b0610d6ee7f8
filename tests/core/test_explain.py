"""What happened to one planned moment, in words."""

from datetime import datetime, timedelta
from typing import Any

from tocsin.core.clock import MINUTE, SECOND, from_instant
from tocsin.core.explain import explanation
from tocsin.core.run import Run
from tocsin.core.schedule import every
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
