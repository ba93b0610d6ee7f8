"""Tasks that run after other tasks: each end of those, told to the one that waits."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core import events as e
from tocsin.core.clock import MINUTE
from tocsin.core.dependencies import Ended, depend, dependency_ended, endings, find_cycle
from tocsin.core.errors import DependencyCycle
from tocsin.core.evolve import evolve
from tocsin.core.overlap import to_stop
from tocsin.core.schedule import after

NAMES = {10: "extract", 20: "transform"}


def _waiting(story: Any, policy: str, **options: Any) -> Any:
    story.order(after("extract", "transform"), options={"on_dependency_failure": policy, **options})
    story.tell(depend(story.task, (10, 20), story.now))
    return story


def _end(story: Any, task_id: int, *, success: bool) -> list[e.Event]:
    ended = Ended(task_id, NAMES[task_id], success=success)
    events: list[e.Event] = story.tell(dependency_ended(story.task, ended, story.now, story.ids))
    return events


def _became(story: Any, told: Sequence[e.Event]) -> str:
    """What the end of a dependency led to."""
    kinds = {type(event) for event in told}
    if e.TaskExecuted in kinds:
        return "fails"
    return "runs" if e.RunPlanned in kinds else "skips" if e.OccurrenceSkipped in kinds else "-"


CASES: list[tuple[str, str, list[str]]] = [
    # policy, ends in order (+ success, - failure; x extract, t transform), what each leads to
    ("wait", "+x +t", ["-", "runs"]),
    ("wait", "+x +x +t", ["-", "-", "runs"]),
    ("wait", "+x +t +x +t", ["-", "runs", "-", "skips"]),
    ("wait", "-x +t", ["-", "-"]),
    ("wait", "-x +t +x", ["-", "-", "runs"]),
    ("wait", "+x -x +t", ["-", "-", "-"]),
    ("fail", "+x +t", ["-", "runs"]),
    ("fail", "-x", ["fails"]),
    ("fail", "-x -t", ["fails", "-"]),
    ("fail", "-x -x", ["fails", "fails"]),
    ("fail", "-x -t -x -t", ["fails", "-", "fails", "-"]),
    ("fail", "-x +t +x", ["fails", "-", "runs"]),
    ("fail", "+t -x +x", ["-", "fails", "runs"]),
    ("run", "-x", ["-"]),
    ("run", "-x -t", ["-", "runs"]),
    ("run", "-x +t", ["-", "runs"]),
    ("run", "-x -x +t", ["-", "-", "runs"]),
]


@pytest.mark.parametrize(("policy", "ends", "expected"), CASES)
def test_each_end_leads_to_what_the_policy_says(
    story: Any, policy: str, ends: str, expected: list[str]
) -> None:
    _waiting(story, policy)
    ids = {"x": 10, "t": 20}
    told = [_end(story, ids[end[1]], success=end[0] == "+") for end in ends.split()]
    assert [_became(story, events) for events in told] == expected


def test_a_failure_names_the_task_that_failed(story: Any) -> None:
    _waiting(story, "fail")
    _end(story, 10, success=False)
    (run,) = story.runs.values()
    assert (run.status, run.error) == ("failed", "DEPENDENCY_FAILED: extract")
    assert (run.cause, run.attempt, run.started_at) == ("dependency", 0, None)
    assert story.task.status == "active"


def test_a_paused_task_remembers_and_runs_when_it_is_resumed(story: Any) -> None:
    _waiting(story, "wait").pause()
    assert _became(story, _end(story, 10, success=True)) == "-"
    assert _became(story, _end(story, 20, success=True)) == "-"
    assert _became(story, story.resume()) == "runs"


def test_a_new_schedule_begins_a_new_round(story: Any) -> None:
    _waiting(story, "wait")
    _end(story, 10, success=True)
    story.update(after("transform", "extract"))
    assert _became(story, _end(story, 20, success=True)) == "-"


def test_max_runs_completes_the_task(story: Any) -> None:
    _waiting(story, "wait", max_runs=1)
    _end(story, 10, success=True)
    _end(story, 20, success=True)
    story.finish(story.claim())
    assert story.task.status == "completed"
    assert _end(story, 10, success=True) == []


def test_a_run_of_a_paused_task_waits(story: Any) -> None:
    _waiting(story, "wait")
    _end(story, 10, success=True)
    _end(story, 20, success=True)
    story.pause()
    assert story.claimable() == []
    story.resume()
    assert len(story.claimable()) == 1


def test_only_the_last_attempt_is_an_end(story: Any) -> None:
    story.order("now")
    story.ring(after=1)
    run = story.claim()
    again = story.finish(run, "failed", error="no")
    assert endings(again, {1: story.task}) == []
    story.now = run.ready_at
    done = story.finish(story.claim())
    assert endings(done, {1: story.task}) == [Ended(1, "report", success=True)]


# ---------------------------------------------------------------- overlap


@pytest.mark.parametrize(
    ("options", "rounds", "statuses", "reason"),
    [
        ({"overlap": "skip"}, 2, ["executing", "skipped"],
         "overlap: the previous run is not finished"),
        ({"overlap": "queue"}, 3, ["executing", "pending", "pending"], None),
        ({"overlap": "queue", "queue_limit": 1}, 3, ["executing", "pending", "skipped"],
         "overlap: the queue is full (queue_limit = 1)"),
        ({"overlap": "allow"}, 3, ["executing", "executing", "executing"], None),
        ({"overlap": "allow", "max_instances": 2, "queue_limit": 1}, 4,
         ["executing", "executing", "pending", "skipped"],
         "overlap: the queue is full (queue_limit = 1)"),
        ({"overlap": "cancel_running"}, 3, ["executing", "cancelled", "pending"],
         None),
    ],
)  # fmt: skip
def test_rounds_that_are_complete_while_earlier_runs_go_on_obey_overlap(
    story: Any, options: dict[str, Any], rounds: int, statuses: list[str], reason: str | None
) -> None:
    _waiting(story, "wait", **options)
    for _ in range(rounds):
        story.now += MINUTE
        _end(story, 10, success=True)
        _end(story, 20, success=True)
        for run in story.claimable():
            story.claim(run)
    assert story.statuses() == statuses
    if reason is not None and statuses[-1] == "skipped":
        assert story.runs[rounds].reason == reason


def test_a_queued_round_starts_when_the_one_before_has_ended(story: Any) -> None:
    _waiting(story, "wait", overlap="queue")
    for _ in range(3):
        _end(story, 10, success=True)
        _end(story, 20, success=True)
    for expected in (1, 2, 3):
        (run,) = story.claimable()  # those behind it are not asked
        assert run.id == expected
        story.finish(story.claim(run))


def test_a_later_round_stops_the_one_that_runs_and_starts_after_it(story: Any) -> None:
    _waiting(story, "wait", overlap="cancel_running", retries=3)
    for _ in range(2):
        _end(story, 10, success=True)
        _end(story, 20, success=True)
        for run in story.claimable():
            story.claim(run)
    first = story.runs[1]
    assert to_stop(story.task) == [(first.id, first.fence)]
    story.finish(first, "failed")
    assert (first.status, [run.id for run in story.claimable()]) == ("failed", [2])


# ---------------------------------------------------------------- what is gone

GONE_CASES: list[tuple[str, str, str, str]] = [
    # policy, ends before, what was called off, what it leads to
    ("wait", "", "cancelled", "-"),
    ("fail", "", "cancelled", "fails"),
    ("run", "", "cancelled", "-"),
    ("run", "+t", "cancelled", "runs"),
    ("wait", "", "deleted", "fails"),
    ("fail", "", "deleted", "fails"),
    ("run", "+t", "deleted", "fails"),
    ("fail", "-x", "deleted", "fails"),
    ("wait", "+x", "deleted", "-"),
    ("wait", "+x", "cancelled", "-"),
]


@pytest.mark.parametrize(("policy", "before", "gone", "leads"), GONE_CASES)
def test_a_task_that_is_called_off_is_decided_for_those_that_wait_for_it(
    story: Any, policy: str, before: str, gone: Any, leads: str
) -> None:
    _waiting(story, policy)
    for end in before.split():
        _end(story, {"x": 10, "t": 20}[end[1]], success=end[0] == "+")
    ended = Ended(10, "extract", success=False, gone=gone)
    told = story.tell(dependency_ended(story.task, ended, story.now, story.ids))
    assert _became(story, told) == leads
    errors = [event.error for event in told if isinstance(event, e.TaskExecuted)]
    fails = leads == "fails"
    assert errors == ([f"DEPENDENCY_FAILED: extract was {gone}"] if fails else [])
    assert story.task.status == ("failed" if fails and gone == "deleted" else "active")


def test_a_paused_task_fails_with_what_was_deleted_too(story: Any) -> None:
    _waiting(story, "wait").pause()
    ended = Ended(10, "extract", success=False, gone="deleted")
    story.tell(dependency_ended(story.task, ended, story.now, story.ids))
    assert story.task.status == "failed"


def test_a_run_that_is_under_way_is_not_ended_by_what_was_deleted(story: Any) -> None:
    _waiting(story, "wait")
    _end(story, 10, success=True)
    _end(story, 20, success=True)
    run = story.claim()
    ended = Ended(10, "extract", success=False, gone="deleted")
    story.tell(dependency_ended(story.task, ended, story.now, story.ids))
    assert story.task.status == "active"
    story.finish(run)
    assert [run.status for run in story.runs.values()] == ["succeeded", "failed"]


def test_what_is_called_off_is_one_piece_of_news(story: Any) -> None:
    story.order("now")
    story.ring(after=1)
    told = story.cancel()
    assert endings(told, {1: story.task}) == [Ended(1, "report", success=False, gone="cancelled")]
    told = story.delete()
    assert endings(told, {1: story.task}) == [Ended(1, "report", success=False, gone="deleted")]


@given(st.lists(st.tuples(st.sampled_from([10, 20]), st.booleans()), max_size=40))
def test_it_runs_exactly_when_both_have_succeeded_since_it_last_ran(
    ends: list[tuple[int, bool]],
) -> None:
    """The same rule, told in another way: with overlap allowed, under the policy `wait`."""
    task, _ = evolve(None, _scheduled('{"on_dependency_failure":"wait","overlap":"allow"}'))
    for event in depend(task, (10, 20), 0):
        evolve(task, event)
    ids, latest, ran = itertools.count(1), dict[int, bool](), 0
    for task_id, success in ends:
        latest[task_id] = success
        expected = latest == {10: True, 20: True}
        told = dependency_ended(task, Ended(task_id, "x", success=success), 0, ids)
        for event in told:
            evolve(task, event)
        assert any(isinstance(event, e.RunPlanned) for event in told) == expected
        if expected:
            ran += 1
            latest.clear()
    assert len({run.due_at for run in task.runs.values()}) == ran


@given(st.dictionaries(st.integers(0, 8), st.frozensets(st.integers(0, 8), max_size=3)))
def test_a_circle_is_found_exactly_when_there_is_one(graph: dict[int, frozenset[int]]) -> None:
    def reach(start: frozenset[int]) -> set[int]:
        seen: set[int] = set()
        todo = list(start)
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo += graph.get(node, ())
        return seen

    for task_id, needed in graph.items():
        circle = task_id in reach(needed)
        try:
            find_cycle(task_id, needed, lambda ids: {n for i in ids for n in graph.get(i, ())})
        except DependencyCycle:
            assert circle
        else:
            assert not circle


def _scheduled(policy: str) -> e.TaskScheduled:
    return e.TaskScheduled(
        at=0, tenant="default", task_id=1, key="load", target="x", entry_id=1, digest="d",
        schedule='{"kind":"after","tasks":["a","b"]}', policy=policy, next_at=None, created_by="me",
    )  # fmt: skip
