"""What went wrong in other schedulers, told as the life of one task."""

from typing import Any

import pytest

from tocsin.core.clock import DAY, HOUR, MINUTE, SECOND
from tocsin.core.decide import as_json
from tocsin.core.dependencies import Ended, depend, dependency_ended
from tocsin.core.errors import InvalidTask
from tocsin.core.events import HandlerEvent
from tocsin.core.occurrences import due_occurrences
from tocsin.core.published import TaskEvent
from tocsin.core.schedule import Jittered, after, cron, every
from tocsin.core.steps import replan


def test_s16_a_clock_that_is_set_back_two_minutes_silences_no_seconds(story: Any) -> None:
    story.order(cron("*/10 * * * * *"))
    story.ring(after=10 * SECOND)
    story.now -= 2 * MINUTE
    story.tell(replan(story.task, -2 * MINUTE, story.now))
    assert story.task.next_at <= story.now + 10 * SECOND


def test_s20_s21_what_came_due_while_the_machine_slept_runs_on_wake_up(story: Any) -> None:
    story.order(every("1h"))
    story.ring(after=5 * HOUR + 10 * MINUTE)
    assert story.statuses() == ["skipped", "pending"]
    assert story.claimable()[0].due_at == story.now - 10 * MINUTE
    assert story.task.next_at == story.now + 50 * MINUTE


def test_s22_an_occurrence_that_is_late_by_two_seconds_runs(story: Any) -> None:
    story.order(every("5m"))
    story.ring(after=5 * MINUTE + 1_780_000)
    assert story.statuses() == ["pending"]


def test_s23_a_weekly_task_of_a_machine_that_was_asleep_runs_once_on_wake_up(story: Any) -> None:
    story.order(cron("0 3 * * sun"))
    story.ring(after=7 * DAY)
    assert story.statuses() == ["pending"]
    story.finish(story.claim())
    assert story.ring() == []


def test_s25_s41_a_run_that_was_lost_blocks_nothing_after_the_restart(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "skip"})
    story.ring(after=5 * MINUTE)
    run = story.claim()
    story.now += 20 * MINUTE
    story.lose(run)
    story.ring()
    story.finish(story.claim(run))
    assert (run.status, run.attempt) == ("succeeded", 2)
    story.ring(after=5 * MINUTE)
    assert story.statuses()[-1] == "pending"


def test_s26_a_deployment_replays_no_minute_unless_it_is_asked_to_and_then_not_all(
    story: Any, stories: Any
) -> None:
    story.order(cron("* * * * *"))
    story.ring(after=3 * DAY)
    assert story.statuses() == ["skipped", "pending"]
    eager = stories()
    eager.order(cron("* * * * *"), options={"catch_up": "all"})
    eager.ring(after=3 * DAY)
    assert eager.statuses().count("pending") == 100


def test_s29_a_run_that_is_caught_up_knows_its_own_moment(story: Any) -> None:
    story.order(every("1h"), options={"catch_up": "all"})
    story.ring(after=3 * HOUR + MINUTE)
    assert story.dues() == [3_600, 7_200, 10_800]
    assert all(run.ready_at == run.due_at for run in story.runs.values())


# ---------------------------------------------------------------- the rest of the branches


def test_waiting_for_the_same_tasks_again_changes_nothing(story: Any) -> None:
    story.order(every("1h"))
    story.tell(depend(story.task, (10, 20), story.now))
    assert depend(story.task, (20, 10), story.now) == []


def test_metadata_that_json_cannot_hold_is_refused() -> None:
    for wrong in ({"a": object()}, {"a": float("nan")}, {"a": "\ud800"}):
        with pytest.raises(InvalidTask, match="metadata must be JSON"):
            as_json(wrong)


def test_metadata_comes_back_as_it_will_be_stored(story: Any) -> None:
    story.order(every("1h"))
    story.update(metadata={"tags": ("a", "b")})
    assert story.task.metadata == {"tags": ["a", "b"]}


def test_what_a_handler_publishes_is_stored_with_its_success_alone(story: Any) -> None:
    story.order(every("5m"), options={"retries": 0})
    news = TaskEvent("report_generated", {"pages": 3})
    for outcome, published in (("succeeded", 1), ("failed", 0)):
        story.ring(after=5 * MINUTE)
        told = story.finish(story.claim(), outcome, event=news)
        found = [event for event in told if isinstance(event, HandlerEvent)]
        assert [(event.name, event.payload) for event in found] == [
            ("report_generated", {"pages": 3})
        ] * published


def test_a_task_that_may_not_run_any_more_gets_no_failed_run_either(story: Any) -> None:
    options = {"on_dependency_failure": "fail", "max_runs": 1}
    story.order(after("extract"), options=options)
    story.tell(depend(story.task, (10,), story.now))
    for success in (True, False):
        ended = Ended(10, "extract", success=success)
        story.tell(dependency_ended(story.task, ended, story.now, story.ids))
    assert story.statuses() == ["pending"]


def test_a_clock_that_is_set_forward_moves_nothing_that_names_its_moments(story: Any) -> None:
    story.order(cron("0 9 * * *"))
    assert replan(story.task, HOUR, story.now + HOUR) == []


def test_the_latest_of_bursts_are_found_where_no_span_has_just_enough() -> None:
    rule = Jittered(every("1s").bind(0, "UTC"), 1) | cron("* * 1 1 *", "UTC")
    due = due_occurrences(rule, SECOND, 40 * DAY)
    assert due.instants == sorted(set(due.instants))
    assert due.instants[-1] <= 40 * DAY < (due.next_at or 0)


def test_two_runs_by_hand_in_one_instant_are_two_occurrences(story: Any) -> None:
    story.order(every("1h"))
    assert story.run_now().due_at < story.run_now().due_at
