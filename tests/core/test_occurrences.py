"""What is due, what of it runs, and why the rest does not."""

import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.clock import DAY, HOUR, MINUTE, SECOND
from tocsin.core.events import OccurrenceSkipped, RunPlanned
from tocsin.core.occurrences import MOST_LISTED, MOST_REMEMBERED, due_occurrences
from tocsin.core.schedule import at, cron, every


@pytest.mark.parametrize(
    ("catch_up", "missed", "ran", "reason"),
    [
        ("one", 1, 1, ""),
        ("one", 3, 1, "coalesced"),
        ("all", 1, 1, ""),
        ("all", 3, 3, ""),
        ("all", 250, MOST_REMEMBERED, "missed: too many to catch up"),
        ("skip", 1, 0, "missed"),
        ("skip", 3, 0, "missed"),
    ],
)
def test_each_missed_occurrence_runs_or_is_skipped_with_the_reason(
    story: Any, catch_up: str, missed: int, ran: int, reason: str
) -> None:
    story.order(every("5m"), options={"catch_up": catch_up})
    story.now += missed * 5 * MINUTE + 2 * MINUTE
    events = story.plan()
    runs = [e for e in events if isinstance(e, RunPlanned)]
    skips = [e for e in events if isinstance(e, OccurrenceSkipped)]
    assert len(runs) == ran
    assert sum(skip.count for skip in skips) == missed - ran
    assert [skip.reason for skip in skips] == ([reason] if reason else [])
    assert story.task.next_at == story.now + 3 * MINUTE
    if runs:
        assert runs[-1].due_at == story.now - 2 * MINUTE
    if skips:
        assert skips[0].due_at == story.now - 2 * MINUTE - (missed - 1) * 5 * MINUTE


def test_an_occurrence_that_is_only_a_little_late_is_not_missed(story: Any) -> None:
    story.order(every("5m"), options={"catch_up": "skip"})
    story.ring(after=5 * MINUTE + 30 * SECOND)
    assert story.statuses() == ["pending"]


def test_a_coalesced_run_knows_what_it_stands_for(story: Any) -> None:
    story.order(every("5m"))
    story.ring(after=15 * MINUTE)
    run = next(r for r in story.runs.values() if r.status == "pending")
    assert run.missed == (run.due_at - 10 * MINUTE, run.due_at - 5 * MINUTE)


@pytest.mark.parametrize("catch_up", ["skip", "one", "all"])
@pytest.mark.parametrize("when", [every("1m"), every("1ms"), cron("* * * * *")])
def test_thousands_of_missed_occurrences_take_bounded_time(
    story: Any, catch_up: str, when: Any
) -> None:
    story.order(when, options={"catch_up": catch_up})
    ordered = story.now
    story.now += 5_000 * MINUTE + 30 * SECOND
    began = time.process_time()
    events = story.plan()
    assert time.process_time() - began < 0.25
    runs = [e for e in events if isinstance(e, RunPlanned)]
    assert len(runs) == {"all": MOST_REMEMBERED, "one": 1, "skip": 1}[catch_up]
    (skip,) = [e for e in events if isinstance(e, OccurrenceSkipped)]
    rule = story.task.schedule
    came = rule.count(ordered, story.now)
    assert came.exact
    assert skip.count + len(runs) == came.number >= 5_000
    latest = [run.due_at for run in runs]
    assert story.task.next_at == rule.next_instant(story.now)
    for earlier, later in pairwise(latest):
        assert rule.next_instant(earlier) == later
    assert skip.due_at == rule.next_instant(ordered)
    assert rule.next_instant(skip.until) == (latest[0] if runs else story.task.next_at)


@given(
    missed=st.integers(0, 3_000),
    seconds=st.sampled_from([0.001, 1, 60, 3_600]),
    rest=st.floats(0, 0.999),
)
def test_the_due_occurrences_are_the_latest_ones_without_a_gap(
    missed: int, seconds: float, rest: float
) -> None:
    rule = every(seconds).bind(0, "UTC")
    step = int(seconds * SECOND)
    now = step + missed * step + int(rest * step)
    due = due_occurrences(rule, step, now)
    assert due.instants[-1] == (now // step) * step
    assert due.next_at == due.instants[-1] + step
    assert [b - a for a, b in pairwise(due.instants)] == [step] * (len(due.instants) - 1)
    passed = due.passed
    if passed is None:
        assert len(due.instants) == missed + 1
    else:
        assert len(due.instants) >= MOST_REMEMBERED
        assert (passed.first, passed.until) == (step, due.instants[0] - step)
        assert passed.exact
        assert passed.count + len(due.instants) == missed + 1 > MOST_LISTED


def test_bursts_long_ago_are_found_in_bounded_time() -> None:
    rule = cron("* * * 1 *").bind(0, "UTC")
    first = rule.next_instant(0)
    assert first is not None
    now = 364 * DAY
    due = due_occurrences(rule, first, now)
    assert due.instants[-1] == 31 * DAY - MINUTE
    assert len(due.instants) >= MOST_REMEMBERED


@pytest.mark.parametrize(
    ("expr", "most"),
    [
        ("* * * * * *", 130),
        ("*/5 9-17 * * 1-5", 1_010),
        ("* 0 1 * *", 1_010),
        ("* * * 1 *", 130),
    ],
)
@pytest.mark.parametrize("days", [1, 84, 341, 40 * 365])
def test_however_long_nobody_looked_the_rule_is_asked_some_thousand_times(
    expr: str, most: int, days: int
) -> None:
    rule = cron(expr).bind(0, "UTC")
    first, asked = rule.next_instant(0), 0
    assert first is not None

    class Counting:
        def next_instant(self, after: int) -> int | None:
            nonlocal asked
            asked += 1
            return rule.next_instant(after)

        def count(self, after: int, until: int) -> Any:
            return rule.count(after, until)

    due = due_occurrences(Counting(), first, first + days * DAY)  # type: ignore[arg-type]
    assert asked < most
    assert due.passed is None or len(due.instants) >= MOST_REMEMBERED
    assert due.next_at == rule.next_instant(first + days * DAY)
    assert all(rule.next_instant(a) == b for a, b in pairwise(due.instants))


def test_an_occurrence_is_skipped_while_the_one_before_runs(story: Any) -> None:
    story.order(every("5m"))
    story.ring(after=5 * MINUTE)
    story.claim()
    story.ring(after=5 * MINUTE)
    assert story.statuses() == ["executing", "skipped"]
    assert story.runs[2].reason == "overlap: the previous run is not finished"
    assert story.task.next_at == story.now + 5 * MINUTE


def test_overlap_allow_plans_every_occurrence(story: Any) -> None:
    story.order(every("5m"), options={"overlap": "allow"})
    story.ring(after=5 * MINUTE)
    story.claim()
    story.ring(after=5 * MINUTE)
    assert story.statuses() == ["executing", "pending"]


@pytest.mark.parametrize("catch_up", ["one", "all"])
def test_max_runs_completes_the_task_after_so_many_occurrences(story: Any, catch_up: str) -> None:
    story.order(every("5m"), options={"max_runs": 3, "catch_up": catch_up})
    for _ in range(3):
        assert story.task.status == "active"
        story.ring(after=5 * MINUTE)
        story.finish(story.claim())
    assert story.statuses() == ["succeeded"] * 3
    assert (story.task.status, story.task.next_at) == ("completed", None)
    assert story.ring(after=HOUR) == []


def test_max_runs_limits_what_is_caught_up(story: Any) -> None:
    story.order(every("5m"), options={"max_runs": 3, "catch_up": "all"})
    story.ring(after=50 * MINUTE)
    assert story.statuses() == ["pending"] * 3
    assert story.task.next_at is None
    for _ in range(3):
        story.finish(story.claim())
    assert story.task.status == "completed"


def test_a_lowered_max_runs_completes_the_task_at_its_next_occurrence(story: Any) -> None:
    story.order(every("5m"))
    for _ in range(2):
        story.ring(after=5 * MINUTE)
        story.finish(story.claim())
    story.update(policy={"max_runs": 2})
    story.ring(after=5 * MINUTE)
    assert story.runs[3].reason == "limit: max_runs is reached"
    assert story.task.status == "completed"


def test_skipped_occurrences_do_not_count_for_max_runs(story: Any) -> None:
    story.order(every("5m"), options={"max_runs": 2})
    story.ring(after=5 * MINUTE)
    run = story.claim()
    story.ring(after=5 * MINUTE)
    story.finish(run)
    story.ring(after=5 * MINUTE)
    story.finish(story.claim())
    assert story.statuses() == ["succeeded", "skipped", "succeeded"]
    assert story.task.status == "completed"


@given(steps=st.lists(st.integers(-30, 40), min_size=1, max_size=25))
def test_no_instant_is_planned_twice_however_the_clock_is_set(
    stories: Any, steps: list[int]
) -> None:
    story = stories()
    story.order(cron("*/5 * * * *"), options={"overlap": "allow"})
    for minutes in steps:
        story.now += minutes * MINUTE
        story.ring()
    dues = [run.due_at for run in story.runs.values()]
    assert len(set(dues)) == len(dues)
    assert dues == sorted(dues)


@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from(["ring", "pause", "resume", "cancel", "order", "now", "update", "end"]),
            st.integers(-600, 900),
        ),
        max_size=40,
    ),
    when=st.sampled_from([every("5m"), cron("*/5 * * * *"), at("in 5 minutes"), every("1s")]),
)
def test_whatever_happens_every_planned_instant_is_unique(
    stories: Any, moves: list[tuple[str, int]], when: Any
) -> None:
    story = stories()
    story.order(when)
    for verb, seconds in moves:
        story.now += seconds * SECOND
        if verb == "order":
            story.order(when)
        elif verb == "ring":
            story.ring()
        elif verb == "end":
            for run in story.claimable()[:1]:
                story.finish(story.claim(run))
        elif verb == "cancel":
            story.cancel()
        elif story.task.status not in {"cancelled", "completed", "failed"}:
            if verb == "update":
                story.update(when)
            else:
                getattr(story, "run_now" if verb == "now" else verb)()
    dues = [run.due_at for run in story.runs.values()]
    assert len(set(dues)) == len(dues)
