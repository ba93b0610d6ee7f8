"""How late an occurrence may be, how many are caught up, and how far apart."""

from itertools import pairwise
from time import process_time
from typing import Any

import pytest

from tocsin.core.clock import DAY, HOUR, MINUTE, SECOND
from tocsin.core.events import OccurrenceSkipped, RunPlanned
from tocsin.core.notices import notices
from tocsin.core.schedule import at, cron, every

H = {"catch_up_window": "12m"}


@pytest.mark.parametrize(
    ("options", "ran", "skipped"),
    [
        # every 5 minutes, looked at again after 32 minutes: due at 5, 10, 15, 20, 25 and 30
        ({}, [30], [(5, "coalesced")]),
        ({"catch_up": "all"}, [5, 10, 15, 20, 25, 30], []),
        ({"catch_up": "all", "catch_up_max": 2}, [25, 30], [(4, "missed: too many to catch up")]),
        ({"catch_up": "skip"}, [], [(6, "missed")]),
        ({"catch_up": "one", **H}, [30], [(3, "missed: more than 12m late"), (2, "coalesced")]),
        ({"catch_up": "all", **H}, [20, 25, 30], [(3, "missed: more than 12m late")]),
        ({"catch_up": "skip", **H}, [30], [(3, "missed: more than 12m late"), (2, "missed")]),
        ({"catch_up_window": "1m"}, [], [(6, "missed: more than 1m late")]),
        ({"catch_up_window": 0}, [], [(6, "missed: more than 0s late")]),
        (
            {"catch_up": "all", "catch_up_max": 1, **H},
            [30],
            [(3, "missed: more than 12m late"), (2, "missed: too many to catch up")],
        ),
        ({"catch_up": "all", "max_runs": 2}, [5, 10], []),
    ],
)
def test_each_missed_occurrence_runs_or_says_why_not(
    story: Any, options: dict[str, Any], ran: list[int], skipped: list[tuple[int, str]]
) -> None:
    story.order(every("5m"), options=options)
    events = story.ring(after=32 * MINUTE)
    start = story.now - 32 * MINUTE
    runs = [e for e in events if isinstance(e, RunPlanned)]
    skips = [e for e in events if isinstance(e, OccurrenceSkipped)]
    assert [(run.due_at - start) // MINUTE for run in runs] == ran
    assert [(skip.count, skip.reason) for skip in skips] == skipped
    assert all(skip.ends is None for skip in skips)


@pytest.mark.parametrize("catch_up", ["skip", "one", "all"])
def test_a_single_instant_runs_however_late_it_is(story: Any, catch_up: str) -> None:
    story.order(at("in 5 minutes"), options={"catch_up": catch_up})
    story.ring(after=30 * DAY)
    assert story.statuses() == ["pending"]


def test_a_single_instant_that_may_not_be_late_fails_with_a_notice(story: Any) -> None:
    story.order(at("in 5 minutes"), options={"catch_up_window": "1h", "notify_failure": "phone"})
    events = story.ring(after=2 * HOUR)
    assert story.statuses() == ["skipped"]
    assert (story.task.status, story.task.reason) == ("failed", "missed: more than 1h late")
    [notice] = notices(events, {1: story.task})
    assert notice.to == ("phone",)
    assert "more than 1h late" in notice.message


def test_a_single_instant_waits_for_a_run_by_hand(story: Any) -> None:
    story.order(at("in 5 minutes"))
    manual = story.claim(story.run_now())
    story.ring(after=5 * MINUTE)
    assert story.statuses() == ["executing", "pending"]
    assert story.claimable() == []
    story.finish(manual)
    assert len(story.claimable()) == 1


def test_caught_up_runs_that_may_overlap_are_kept_apart(story: Any) -> None:
    story.order(every("5m"), options={"catch_up": "all", "overlap": "allow"})
    story.ring(after=32 * MINUTE)
    starts = [run.ready_at for run in story.runs.values()]
    assert starts == [story.now + n * SECOND for n in range(6)]
    assert len(story.claimable()) == 1


def test_caught_up_runs_that_may_not_overlap_run_one_after_the_other(story: Any) -> None:
    story.order(every("5m"), options={"catch_up": "all"})
    story.ring(after=32 * MINUTE)
    for _ in range(6):
        run = story.claim()
        assert story.claimable() == []
        story.finish(run)
    dues = [run.due_at for run in story.runs.values()]
    assert all(b - a == 5 * MINUTE for a, b in pairwise(dues))


def test_more_than_are_listed_at_once_can_be_caught_up(story: Any) -> None:
    story.order(every("1s"), options={"catch_up": "all", "catch_up_max": 1_000})
    events = story.ring(after=DAY)
    assert sum(isinstance(e, RunPlanned) for e in events) == 1_000
    assert events[-1].due_at == story.now


@pytest.mark.parametrize(("minutes", "count"), [(17, 3), (5_000 * 5, 5_000)])
def test_nothing_is_coalesced_into_an_occurrence_that_is_skipped(
    story: Any, minutes: int, count: int
) -> None:
    story.order(every("5m"))
    story.ring(after=5 * MINUTE)
    story.claim()
    (skip,) = story.ring(after=minutes * MINUTE)
    assert skip.reason == "overlap: the previous run is not finished"
    assert skip.count == count
    assert skip.until == story.now - story.now % (5 * MINUTE)


# ---------------------------------------------------------------- more than can be listed


@pytest.mark.parametrize(
    ("options", "rows", "ran"),
    [
        ({}, [(10_079, "coalesced")], 1),
        ({"catch_up": "skip"}, [(10_079, "missed")], 1),
        ({"catch_up": "all"}, [(9_980, "missed: too many to catch up")], 100),
        (
            {"catch_up": "all", "catch_up_max": 1_000},
            [(9_080, "missed: too many to catch up")],
            1_000,
        ),
        (
            {"catch_up_window": "1d"},
            [(8_639, "missed: more than 1d late"), (1_440, "coalesced")],
            1,
        ),
        ({"catch_up_window": "3m"}, [(10_076, "missed: more than 3m late"), (3, "coalesced")], 1),
        (
            {"windows": "mon-fri 09:00-17:00", "outside_window": "skip"},
            [
                (9_980, "coalesced, or window: outside of mon-fri 09:00-17:00 UTC"),
                (99, "window: outside of mon-fri 09:00-17:00 UTC"),
            ],
            1,
        ),
    ],
)
def test_each_minute_of_a_week_is_counted(
    story: Any, options: dict[str, Any], rows: list[tuple[int, str]], ran: int
) -> None:
    story.order(cron("* * * * *"), options=options)
    events = story.ring(after=7 * DAY)
    skips = [e for e in events if isinstance(e, OccurrenceSkipped)]
    assert [(skip.count, skip.reason) for skip in skips] == rows
    assert sum(isinstance(e, RunPlanned) for e in events) == ran
    assert sum(skip.count for skip in skips) + ran == 7 * 24 * 60
    instants = [at for skip in skips for at in (skip.due_at, skip.until)]
    assert instants == sorted(instants)
    for one, other in pairwise(skips):
        assert other.due_at - one.until == MINUTE


def test_a_pause_of_a_year_is_counted_to_the_second(story: Any) -> None:
    story.order(cron("* * * * * *"))
    story.pause()
    story.now += 365 * DAY
    story.resume()
    (skipped,) = story.runs.values()
    assert (skipped.count, skipped.reason) == (31_536_000, "paused at the time")


def test_a_count_that_is_no_more_than_a_lower_bound_says_so(story: Any) -> None:
    rule = cron("* * * * *", "Europe/Berlin") | cron("*/2 * * * *", "Asia/Tokyo")
    story.order(rule)
    skip, *_ = story.ring(after=7 * DAY)
    assert skip.reason == "coalesced (more of them, in fact: so many could be counted)"
    assert 0 < skip.count <= 7 * 24 * 60


@pytest.mark.parametrize("catch_up", ["one", "all"])
@pytest.mark.parametrize(
    "rule",
    [
        cron("* * * * * *", "Europe/Berlin"),
        every("1ms"),
        every("1m").jittered("30s"),
        cron("* * * * *", "Europe/Berlin").excluding("12-25", "01-01", "05-01"),
        cron("* * * * *", "Europe/Berlin") | cron("*/2 * * * *", "Asia/Tokyo"),
    ],
    ids=["seconds", "milliseconds", "jitter", "holidays", "two zones"],
)
def test_what_was_missed_in_a_year_is_decided_at_once(story: Any, rule: Any, catch_up: str) -> None:
    story.order(rule, options={"catch_up": catch_up})
    story.now += 365 * DAY
    began = process_time()
    story.plan()
    assert process_time() - began < 0.25  # some 5 to 30 ms; another machine may be slower
