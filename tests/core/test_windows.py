"""When runs may start: windows as they are written, and where clocks change."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.clock import DAY, HOUR, MINUTE, from_instant, to_instant
from tocsin.core.errors import InvalidTask
from tocsin.core.windows import DAYS, Windows, parse_window


def instant(text: str) -> int:
    return to_instant(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("text", "days", "hours"),
    [
        ("mon-fri 09:00-17:00", {0, 1, 2, 3, 4}, (9 * HOUR, 17 * HOUR)),
        ("22:00-06:00", set(range(7)), (22 * HOUR, 30 * HOUR)),
        ("daily 0:00 - 24:00", set(range(7)), (0, 24 * HOUR)),
        ("sat,sun", {5, 6}, (0, 24 * HOUR)),
        ("Fri-Mon 08:30-09:15", {4, 5, 6, 0}, (8 * HOUR + 30 * MINUTE, 9 * HOUR + 15 * MINUTE)),
        ("monday, wed-thursday 1:00-2:00", {0, 2, 3}, (HOUR, 2 * HOUR)),
        ("sun 23:00-0:00", {6}, (23 * HOUR, 24 * HOUR)),
    ],
)
def test_a_window_is_read(text: str, days: set[int], hours: tuple[int, int]) -> None:
    window = parse_window(text)
    assert (set(window.days), (window.opens, window.closes)) == (days, hours)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not understood.*write"),
        ("mon-fri 09:00-17:00 UTC", "not understood"),
        ("mno 09:00-17:00", "no day 'mno'; did you mean 'mon'"),
        ("mon- 09:00-17:00", "no day ''"),
        ("mon 9-17", "no day"),
        ("25:00-26:00", "no clock shows"),
        ("10:60-11:00", "no clock shows"),
        ("24:00-01:00", "no clock shows"),
        ("10:00-24:01", "no clock shows"),
        ("10:00-10:00", "ends as it begins"),
        (5, "is a text, not 5"),
    ],
)
def test_a_window_that_cannot_be_meant_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidTask, match=words):
        parse_window(text)


OFFICE = ("mon-fri 09:00-17:00",)


@pytest.mark.parametrize(
    ("texts", "tz", "at", "opening"),
    [
        (OFFICE, "UTC", "2026-03-02T08:59:59+00:00", "2026-03-02T09:00:00+00:00"),
        (OFFICE, "UTC", "2026-03-02T09:00:00+00:00", None),
        (OFFICE, "UTC", "2026-03-02T16:59:59+00:00", None),
        (OFFICE, "UTC", "2026-03-02T17:00:00+00:00", "2026-03-03T09:00:00+00:00"),
        (OFFICE, "UTC", "2026-03-06T17:00:00+00:00", "2026-03-09T09:00:00+00:00"),
        (OFFICE, "Europe/Berlin", "2026-03-02T07:00:00+00:00", "2026-03-02T08:00:00+00:00"),
        (OFFICE, "America/New_York", "2026-03-02T20:00:00+00:00", None),
        (("fri 22:00-06:00",), "UTC", "2026-03-07T05:59:59+00:00", None),
        (("fri 22:00-06:00",), "UTC", "2026-03-07T06:00:00+00:00", "2026-03-13T22:00:00+00:00"),
        (("sat", "10:00-11:00"), "UTC", "2026-03-06T12:00:00+00:00", "2026-03-07T00:00:00+00:00"),
        (("14:00-15:00", "10:00-11:00"), "UTC", "2026-03-06T09:00:00+00:00",
         "2026-03-06T10:00:00+00:00"),
        # the clock goes from 02:00 to 03:00
        (("02:30-04:00",), "Europe/Berlin", "2026-03-29T00:59:00+00:00",
         "2026-03-29T01:00:00+00:00"),
        (("02:10-02:50",), "Europe/Berlin", "2026-03-28T12:00:00+00:00",
         "2026-03-30T00:10:00+00:00"),
        (("sun 02:10-02:50",), "Europe/Berlin", "2026-03-28T12:00:00+00:00",
         "2026-04-05T00:10:00+00:00"),
        # the clock goes from 03:00 back to 02:00: a time that comes twice means its first coming
        (("02:30-04:00",), "Europe/Berlin", "2026-10-25T00:00:00+00:00",
         "2026-10-25T00:30:00+00:00"),
        (("22:00-02:30",), "Europe/Berlin", "2026-10-25T00:30:00+00:00",
         "2026-10-25T21:00:00+00:00"),
        ((), "UTC", "2026-03-02T08:59:59+00:00", None),
    ],
)  # fmt: skip
def test_a_window_opens(texts: tuple[str, ...], tz: str, at: str, opening: str | None) -> None:
    windows = Windows(texts, tz)
    found = windows.opening(instant(at))
    assert found is not None
    assert from_instant(found) == datetime.fromisoformat(opening or at)
    assert windows.is_open(instant(at)) is (opening is None)


def test_a_window_that_opens_only_on_a_day_that_was_left_out_opens_a_week_later() -> None:
    friday = Windows(("fri",), "Pacific/Apia")  # there was no Friday the 30th
    found = friday.opening(instant("2011-12-29T12:00:00+00:00"))
    assert found is not None
    assert from_instant(found) == datetime.fromisoformat("2012-01-06T00:00:00+14:00")


@given(
    texts=st.lists(
        st.builds(
            lambda day, start, end: f"{day} {start:02}:15-{end:02}:45",
            st.sampled_from([*DAYS, "mon-fri", "sat,sun", "daily"]),
            st.integers(0, 23),
            st.integers(0, 23),
        ),
        min_size=1,
        max_size=3,
    ),
    tz=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    minutes=st.integers(0, 366 * 24 * 60),
)
def test_an_opening_is_open_and_everything_before_it_is_closed(
    texts: list[str], tz: str, minutes: int
) -> None:
    windows = Windows(tuple(texts), tz)
    at = instant("2026-01-01T00:00:00+00:00") + minutes * MINUTE
    opening = windows.opening(at)
    assert opening is not None
    assert at <= opening <= at + 15 * DAY
    assert windows.is_open(opening)
    if opening > at:
        assert not windows.is_open(opening - 1)
        assert not windows.is_open((at + opening) // 2)


def test_office_hours_of_a_year_are_eight_hours_on_each_working_day() -> None:
    windows, at = Windows(OFFICE, "Europe/Berlin"), instant("2026-01-01T00:00:00+01:00")
    hours = [at + n * HOUR for n in range(365 * 24)]
    found = [h for h in hours if windows.is_open(h)]
    first = datetime.fromisoformat("2026-01-01")
    days = [first + timedelta(days=n) for n in range(365)]
    assert len(found) == 8 * sum(day.weekday() < 5 for day in days)
