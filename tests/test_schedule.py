import json
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND, from_instant, to_instant
from tocsin.core.errors import InvalidSchedule, InvalidTime
from tocsin.core.schedule import (
    After,
    Bounded,
    Cron,
    Every,
    Excluding,
    Jittered,
    Now,
    Once,
    Schedule,
    Union,
    after,
    at,
    cron,
    every,
    now,
    schedule_from_dict,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_INSTANT = to_instant(NOON)
BEFORE_ALL_TIME = -(1 << 62)


def fire(schedule: Schedule, start: int, n: int) -> list[int]:
    """The next `n` instants, fewer when the schedule ends."""
    found: list[int] = []
    instant = schedule.next_instant(start)
    while instant is not None and len(found) < n:
        found.append(instant)
        instant = schedule.next_instant(instant)
    return found


def refused(make: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(InvalidSchedule) as error:
        make(*args, **kwargs)
    return str(error.value)


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
    refused(at, wrong)


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
    refused(every, wrong)


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
    refused(Excluding, every("1h"), ())
    refused(Excluding, every("1h"), (NOON,))
    refused(Excluding, every("1h"), (date(2026, 1, 1),), "Nowhere")


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


# ---------------------------------------------------------------- jitter

SLOTS: list[Schedule] = [
    every("1m", anchor=NOON),
    every("1ms", anchor=NOON),
    every("1 month", anchor=NOON),
    cron("*/7 9-17 * * 1-5", "Europe/Berlin"),
    cron("30 2 * * *", "Europe/Berlin"),
    Union((every("7m", anchor=NOON), cron("*/5 * * * *"), at(NOON + timedelta(minutes=3)))),
]


@settings(max_examples=150, deadline=None)
@given(
    inner=st.sampled_from(SLOTS),
    spread=st.integers(1, 3 * DAY),
    seed=st.text(max_size=5),
    start=st.integers(0, 60 * DAY).map(lambda ahead: NOON_INSTANT + ahead),
)
def test_jitter_is_strictly_later_and_neither_loses_nor_reorders_slots(
    inner: Schedule, spread: int, seed: str, start: int
) -> None:
    jittered = Jittered(inner, spread, seed)
    slots = [each for each in fire(inner, start, 12) if each is not None]
    moments = fire(jittered, slots[0] - 1, 12)
    late = [moment for moment in moments if moment >= slots[0]]
    assert moments == sorted(set(moments))
    for slot, following, moment in zip(slots, slots[1:], late, strict=False):
        assert slot <= moment <= min(slot + spread, following - 1)
    for moment in moments:
        assert jittered.next_instant(moment - 1) == moment


def test_jitter_depends_on_the_slot_and_the_seed_alone() -> None:
    daily = cron("0 9 * * *")
    first, same, other = (Jittered(daily, HOUR, seed) for seed in ("a", "a", "b"))
    delays = [(moment - NOON_INSTANT) % DAY for moment in fire(first, NOON_INSTANT, 20)]
    assert fire(first, NOON_INSTANT, 20) == fire(same, NOON_INSTANT, 20)
    assert fire(first, NOON_INSTANT, 20) != fire(other, NOON_INSTANT, 20)
    assert len(set(delays)) == 20
    assert max(delays) - min(delays) <= HOUR


def test_a_single_moment_is_delayed_too_and_fires_once() -> None:
    late = Jittered(at(NOON), HOUR, 7)
    (moment,) = fire(late, BEFORE_ALL_TIME, 5)
    assert NOON_INSTANT <= moment <= NOON_INSTANT + HOUR
    assert fire(late, moment - 1, 5) == [moment]
    assert not late.recurring
    end = Jittered(at(datetime(9999, 12, 28, tzinfo=UTC)), 36_500 * DAY)
    assert end.next(NOON) is not None


def test_jitter_that_is_no_delay_is_refused() -> None:
    for spread in (0, -1, 1.5, True, None, 1 << 70):
        refused(Jittered, every("1h"), spread)
    refused(Jittered, every("1h"), 1, None)
    refused(Jittered, "1h", 1)


# ---------------------------------------------------------------- the JSON form

EVERY_KIND: list[Schedule] = [
    at(NOON),
    at("in 5 minutes"),
    at("10:30pm").bind(NOON_INSTANT, "Europe/Berlin"),
    cron("0 9 * * 1-5"),
    cron("*/30 * * * * *", "Asia/Tokyo", "both"),
    every("250ms"),
    every("1 month", anchor=NOON),
    now(),
    now().bind(NOON_INSTANT, "UTC"),
    after("extract", 7),
    Bounded(cron("@daily"), 0, NOON_INSTANT),
    Jittered(every("1h"), MINUTE, "key"),
    Excluding(cron("@daily"), (date(2026, 12, 25),), "Europe/Berlin"),
    Union((Bounded(Jittered(every("1h"), 5), end=9), at(NOON))),
]


@pytest.mark.parametrize("schedule", EVERY_KIND, ids=lambda each: each.describe())
def test_every_kind_comes_back_from_json_and_from_a_pickle_as_it_was(schedule: Schedule) -> None:
    form = schedule.to_dict()
    back = schedule_from_dict(json.loads(json.dumps(form)))
    assert back == schedule
    assert back.to_dict() == form
    assert form["kind"] == schedule.kind
    assert hash(pickle.loads(pickle.dumps(schedule))) == hash(schedule)
    assert schedule.describe()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "a table"),
        ([], "a table"),
        ({}, "unknown kind"),
        ({"kind": "crom"}, "did you mean 'cron'"),
        ({"kind": ["cron"]}, "unknown kind"),
        ({"kind": "cron"}, "cron needs 'expr'"),
        ({"kind": "cron", "expr": ["* * * * *"]}, "must be text"),
        ({"kind": "cron", "expr": "* * * * *", "timezone": "UTC"}, "no 'timezone'"),
        ({"kind": "cron", "expr": "@daily", "tz": 5}, "must be a name"),
        ({"kind": "cron", "expr": "@daily", "dst": ["skip"]}, "dst must be one of"),
        ({"kind": "once"}, "an instant or a phrase"),
        ({"kind": "once", "at": "noon"}, "microseconds"),
        ({"kind": "once", "at": True}, "microseconds"),
        ({"kind": "once", "at": 1 << 63}, "between the years"),
        ({"kind": "every"}, "longer than nothing"),
        ({"kind": "every", "interval": 1.5}, "whole number"),
        ({"kind": "every", "interval": 999}, "1 millisecond"),
        ({"kind": "every", "interval": 5_000, "months": 1}, "longer than nothing"),
        ({"kind": "every", "months": -1}, "between 1 month"),
        ({"kind": "every", "months": 1, "anchor": 1.5}, "the anchor"),
        ({"kind": "now", "at": "x"}, "microseconds"),
        ({"kind": "after"}, "needs 'tasks'"),
        ({"kind": "after", "tasks": []}, "at least one"),
        ({"kind": "after", "tasks": "extract"}, "at least one"),
        ({"kind": "after", "tasks": [["x"]]}, "keys or ids"),
        ({"kind": "bounded", "start": 1}, "needs 'inner'"),
        ({"kind": "bounded", "inner": {"kind": "now"}}, "a start, an end or both"),
        ({"kind": "bounded", "inner": "now", "start": 1}, "a table"),
        ({"kind": "jittered", "inner": {"kind": "now"}, "spread": "5m"}, "microseconds"),
        ({"kind": "union", "parts": {}}, "at least one"),
        ({"kind": "union", "parts": [5]}, "a table"),
        ({"kind": "excluding", "inner": {"kind": "now"}, "dates": "2026-12-25"}, "a list"),
        ({"kind": "excluding", "inner": {"kind": "now"}, "dates": ["2026-13-01"]}, "not one"),
        ({"kind": "excluding", "inner": {"kind": "now"}, "dates": [5]}, "not one"),
    ],
)
def test_an_unknown_or_broken_form_is_refused(data: Any, says: str) -> None:
    assert says in refused(schedule_from_dict, data)


def test_forms_nested_too_deep_are_refused() -> None:
    form: dict[str, Any] = {"kind": "now"}
    for _ in range(10_000):
        form = {"kind": "bounded", "inner": form, "start": 0}
    assert "nested" in refused(schedule_from_dict, form)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
NAMES = ["at", "phrase", "tz", "expr", "dst", "interval", "months", "anchor", "tasks", "inner",
         "start", "end", "spread", "seed", "parts", "dates"]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from([each.kind for each in EVERY_KIND]),
    values=st.dictionaries(st.sampled_from(NAMES), JSON | st.just({"kind": "now"}), max_size=4),
)
def test_whatever_comes_as_json_is_a_schedule_or_refused(kind: str, values: Any) -> None:
    try:
        schedule = schedule_from_dict({"kind": kind, **values})
    except InvalidSchedule:
        return
    assert schedule_from_dict(schedule.to_dict()) == schedule
    following = schedule.next_instant(NOON_INSTANT)
    assert following is None or following > NOON_INSTANT


# ---------------------------------------------------------------- all kinds alike


@pytest.mark.parametrize("schedule", EVERY_KIND, ids=lambda each: each.describe())
def test_every_kind_answers_in_its_zone_and_strictly_later(schedule: Schedule) -> None:
    bound = schedule.bind(NOON_INSTANT, "Europe/Berlin")
    assert bound.bind(NOON_INSTANT + 1, "UTC") == bound
    for start in (BEFORE_ALL_TIME, 0, NOON_INSTANT - 1, NOON_INSTANT, NOON_INSTANT + DAY, 1 << 62):
        instant = bound.next_instant(start)
        assert instant is None or instant > start
    moment = bound.next(NOON - timedelta(days=900))
    if moment is not None:
        expected = ZoneInfo(bound.timezone) if bound.timezone else UTC
        assert moment.tzinfo in {expected, UTC}
        assert to_instant(moment) == bound.next_instant(to_instant(NOON - timedelta(days=900)))


def test_the_functions_make_the_values() -> None:
    assert isinstance(cron("@daily"), Cron)
    assert isinstance(every("5m"), Every)
    assert isinstance(at("now"), Once)
    assert isinstance(now(), Now)
    assert isinstance(after(1), After)
    assert all(isinstance(each, Schedule) for each in EVERY_KIND)
    assert from_instant(NOON_INSTANT) == NOON
