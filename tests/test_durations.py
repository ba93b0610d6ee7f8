"""Durations as text, numbers and timedeltas."""

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from tocsin.core.durations import LONGEST, WEEK, format_duration, parse_duration
from tocsin.core.errors import InvalidTime


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("5m", 5 * MINUTE),
        ("90s", 90 * SECOND),
        ("1h30m", 90 * MINUTE),
        ("1h 30m", 90 * MINUTE),
        ("250ms", 250 * MILLISECOND),
        ("7us", 7),
        ("2d", 2 * DAY),
        ("1w", WEEK),
        ("1.5h", 90 * MINUTE),
        ("0.25s", 250 * MILLISECOND),
        ("5 minutes", 5 * MINUTE),
        ("1 minute", MINUTE),
        ("1 hour 30 minutes", 90 * MINUTE),
        ("1 HOUR 30 Minutes", 90 * MINUTE),
        ("  2 hrs\t", 2 * HOUR),
        ("10 secs", 10 * SECOND),
        ("0s", 0),
        ("36525d", LONGEST),
        (0, 0),
        (5, 5 * SECOND),
        (0.1, 100 * MILLISECOND),
        (1e-6, 1),
        (timedelta(days=1, microseconds=3), DAY + 3),
    ],
)
def test_a_clear_duration_is_understood(value: str | float | timedelta, expected: int) -> None:
    assert parse_duration(value) == expected


@pytest.mark.parametrize(
    ("value", "because"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("5", 'has no unit after 5; write "5s" or "5m"'),
        ("1h30", 'has no unit after 30; write "30s" or "30m"'),
        ("1.5", "has no unit"),
        ("-5m", "is negative"),
        ("5m -2s", "is not a number with a unit"),
        ("m", "is not a number with a unit"),
        ("five minutes", "is not a number with a unit"),
        ("1,5h", "has no unit after 1"),
        (".5h", "is not a number with a unit"),
        ("PT5M", "is not a number with a unit"),
        ("nan", "is not a number with a unit"),
        ("inf", "is not a number with a unit"),
        ("\u0665m", "is not a number with a unit"),
        ("5 minuts", "unknown unit 'minuts'; write \"5m\" or \"1h30m\"; did you mean 'minutes'?"),
        ("5 zorks", "unknown unit 'zorks'"),
        ("3 months", "no fixed length"),
        ("1y", "or use cron for dates of the calendar"),
        ("5M", 'may mean minutes or months; write "5m" for minutes'),
        ("30m1h", "the largest first"),
        ("5m 5m", "each unit once"),
        ("5m 5min", "each unit once"),
        ("0.0000001s", "finer than a microsecond"),
        ("36525.1d", "longer than 100 years"),
        ("9" * 99 + "s", "longer than 100 years"),
        ("1s" * 100, "too long"),
        (-1, "is negative"),
        (-1e-9, "is negative"),
        (float("nan"), "not a length of time"),
        (float("inf"), "not a length of time"),
        (float("-inf"), "not a length of time"),
        (1e300, "longer than 100 years"),
        pytest.param(10**5000, "longer than 100 years", id="a huge number"),
        (timedelta(microseconds=-1), "is negative"),
        (timedelta.max, "longer than 100 years"),
        (True, "bool"),
        (None, "not text, a number or a timedelta"),
        (b"5m", "not text, a number or a timedelta"),
    ],
)
def test_an_unclear_duration_is_refused_with_a_hint(value: str, because: str) -> None:
    with pytest.raises(InvalidTime) as refused:
        parse_duration(value)
    message = str(refused.value)
    assert because in message
    assert "; write " in message
    assert len(message) < 200


def test_the_reason_of_a_refusal_comes_without_the_hint() -> None:
    with pytest.raises(InvalidTime) as refused:
        parse_duration("5")
    assert refused.value.reason == "has no unit after 5"


@pytest.mark.parametrize(
    ("us", "expected"),
    [
        (0, "0s"),
        (1, "1us"),
        (250 * MILLISECOND, "250ms"),
        (90 * MINUTE, "1h30m"),
        (WEEK, "1w"),
        (8 * DAY, "8d"),
        (2 * WEEK, "2w"),
        (DAY + HOUR + MINUTE + SECOND + MILLISECOND + 1, "1d1h1m1s1ms1us"),
    ],
)
def test_a_duration_is_written_in_few_units(us: int, expected: str) -> None:
    assert format_duration(us) == expected


def test_a_negative_duration_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="negative"):
        format_duration(-1)


@given(st.integers(min_value=0, max_value=LONGEST))
@example(LONGEST)
def test_what_is_written_is_read_back_exactly(us: int) -> None:
    assert parse_duration(format_duration(us)) == us


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_525)))
def test_a_timedelta_keeps_every_microsecond(delta: timedelta) -> None:
    assert timedelta(microseconds=parse_duration(delta)) == delta


@given(st.text() | st.text(alphabet="0123456789.wdhms -", max_size=12) | st.floats())
def test_anything_is_understood_or_refused(value: str | float) -> None:
    try:
        us = parse_duration(value)
    except InvalidTime:
        return
    assert 0 <= us <= LONGEST
