"""The life of a task: resumed, disabled, revived, deleted; and the arrows of its statuses."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.clock import HOUR, MINUTE, SECOND
from tocsin.core.deferral import postpone
from tocsin.core.errors import TocsinError
from tocsin.core.evolve import evolve
from tocsin.core.outcomes import finish
from tocsin.core.schedule import at, cron, every
from tocsin.core.state import ENDED, RUN_ARROWS, TASK_ARROWS


@pytest.mark.parametrize(("catch_up", "ran"), [("one", [15]), ("all", [5, 10, 15]), ("skip", [])])
def test_a_resume_may_catch_up_by_the_policy(story: Any, catch_up: str, ran: list[int]) -> None:
    story.order(every("5m"), options={"catch_up": catch_up})
    story.pause()
    story.now += 17 * MINUTE
    story.resume(catch_up=True)
    story.ring()
    runs = [run for run in story.runs.values() if run.status == "pending"]
    assert [(run.due_at - story.task.created_at) // MINUTE for run in runs] == ran
    assert sum(run.count for run in story.runs.values()) == 3


def test_a_disabled_task_can_be_resumed(story: Any) -> None:
    story.order(every("5m"), options={"retries": 0, "on_exhausted": "disable"})
    story.ring(after=5 * MINUTE)
    story.finish(story.claim(), "failed", error="no")
    assert (story.task.status, story.task.reason, story.task.next_at) == ("failed", "no", None)
    story.now += HOUR
    story.resume()
    assert (story.task.status, story.task.reason) == ("active", None)
    story.ring(after=5 * MINUTE)
    assert story.statuses() == ["failed", "pending"]


def test_a_single_instant_that_failed_is_not_resumed(story: Any) -> None:
    story.order(at("in 5 minutes"), options={"retries": 0})
    story.ring(after=5 * MINUTE)
    story.finish(story.claim(), "failed")
    with pytest.raises(TocsinError, match="is failed and cannot be resumed"):
        story.resume()


def test_a_disabled_task_that_cannot_be_read_is_not_resumed(story: Any) -> None:
    story.order(every("5m"), options={"retries": 0, "on_exhausted": "disable"})
    story.ring(after=5 * MINUTE)
    story.finish(story.claim(), "failed")
    story.task.schedule_json = "{"
    with pytest.raises(TocsinError, match="cannot be read"):
        story.resume()


def test_a_deleted_task_frees_its_key_and_calls_off_what_waits(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "queue"})
    story.ring(after=5 * MINUTE)
    running = story.claim()
    story.ring(after=5 * MINUTE)
    *_, deleted = story.delete("not needed")
    assert (deleted.key, story.task.key, story.task.name) == ("report", None, "#1")
    assert (story.task.status, story.task.reason) == ("deleted", "not needed")
    assert story.statuses() == ["executing", "cancelled"]
    assert story.ring(after=HOUR) == []
    story.finish(running, "failed")
    assert (running.status, story.task.runs) == ("failed", {})
    assert story.task.status == "deleted"
    assert story.delete() == []


@pytest.mark.parametrize("verb", ["pause", "resume", "update", "run_now"])
def test_a_deleted_task_refuses_everything(story: Any, verb: str) -> None:
    story.order(every("5m"))
    story.delete()
    with pytest.raises(TocsinError, match="is deleted"):
        getattr(story, verb)()
    assert story.cancel() == []


def test_every_task_status_and_run_status_has_its_arrows() -> None:
    assert set().union(*TASK_ARROWS.values()) | {None} == set(TASK_ARROWS)
    assert set().union(*RUN_ARROWS.values()) | {None} == set(RUN_ARROWS)
    assert set(TASK_ARROWS) >= ENDED
    assert TASK_ARROWS["deleted"] == frozenset()


VERBS = (
    "order", "order_paused", "ring", "claim", "end", "lose", "pause", "resume", "catch_up",
    "cancel", "delete", "update", "run_now", "postpone",
)  # fmt: skip
OUTCOMES = ("succeeded", "failed", "timed_out", "cancelled", "interrupted", "rejected")


class Watch:
    """Follows every event and holds each change of status against the tables."""

    def __init__(self, story: Any) -> None:
        self.story = story
        self.runs: dict[int, str] = {}

    def tell(self, events: Any) -> Any:
        story = self.story
        for event in events or ():
            before = None if story.state is None else story.state.status
            story.state, run = evolve(story.state, event)
            after = story.state.status
            assert after == before or after in TASK_ARROWS[before], (before, event)
            if run is not None:
                was = self.runs.get(run.id)
                assert run.status == was or run.status in RUN_ARROWS[was], (was, event)
                self.runs[run.id] = run.status
                story.runs[run.id] = run
        return list(events or ())


def move(story: Any, verb: str, number: int) -> None:
    """One command, or one report, chosen by chance."""
    live = list(story.task.runs.values())
    executing = [run for run in live if run.status == "executing"]
    if verb in {"order", "order_paused"}:
        story.order(every("7m") if number % 2 else every("5m"), paused=verb == "order_paused")
    elif verb == "claim" and story.claimable():
        story.claim(story.claimable()[number % len(story.claimable())])
    elif verb == "end" and executing:
        run = executing[number % len(executing)]
        done = story.done(run, OUTCOMES[number % len(OUTCOMES)], error="no", kinds=("ValueError",))
        story.tell(finish(story.task, done, story.now))
    elif verb == "lose" and executing:
        story.lose(executing[0])
    elif verb == "postpone":
        story.tell(postpone(story.task, story.now))
    elif verb == "catch_up":
        story.resume(catch_up=True)
    elif verb not in {"claim", "end", "lose"}:
        getattr(story, verb)()


@settings(max_examples=300)
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(VERBS), st.integers(0, 900), st.integers(0, 11)), max_size=40
    ),
    when=st.sampled_from([every("5m"), cron("*/5 * * * *"), at("in 5 minutes")]),
    common=st.fixed_dictionaries(
        {
            "overlap": st.sampled_from(["skip", "queue", "allow", "cancel_running"]),
            "catch_up": st.sampled_from(["skip", "one", "all"]),
        }
    ),
    rest=st.sampled_from(
        [
            {},
            {"windows": "09:00-09:20", "outside_window": "skip"},
            {"windows": "09:10-09:30"},
            {"on_exhausted": "disable", "retries": 0},
            {"max_runs": 2},
            {"delivery": "at_most_once", "queue_limit": 0, "give_up_on": "ValueError"},
            {"catch_up_window": "10m"},
        ]
    ),
)
def test_whatever_happens_statuses_move_along_their_arrows(
    stories: Any,
    moves: list[tuple[str, int, int]],
    when: Any,
    common: dict[str, Any],
    rest: dict[str, Any],
) -> None:
    story = stories()
    story.tell = Watch(story).tell
    story.order(when, options={**common, **rest})
    for verb, seconds, number in moves:
        story.now += seconds * SECOND
        deleted = story.task.status == "deleted"
        try:
            if not (deleted and verb.startswith("order")):  # its key is another task's now
                move(story, verb, number)
        except TocsinError:
            assert story.task.status in ENDED
        if story.task.status == "deleted":
            assert all(run.status == "executing" for run in story.task.runs.values())
    dues = [run.due_at for run in story.runs.values()]
    assert len(set(dues)) == len(dues)


def test_a_quarantined_task_is_not_paused(story: Any) -> None:
    story.order(every("5m"))
    story.ring(after=5 * MINUTE)
    story.finish(story.claim(), "rejected", error="its signature does not match")
    assert story.pause("holiday") == []
    assert story.task.status == "quarantined"
