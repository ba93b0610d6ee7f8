"""Occurrences, retries and waiting runs that meet a closed window."""

from itertools import pairwise
from typing import Any

import pytest

from tocsin.core.clock import DAY, HOUR, MINUTE, SECOND
from tocsin.core.deferral import postpone
from tocsin.core.events import OccurrenceSkipped
from tocsin.core.notices import notices
from tocsin.core.schedule import at, cron, every
from tocsin.core.state import wake_at

OFFICE = {"windows": "mon-fri 09:00-17:00"}
NIGHT = {"windows": "22:00-06:00"}


def test_an_occurrence_inside_of_the_window_simply_runs(story: Any) -> None:
    story.order(every("5m"), options=OFFICE)
    story.ring(after=5 * MINUTE)
    assert (story.runs[1].reason, story.runs[1].ready_at) == (None, story.now)
    assert story.claimable() == [story.runs[1]]


def test_an_occurrence_outside_waits_for_the_next_opening(story: Any) -> None:
    story.order(cron("0 20 * * *"), options=OFFICE)
    story.ring(after=11 * HOUR)
    run = story.runs[1]
    assert run.ready_at == story.now + 13 * HOUR
    assert run.reason == "window: waits until 2026-03-03T09:00:00+00:00"
    assert story.claimable() == []
    assert wake_at(story.task, story.now) == run.ready_at
    story.now = run.ready_at
    assert story.claimable() == [run]


def test_an_occurrence_outside_is_skipped_where_the_policy_says_so(story: Any) -> None:
    story.order(cron("0 20 * * *"), options={**OFFICE, "outside_window": "skip"})
    story.ring(after=11 * HOUR)
    run = story.runs[1]
    assert (run.status, run.reason) == ("skipped", "window: outside of mon-fri 09:00-17:00 UTC")
    assert story.task.next_at == story.now + DAY


@pytest.mark.parametrize(
    ("options", "after", "ran", "reasons"),
    [
        # due at 10, 15 and 20 o'clock each day
        ({}, 5 * HOUR, [10], []),
        ({}, 7 * HOUR, [15], ["coalesced"]),
        ({}, 12 * HOUR, [20], ["coalesced"]),
        ({"outside_window": "skip"}, 7 * HOUR, [15], ["coalesced"]),
        ({"outside_window": "skip"}, 12 * HOUR, [],
         ["window: mon-fri 09:00-17:00 UTC is closed by now",
          "window: outside of mon-fri 09:00-17:00 UTC"]),
        ({"outside_window": "skip"}, 24 * HOUR + 30 * MINUTE, [15],
         ["coalesced", "window: outside of mon-fri 09:00-17:00 UTC"]),
    ],
)  # fmt: skip
def test_windows_and_catching_up_go_together(
    story: Any, options: dict[str, Any], after: int, ran: list[int], reasons: list[str]
) -> None:
    story.order(cron("0 10,15,20 * * *"), options={**OFFICE, **options})
    events = story.ring(after=after)
    skips = [e for e in events if isinstance(e, OccurrenceSkipped)]
    assert [9 + due / 3600 for due, run in zip(story.dues(), story.runs.values(), strict=True)
            if run.status == "pending"] == ran  # fmt: skip
    assert [skip.reason for skip in skips] == reasons


def test_a_single_instant_outside_is_deferred_or_fails_with_a_notice(
    story: Any, stories: Any
) -> None:
    story.order(at("2026-03-02T20:00Z"), options=OFFICE)
    story.ring(after=12 * HOUR)
    assert story.runs[1].reason == "window: waits until 2026-03-03T09:00:00+00:00"
    other = stories()
    other.order(at("2026-03-02T20:00Z"), options={**OFFICE, "outside_window": "skip"})
    events = other.ring(after=12 * HOUR)
    assert other.task.status == "failed"
    assert "outside of mon-fri" in notices(events, {1: other.task})[0].message


def test_a_retry_waits_for_the_window_too(story: Any) -> None:
    story.order(cron("59 16 * * *"), options={**OFFICE, "retry_delay": "5m"})
    story.ring(after=8 * HOUR - MINUTE)
    run = story.claim()
    story.finish(run, "failed")
    assert run.ready_at == story.now + 16 * HOUR + MINUTE


def test_a_retry_by_hand_needs_no_window(story: Any) -> None:
    story.order(every("5m"), options={**NIGHT, "retry_delay": "5m"})
    run = story.claim(story.run_now())
    story.finish(run, "failed")
    assert run.ready_at == story.now + 5 * MINUTE
    story.now = run.ready_at
    assert story.claimable() == [run]
    assert postpone(story.task, story.now) == []


@pytest.mark.parametrize(
    ("outside", "begun", "status", "reason"),
    [
        ("defer", False, "pending", "window: waits until 2026-03-03T09:00:00+00:00"),
        ("defer", True, "pending", "window: waits until 2026-03-03T09:00:00+00:00"),
        ("skip", False, "cancelled", "window: it closed before the run could start"),
        ("skip", True, "pending", "window: waits until 2026-03-03T09:00:00+00:00"),
    ],
)
def test_a_run_that_waited_for_a_place_until_its_window_closed(
    story: Any, outside: str, begun: bool, status: str, reason: str
) -> None:
    story.order(cron("59 16 * * *"), options={**OFFICE, "outside_window": outside})
    story.ring(after=8 * HOUR - MINUTE)
    run = story.runs[1]
    if begun:
        story.lose(story.claim(run))
    story.now += 2 * MINUTE
    assert story.claimable() == []
    story.tell(postpone(story.task, story.now))
    assert (run.status, run.reason) == (status, reason)
    assert run.attempt == int(begun)
    assert story.task.status == "active"
    assert postpone(story.task, story.now) == []


def test_a_single_run_that_came_too_late_for_its_window_ends_its_task(story: Any) -> None:
    story.order(at("2026-03-02T16:59Z"), options={**OFFICE, "outside_window": "skip"})
    story.ring(after=8 * HOUR - MINUTE)
    story.now += 2 * MINUTE
    story.tell(postpone(story.task, story.now))
    assert story.task.status == "failed"


def test_a_paused_task_moves_nothing(story: Any) -> None:
    story.order(cron("59 16 * * *"), options=OFFICE)
    story.ring(after=8 * HOUR - MINUTE)
    story.pause()
    assert postpone(story.task, story.now + HOUR) == []


def test_deferred_runs_that_may_overlap_do_not_start_all_at_once(story: Any) -> None:
    story.order(every("1h"), options={**OFFICE, "overlap": "allow"})
    for _ in range(24):
        story.ring(after=HOUR)
    waiting = sorted(run.ready_at for run in story.runs.values())[8:]
    assert [b - a for a, b in pairwise(waiting)][:14] == [SECOND] * 14


def test_a_window_that_never_opens_again_is_a_reason(
    story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.order(cron("59 16 * * *"), options=OFFICE)
    story.ring(after=8 * HOUR - MINUTE)
    monkeypatch.setattr("tocsin.core.windows._LONGEST_SEARCH", 0)
    story.tell(postpone(story.task, story.now + HOUR))
    assert story.runs[1].status == "cancelled"
    story.ring(after=DAY)
    assert story.runs[2].reason == "window: mon-fri 09:00-17:00 UTC never opens again"
