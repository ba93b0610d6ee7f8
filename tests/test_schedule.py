import json
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moments import BEFORE_ALL_TIME, NOON, NOON_INSTANT, fire, refused

from tocsin.core.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND, to_instant
from tocsin.core.errors import InvalidTime
from tocsin.core.schedule import (
    After,
    Bounded,
    Every,
    Excluding,
    Jittered,
    Once,
    Union,
    after,
    at,
    cron,
    every,
    now,
    schedule_from_dict,
)

BERLIN = ZoneInfo("Europe/Berlin")


# ---------------------------------------------------------------- once


def test_once_fires_at_its_moment_and_never_again() -> None:
    once = at(NOON)
    assert once.next(NOON - timedelta(microseconds=1)) == NOON
    assert once.next(NOON) is None
    assert once.upcoming(NOON - timedelta(days=1), 5) == [NOON]
    assert not once.recurring


def test_a_moment_may_be_a_datetime_seconds_or_a_phrase() -> None:
    assert at(0) == Once(0)
    assert at(1.5) == Once(1_500_000)
    assert at(NOON.astimezone(timezone(timedelta(hours=5)))) == at(NOON)
    assert at(NOON.timestamp()) == at(NOON)
    assert at("2026-03-01T12:00:00Z").bind(0, "Asia/Tokyo").at == NOON_INSTANT


def test_a_phrase_is_kept_until_the_task_is_created() -> None:
    phrase = at("10:30pm")
    assert phrase.to_dict() == {"kind": "once", "phrase": "10:30pm"}
    assert phrase.describe() == "once 10:30pm"
    assert phrase.next(NOON) == NOON.replace(hour=22, minute=30)
    bound = phrase.bind(NOON_INSTANT, "Europe/Berlin")
    assert bound.describe() == "once 2026-03-01 22:30 (Europe/Berlin)"
    assert str(bound.next(NOON)) == "2026-03-01 22:30:00+01:00"
    assert bound.bind(0, "UTC") == bound


def test_a_relative_phrase_fires_once_even_while_it_is_not_bound() -> None:
    assert at("in 5 minutes").upcoming(NOON, 3) == [NOON + timedelta(minutes=5)]
    assert at("10:30pm").next_instant(BEFORE_ALL_TIME) is not None


@pytest.mark.parametrize(
    "wrong", [float("nan"), float("inf"), -float("inf"), True, None, b"10:30", 1e300, 10**4_000]
)
def test_s53_a_moment_that_is_no_moment_is_refused_at_the_edge(wrong: Any) -> None:
    assert refused(at, wrong)


def test_s53_a_moment_in_the_past_is_due_once() -> None:
    past = at(-5)
    assert past.next_instant(NOON_INSTANT) is None
    assert past.next_instant(BEFORE_ALL_TIME) == -5 * SECOND
    assert past.next_instant(-5 * SECOND) is None


def test_a_naive_datetime_is_refused_everywhere() -> None:
    naive = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - that is the mistake
    for make in (at, every("5m").next, lambda moment: every("5m", anchor=moment)):
        assert "no time zone" in refused(make, naive)


def test_an_unclear_phrase_is_refused_at_once() -> None:
    with pytest.raises(InvalidTime):
        at("whenever it suits you")
    refused(Once)
    refused(Once, 5, "10:30pm")
    refused(Once, None, 5)
    refused(Once, 0, tz="Mars/Olympus")


def test_s51_a_date_far_ahead_fires_at_its_date() -> None:
    for days in (25, 50, 3_650, 36_500):
        far = NOON + timedelta(days=days)
        assert at(far).next(NOON) == far


# ---------------------------------------------------------------- now, and after other tasks


def test_now_fires_once_at_the_moment_of_creation() -> None:
    assert now().upcoming(NOON, 3) == [NOON + timedelta(microseconds=1)]
    bound = now().bind(NOON_INSTANT, "UTC")
    assert bound.kind == "now"
    assert fire(bound, BEFORE_ALL_TIME, 3) == [NOON_INSTANT]
    assert bound.bind(NOON_INSTANT + 1, "UTC") == bound
    assert bound.describe() == "now"


def test_after_knows_no_time_and_names_each_task_once() -> None:
    task = SimpleNamespace(key="load", id=7)
    nameless = SimpleNamespace(key=None, id=8)
    chain = after("extract", 3, task, nameless, "extract")
    assert chain == After(("extract", 3, "load", 8))
    assert chain.next(NOON) is None
    assert chain.next_instant(BEFORE_ALL_TIME) is None
    assert chain.bind(0, "UTC") == chain
    assert chain.describe() == "after extract, 3, load, 8"


def test_after_needs_at_least_one_real_task() -> None:
    assert "at least one" in refused(after)
    for wrong in (True, None, 1.5, "", SimpleNamespace(key=None)):
        refused(after, wrong)


# ---------------------------------------------------------------- intervals


def test_s55_a_thousand_slots_later_nothing_has_drifted() -> None:
    third = every(1 / 3, anchor=NOON)
    slots = fire(third, NOON_INSTANT, 1_000)
    assert slots[-1] == NOON_INSTANT + 1_000 * third.interval
    late = [third.next_instant(slot + third.interval // 2) for slot in slots]
    assert late == [slot + third.interval for slot in slots]


def test_s54_an_interval_longer_than_the_uptime_keeps_its_slots() -> None:
    weekly = every("1w").bind(NOON_INSTANT, "UTC")
    stored = schedule_from_dict(json.loads(json.dumps(weekly.to_dict())))
    for restart in range(1, 7):
        assert stored.next_instant(NOON_INSTANT + restart * DAY) == NOON_INSTANT + 7 * DAY
    assert stored.next_instant(NOON_INSTANT + 30 * DAY) == NOON_INSTANT + 35 * DAY


def test_s05_an_interval_is_elapsed_time_on_the_night_that_is_longer() -> None:
    midnight = datetime(2026, 10, 25, tzinfo=BERLIN)
    slots = fire(every("10m", anchor=midnight), to_instant(midnight), 60)
    assert {later - earlier for earlier, later in pairwise(slots)} == {10 * MINUTE}


def test_nothing_fires_before_the_anchor_and_the_anchor_is_the_first_slot() -> None:
    hourly = every("1h", anchor=NOON)
    assert hourly.next(NOON - timedelta(days=3)) == NOON
    assert hourly.next(NOON) == NOON + timedelta(hours=1)
    assert hourly.next_instant(BEFORE_ALL_TIME) == NOON_INSTANT


def test_without_an_anchor_an_interval_starts_when_the_task_is_created() -> None:
    assert every("5m").next(NOON) == NOON + timedelta(minutes=5)
    bound = every("5m").bind(NOON_INSTANT, "Europe/Berlin")
    assert bound.anchor == NOON_INSTANT
    assert bound.bind(0, "UTC") == bound
    assert bound.recurring


def test_an_interval_may_be_written_in_many_ways() -> None:
    assert every("1h30m").interval == every(5_400).interval == 5_400 * SECOND
    assert every(timedelta(minutes=90)) == every("90 minutes")
    assert every("1ms").interval == every(0.001).interval == MILLISECOND
    assert every("1 month") == every("1mo") == Every(months=1)
    assert every("2 years") == every("2Y") == every("24  months") == Every(months=24)
    assert every("1 year 6 months") == every("1y6mo") == Every(months=18)


@pytest.mark.parametrize(
    "wrong",
    [0, -1, "0s", "-5m", "999us", 0.0005, float("nan"), float("inf"), True, None, "", " ", "5",
     "0 months", "1 month 3 days", "101 years", "99999d", "5 minuts", "month", 1e300,
     "9" * 39 + "y", timedelta(0)],
)  # fmt: skip
def test_an_interval_that_is_no_interval_is_refused(wrong: Any) -> None:
    assert refused(every, wrong)


def test_months_keep_the_day_of_the_anchor() -> None:
    last = every("1 month", anchor=datetime(2026, 1, 31, 9, 0, tzinfo=BERLIN))
    found = last.upcoming(datetime(2026, 1, 1, tzinfo=UTC), 14)
    assert [f"{moment:%m-%d}" for moment in found] == [
        "01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31",
        "09-30", "10-31", "11-30", "12-31", "01-31", "02-28",
    ]  # fmt: skip
    assert {(moment.hour, moment.minute) for moment in found} == {(9, 0)}


def test_years_from_a_leap_day_come_back_to_it() -> None:
    leap = every("1 year", anchor=datetime(2024, 2, 29, tzinfo=UTC))
    found = leap.upcoming(datetime(2024, 3, 1, tzinfo=UTC), 4)
    assert [str(moment.date()) for moment in found] == [
        "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29",
    ]  # fmt: skip


def test_months_are_counted_in_the_zone_of_the_anchor_or_else_of_the_app() -> None:
    late = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    assert every("1 month", anchor=late).tz == "UTC"
    assert every("1 month", anchor=late.astimezone(BERLIN)).tz == "Europe/Berlin"
    offset_only = every("1 month", anchor=late.astimezone(timezone(timedelta(hours=1))))
    assert offset_only.tz is None
    assert offset_only.bind(0, "Asia/Tokyo").tz == "Asia/Tokyo"


def test_a_monthly_slot_that_the_clock_skips_comes_when_the_gap_ends() -> None:
    monthly = every("1 month", anchor=datetime(2026, 1, 29, 2, 30, tzinfo=BERLIN))
    found = monthly.upcoming(datetime(2026, 3, 1, tzinfo=UTC), 2)
    assert [str(moment) for moment in found] == [
        "2026-03-29 03:00:00+02:00", "2026-04-29 02:30:00+02:00",
    ]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    months=st.integers(1, 1_200),
    anchor=st.integers(BEFORE_ALL_TIME // 400, NOON_INSTANT * 3),
    ahead=st.integers(0, 200 * 366 * DAY),
    tz=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "America/Sao_Paulo"]),
)
def test_a_monthly_slot_is_strictly_later_and_none_is_left_out(
    months: int, anchor: int, ahead: int, tz: str
) -> None:
    schedule = Every(months=months, anchor=anchor, tz=tz)
    slot = schedule.next_instant(anchor + ahead)
    assert slot is not None
    assert anchor + ahead < slot <= anchor + ahead + (months + 1) * 32 * DAY
    assert schedule.next_instant(slot - 1) == slot


def test_intervals_end_with_the_calendar() -> None:
    assert every("1d", anchor=NOON).next(datetime(9999, 12, 30, tzinfo=UTC)) is None
    assert every("100 years", anchor=NOON).next(datetime(9930, 1, 1, tzinfo=UTC)) is None
    assert every("1 month", anchor=NOON).next_instant(1 << 62) is None


def test_intervals_describe_themselves() -> None:
    assert every("90s").describe() == "every 1m30s"
    assert every("1 month").describe() == "every month"
    assert every("3 months").describe() == "every 3 months"
    assert every("2 years").describe() == "every 2 years"
    assert every("14 months").describe() == "every 14 months"


# ---------------------------------------------------------------- bounds, exclusions, unions


def test_both_bounds_are_within() -> None:
    hourly = every("1h", anchor=NOON)
    bounded = Bounded(hourly, NOON_INSTANT + 2 * HOUR, NOON_INSTANT + 4 * HOUR)
    assert [(i - NOON_INSTANT) // HOUR for i in fire(bounded, 0, 9)] == [2, 3, 4]
    assert Bounded(hourly, end=NOON_INSTANT).upcoming(NOON - timedelta(days=1), 3) == [NOON]
    assert bounded.recurring


def test_an_interval_without_an_anchor_starts_at_a_start_to_come() -> None:
    start = NOON_INSTANT + 90 * MINUTE
    bounded = Bounded(every("1h"), start=start).bind(NOON_INSTANT, "UTC")
    assert fire(bounded, NOON_INSTANT, 2) == [start, start + HOUR]
    begun = Bounded(every("1h"), start=NOON_INSTANT - DAY).bind(NOON_INSTANT, "UTC")
    assert fire(begun, NOON_INSTANT, 1) == [NOON_INSTANT + HOUR]


def test_bounds_that_bound_nothing_are_refused() -> None:
    refused(Bounded, every("1h"))
    assert "before the start" in refused(Bounded, every("1h"), 2, 1)
    refused(Bounded, every("1h"), 1.5)
    refused(Bounded, "every 1h", 1)


def test_an_excluded_date_is_a_day_in_the_schedules_zone() -> None:
    holidays = (date(2026, 12, 25), date(2026, 12, 26))
    schedule = Excluding(cron("30 0 * * *", "Europe/Berlin"), holidays)
    found = schedule.upcoming(datetime(2026, 12, 24, 12, tzinfo=UTC), 2)
    assert [f"{moment:%d %H:%M}" for moment in found] == ["27 00:30", "28 00:30"]
    only_morning = Excluding(every("6h", anchor=NOON), (date(2026, 3, 2),), "Asia/Tokyo")
    hours = [moment.hour for moment in only_morning.upcoming(NOON, 3)]
    assert hours == [18, 0, 6]


def test_a_long_row_of_excluded_days_costs_no_more_than_one() -> None:
    first = date(2026, 3, 1)
    closed = tuple(first + timedelta(days=n) for n in range(365))
    secondly = Excluding(cron("* * * * * *", "Europe/Berlin"), closed)
    found = secondly.next(NOON)
    assert found == datetime(2027, 3, 1, tzinfo=BERLIN)


def test_an_excluded_day_ends_where_the_clock_is_set_back_at_midnight() -> None:
    sao_paulo = ZoneInfo("America/Sao_Paulo")
    schedule = Excluding(cron("*/30 * * * *", "America/Sao_Paulo"), (date(2018, 2, 17),))
    found = schedule.next(datetime(2018, 2, 17, 1, tzinfo=sao_paulo))
    assert found == datetime(2018, 2, 18, tzinfo=sao_paulo)


def test_what_excludes_no_dates_is_refused() -> None:
    assert refused(Excluding, every("1h"), ())
    assert refused(Excluding, every("1h"), (NOON,))
    assert "Nowhere" in refused(Excluding, every("1h"), (date(2026, 1, 1),), "Nowhere")


def test_a_union_fires_whenever_a_part_does_and_once_at_the_same_instant() -> None:
    both = Union((every("2h", anchor=NOON), every("3h", anchor=NOON)))
    hours = [(instant - NOON_INSTANT) // HOUR for instant in fire(both, NOON_INSTANT, 5)]
    assert hours == [2, 3, 4, 6, 8]
    dates = Union((at(NOON), at(NOON + timedelta(days=1))))
    assert dates.recurring
    assert dates.upcoming(NOON - timedelta(days=1), 5) == [NOON, NOON + timedelta(days=1)]
    assert not Union((at(NOON),)).recurring
    refused(Union, ())
    refused(Union, (1,))


def test_binding_reaches_the_innermost_schedule() -> None:
    written = Union(
        (
            Excluding(Jittered(cron("0 9 * * *"), MINUTE), (date(2026, 3, 2),)),
            Bounded(every("5m"), end=NOON_INSTANT + HOUR),
        )
    )
    bound = written.bind(NOON_INSTANT, "Europe/Berlin")
    first, second = bound.to_dict()["parts"]
    assert first["tz"] == "Europe/Berlin"
    assert first["inner"]["inner"]["tz"] == "Europe/Berlin"
    assert second["inner"]["anchor"] == NOON_INSTANT
    assert bound.bind(0, "UTC") == bound
