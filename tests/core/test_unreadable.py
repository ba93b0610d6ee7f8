"""A task whose stored schedule or policy cannot be read: nothing of it is lost."""

from typing import Any

import pytest

from tocsin.core.clock import MINUTE
from tocsin.core.decide import as_json
from tocsin.core.errors import InvalidTask
from tocsin.core.outcomes import finish_unreadable, rescue_unreadable, unplannable
from tocsin.core.schedule import every

BROKEN = ValueError("no such rule")
REASON = "its schedule or policy cannot be read: ValueError: no such rule"


def executing(story: Any) -> Any:
    story.order(every("5m"))
    story.ring(after=5 * MINUTE)
    return story.claim()


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("succeeded", "succeeded"), ("failed", "failed"), ("timed_out", "timed_out")],
)
def test_how_its_attempt_ended_is_recorded_all_the_same(
    story: Any, outcome: str, status: str
) -> None:
    run = executing(story)
    story.tell(finish_unreadable(story.task, story.done(run, outcome), BROKEN, story.now))
    assert run.status == status
    assert (story.task.status, story.task.reason) == ("quarantined", REASON)


def test_what_is_lost_in_a_crash_waits_for_the_repair(story: Any) -> None:
    run = executing(story)
    held = {(run.id, run.fence)}
    assert len(rescue_unreadable(story.task, held, BROKEN, story.now)) == 1
    story.tell(rescue_unreadable(story.task, set(), BROKEN, story.now))
    assert (run.status, run.attempt) == ("pending", 1)
    assert story.task.status == "quarantined"


@pytest.mark.parametrize("verb", ["cancel", "delete"])
def test_a_task_that_is_gone_is_not_quarantined(story: Any, verb: str) -> None:
    story.order(every("5m"))
    getattr(story, verb)()
    assert unplannable(story.task, BROKEN, story.now) == []


def test_a_quarantined_task_is_not_quarantined_again(story: Any) -> None:
    story.order(every("5m"))
    story.tell(unplannable(story.task, BROKEN, story.now))
    assert unplannable(story.task, BROKEN, story.now) == []


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), "\ud800"])
def test_metadata_that_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(InvalidTask, match="metadata must be JSON"):
        as_json({"x": value})
