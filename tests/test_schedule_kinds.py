"""What every kind of schedule can do: its JSON form, and answers in its zone."""

import json
import pickle
from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moments import BEFORE_ALL_TIME, NOON, NOON_INSTANT, refused

from tocsin.core.clock import DAY, MINUTE, from_instant, to_instant
from tocsin.core.errors import InvalidSchedule
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
