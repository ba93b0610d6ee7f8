"""Time phrases: what is understood, what is refused, and what the reader is told."""

from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.clock import DAY, MINUTE, SECOND, to_instant
from tocsin.core.errors import InvalidSchedule, InvalidTime
from tocsin.core.times import Resolved, describe_instant, parse_time
from tocsin.core.zones import resolve_wall, wall, zone

BERLIN = "Europe/Berlin"


def instant(text: str) -> int:
    return to_instant(datetime.fromisoformat(text))


SATURDAY = instant("2026-02-28T22:45:10+01:00")


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("now", "2026-02-28T22:45:10+01:00"),
        ("in 10 minutes", "2026-02-28T22:55:10+01:00"),
        ("in 1h30m", "2026-03-01T00:15:10+01:00"),
        ("IN 2 Days", "2026-03-02T22:45:10+01:00"),
        ("in 0s", "2026-02-28T22:45:10+01:00"),
        ("22:45:11", "2026-02-28T22:45:11+01:00"),
        ("10:50pm", "2026-02-28T22:50+01:00"),
        ("  10:50 PM\n", "2026-02-28T22:50+01:00"),
        ("at 11pm", "2026-02-28T23:00+01:00"),
        ("10:45:30 p.m.", "2026-02-28T22:45:30+01:00"),
        ("today 23:00", "2026-02-28T23:00+01:00"),
        ("today at 11:30 pm", "2026-02-28T23:30+01:00"),
        ("tomorrow 9am", "2026-03-01T09:00+01:00"),
        ("tomorrow at 9am", "2026-03-01T09:00+01:00"),
        ("tomorrow noon", "2026-03-01T12:00+01:00"),
        ("tomorrow 12:30 pm", "2026-03-01T12:30+01:00"),
        ("tomorrow 12:30am", "2026-03-01T00:30+01:00"),
        ("tomorrow 12am", "2026-03-01T00:00+01:00"),
        ("tomorrow 12pm", "2026-03-01T12:00+01:00"),
        ("tomorrow 8:05", "2026-03-01T08:05+01:00"),
        ("2026-12-24 18:00", "2026-12-24T18:00+01:00"),
        ("2026-12-24 6pm", "2026-12-24T18:00+01:00"),
        ("2026-12-24 at 6pm", "2026-12-24T18:00+01:00"),
        ("2026-12-24 noon", "2026-12-24T12:00+01:00"),
        ("2026-07-24 18:00", "2026-07-24T18:00+02:00"),
        ("2026-12-24T18:00", "2026-12-24T18:00+01:00"),
        ("2026-12-24T18:00:00+01:00", "2026-12-24T18:00+01:00"),
        ("2026-12-24T18:00+0530", "2026-12-24T18:00+05:30"),
        ("2026-12-24T18:00-08", "2026-12-24T18:00-08:00"),
        ("2026-03-01T09:00Z", "2026-03-01T09:00+00:00"),
        ("2026-03-01t09:00:00.25z", "2026-03-01T09:00:00.250000+00:00"),
        ("2026-03-01 09:00:00,5Z", "2026-03-01T09:00:00.500000+00:00"),
        ("20260301T090000Z", "2026-03-01T09:00+00:00"),
        ("1790000000", "2026-09-21T14:13:20+00:00"),
        ("1790000000.25", "2026-09-21T14:13:20.250000+00:00"),
        ("2026-02-28 22:45:10", "2026-02-28T22:45:10+01:00"),
        ("1790000000.000001", "2026-09-21T14:13:20.000001+00:00"),
        ("9999-12-31T12:00Z", "9999-12-31T12:00+00:00"),
    ],
)
def test_a_clear_phrase_needs_no_note(phrase: str, expected: str) -> None:
    assert parse_time(phrase, now=SATURDAY, tz=BERLIN) == Resolved(instant(expected), None)


@pytest.mark.parametrize(
    ("phrase", "expected", "note"),
    [
        (
            "22:30",
            "2026-03-01T22:30+01:00",
            "22:30 has passed today: tomorrow, Sun 2026-03-01 22:30 Europe/Berlin",
        ),
        (
            "at 9am",
            "2026-03-01T09:00+01:00",
            "9am has passed today: tomorrow, Sun 2026-03-01 09:00 Europe/Berlin",
        ),
        (
            "22:45:10",
            "2026-03-01T22:45:10+01:00",
            "22:45:10 has passed today: tomorrow, Sun 2026-03-01 22:45:10 Europe/Berlin",
        ),
        (
            "noon",
            "2026-03-01T12:00+01:00",
            "noon has passed today: tomorrow, Sun 2026-03-01 12:00 Europe/Berlin",
        ),
        (
            "midnight",
            "2026-03-01T00:00+01:00",
            "the coming midnight: Sun 2026-03-01 00:00 Europe/Berlin",
        ),
        ("mon 08:00", "2026-03-02T08:00+01:00", "Mon 2026-03-02 08:00 Europe/Berlin"),
        ("Monday at 8am", "2026-03-02T08:00+01:00", "Mon 2026-03-02 08:00 Europe/Berlin"),
        ("fri 08:00", "2026-03-06T08:00+01:00", "Fri 2026-03-06 08:00 Europe/Berlin"),
        ("sat 23:00", "2026-02-28T23:00+01:00", "Sat 2026-02-28 23:00 Europe/Berlin"),
        ("saturday 8am", "2026-03-07T08:00+01:00", "Sat 2026-03-07 08:00 Europe/Berlin"),
        (
            "2026-02-28 22:00",
            "2026-02-28T22:00+01:00",
            "Sat 2026-02-28 22:00 Europe/Berlin lies in the past: it is due now",
        ),
        (
            "2020-01-02T03:04:05Z",
            "2020-01-02T03:04:05+00:00",
            "Thu 2020-01-02 04:04:05 Europe/Berlin lies in the past: it is due now",
        ),
        (
            "100000000",
            "1973-03-03T09:46:40+00:00",
            "Sat 1973-03-03 10:46:40 Europe/Berlin lies in the past: it is due now",
        ),
        (
            "2026-03-29 02:30",
            "2026-03-29T03:00+02:00",
            "clocks skip 02:30 that day: Sun 2026-03-29 03:00 Europe/Berlin",
        ),
        (
            "2026-10-25 2:30am",
            "2026-10-25T02:30+02:00",
            "clocks show 02:30 twice that day: the first is meant",
        ),
    ],
)
def test_what_was_decided_for_the_reader_is_said_in_a_note(
    phrase: str, expected: str, note: str
) -> None:
    assert parse_time(phrase, now=SATURDAY, tz=BERLIN) == Resolved(instant(expected), note)


@pytest.mark.parametrize(
    ("phrase", "because"),
    [
        ("", "is empty"),
        (" \t\n", "is empty"),
        ("8", "may be morning or evening; write"),
        ("at 8", "may be morning or evening; write"),
        ("tomorrow 8", "may be morning or evening; write"),
        ("8:5", "two digits after the colon"),
        ("22:30:5", "two digits after the colon"),
        ("10.30", 'needs a colon; write "10:30" or "10:30pm"'),
        ("13:00pm", "hours go from 1 to 12"),
        ("0:30am", "hours go from 1 to 12"),
        ("25:00", "does not exist"),
        ("24:00", "does not exist"),
        ("22:60", "does not exist"),
        ("22:30:60", "does not exist"),
        ("2026-12-24T24:00", "does not exist"),
        ("2026-12-24T18:00:60Z", "does not exist"),
        ("2026-02-30 10:00", "does not exist"),
        ("2026-13-01 6pm", "does not exist"),
        ("0000-01-01 00:00", "does not exist"),
        ("today 08:00", 'has passed; write "tomorrow 08:00"'),
        ("today 22:45:10", 'has passed; write "tomorrow 22:45:10"'),
        ("tomorrow", 'has no time of day; write "tomorrow 9am" or "tomorrow 18:00"'),
        ("Tuesday", "has no time of day"),
        ("2026-12-24", 'has no time of day; write "2026-12-24 9am"'),
        ("tomorrow midnight", "the start or the end"),
        ("2026-12-24 midnight", "the start or the end"),
        ("next monday 8am", "two different days"),
        ("this friday 18:00", "two different days"),
        ("9am tomorrow", "names the day last"),
        ("22:30 on friday", "names the day last"),
        ("10:30 in the evening", "leaves the hour open"),
        ("tonight", "leaves the hour open"),
        ("01/02/2026", "can be read in two ways"),
        ("01/02/2026 9am", "can be read in two ways"),
        ("1.2.2026 9:00", "can be read in two ways"),
        ("01-02-2026 9:00", "can be read in two ways"),
        ("2026/12/24 18:00", "not the full form"),
        ("2026-1-2 18:00", "not the full form"),
        ("2026-12-24 18:00 CET", "not the full form"),
        ("2026-12-24T18:00+25:00", "not the full form"),
        ("1969-12-31 23:59", "outside the years 1970 to 9999"),
        ("0001-01-01 00:00", "outside the years 1970 to 9999"),
        ("9999-12-31T23:59:59-01:00", "outside the years 1970 to 9999"),
        ("1790000000000", "milliseconds"),
        ("1790000000.1234567", "finer than a microsecond"),
        ("2026-12-24T18:00:00.123456789Z", "finer than a microsecond"),
        ("0830", "is only a number"),
        ("20261224", "is only a number"),
        ("in 3 months", "no fixed length"),
        ("in 1 year", "no fixed length"),
        ("in 10", "has no unit"),
        ("in 5M", "minutes or months"),
        ("in -5m", "needs a number and a unit"),
        ("in an hour", "needs a number and a unit"),
        ("in", "needs a number and a unit"),
        ("in 200000w", "longer than 100 years"),
        ("10 minutes", 'write "in 10 minutes"'),
        ("5m", 'write "in 5m"'),
        ("nan", "not a time that can be read safely"),
        ("inf", "not a time that can be read safely"),
        ("-1790000000", "not a time that can be read safely"),
        ("soon", "not a time that can be read safely"),
        ("next week", "not a time that can be read safely"),
        ("{0} 9am", "not a time that can be read safely"),
        ("22:30Z", "not a time that can be read safely"),
        ("½pm", "not a time that can be read safely"),
        ("\u0662\u0662:30", "not a time that can be read safely"),
        ("\u017fun 08:00", "not a time that can be read safely"),
        ("9" * 10_000, "not a time that can be read safely"),
    ],
)
def test_an_unclear_phrase_is_refused_and_two_good_ones_are_shown(
    phrase: str, because: str
) -> None:
    with pytest.raises(InvalidTime) as refused:
        parse_time(phrase, now=SATURDAY, tz=BERLIN)
    message = str(refused.value)
    assert because in message
    assert repr(" ".join(phrase.split()))[:50] in message
    assert len(message) < 190
    assert refused.value.reason in message
    assert "write" not in str(refused.value.reason)
    examples = message.rpartition("; write ")[2].split(" or ")
    assert len(examples) == 2
    for good in examples:
        assert parse_time(good.strip('"'), now=SATURDAY, tz=BERLIN).instant > SATURDAY


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(InvalidSchedule, match="did you mean 'Europe/Berlin'") as refused:
        parse_time("22:30", now=SATURDAY, tz="Europe/Berln")
    assert refused.value.field == "timezone"


def test_elapsed_time_does_not_care_about_clocks() -> None:
    before_spring = instant("2026-03-28T12:00+01:00")
    assert parse_time("in 1 day", now=before_spring, tz=BERLIN).instant == before_spring + DAY


def test_a_time_that_clocks_show_twice_has_passed_after_its_first_coming() -> None:
    second_round = instant("2026-10-25T02:10+01:00")
    resolved = parse_time("02:30", now=second_round, tz=BERLIN)
    assert resolved.instant == instant("2026-10-26T02:30+01:00")


def test_tomorrow_and_a_gap_are_both_said() -> None:
    resolved = parse_time("02:30", now=instant("2026-03-28T12:00+01:00"), tz=BERLIN)
    assert resolved.note == (
        "02:30 has passed today: tomorrow, Sun 2026-03-29 03:00 Europe/Berlin; "
        "clocks skip 02:30 that day: Sun 2026-03-29 03:00 Europe/Berlin"
    )


def test_a_whole_day_that_clocks_skip_ends_at_its_end() -> None:
    resolved = parse_time("fri 09:00", now=instant("2011-12-28T12:00-10:00"), tz="Pacific/Apia")
    assert describe_instant(resolved.instant, "Pacific/Apia") == "Sat 2011-12-31 00:00 Pacific/Apia"


def test_a_fold_over_midnight_never_leads_back_into_the_past() -> None:
    tz = "America/St_Johns"  # on 2006-10-29 clocks went from 00:01 back to 23:01 of the day before
    now = instant("2006-10-29T03:00Z")
    assert str(wall(now, zone(tz))) == "2006-10-28 23:30:00"
    resolved = parse_time("00:00:30", now=now, tz=tz)
    assert describe_instant(resolved.instant, tz) == "Mon 2006-10-30 00:00:30 America/St_Johns"
    assert "tomorrow" not in str(resolved.note)
    with pytest.raises(InvalidTime, match="has passed"):
        parse_time("tomorrow 00:00:30", now=now, tz=tz)


def test_the_last_day_of_the_calendar_has_no_tomorrow() -> None:
    with pytest.raises(InvalidTime, match="9999"):
        parse_time("tomorrow 9am", now=instant("9999-12-31T12:00Z"))


@pytest.mark.parametrize(
    ("at", "tz", "expected"),
    [
        ("2026-12-24T18:00+01:00", BERLIN, "Thu 2026-12-24 18:00 Europe/Berlin"),
        ("2026-12-24T18:00:07+01:00", "UTC", "Thu 2026-12-24 17:00:07 UTC"),
        ("2026-12-24T18:00:00.500000Z", "UTC", "Thu 2026-12-24 18:00 UTC"),
    ],
)
def test_an_instant_is_described_for_a_person(at: str, tz: str, expected: str) -> None:
    assert describe_instant(instant(at), tz) == expected


# ---------------------------------------------------------------- laws

INSTANTS = st.integers(min_value=0, max_value=instant("2100-01-01T00:00Z"))
ZONES = st.sampled_from(
    [BERLIN, "UTC", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Europe/Dublin"]
)
WORDS = st.sampled_from(
    (
        *(
            "now",
            "in",
            "at",
            "on",
            "today",
            "tomorrow",
            "mon",
            "friday",
            "next",
            "noon",
            "midnight",
        ),
        *(
            "am",
            "pm",
            "a.m.",
            "10",
            "22:30",
            "8:05",
            "7pm",
            "8:5",
            "10.30",
            "5m",
            "1h30m",
            "minutes",
        ),
        *("2026-12-24", "2026-12-24T18:00", "Z", "+01:00", ".25", "01/02/2026", "1790000000", "-"),
    )
)
CLOCKS = st.times().map(lambda t: f"{t:%H:%M:%S}") | st.sampled_from(["noon", "9am", "12:30 pm"])


@given(
    st.text() | st.lists(WORDS, max_size=5).map(" ".join) | st.lists(WORDS).map("".join),
    INSTANTS,
    ZONES,
)
@example("\0", 0, "UTC")
@example("2026-12-24T18:00" * 50, 0, "UTC")
def test_any_text_is_understood_or_refused(text: str, now: int, tz: str) -> None:
    try:
        resolved = parse_time(text, now=now, tz=tz)
    except InvalidTime:
        return
    assert describe_instant(resolved.instant, tz)


@given(CLOCKS, st.sampled_from(["", "today ", "tomorrow ", "mon ", "sunday at "]), INSTANTS, ZONES)
def test_a_phrase_without_a_date_is_never_in_the_past(
    clock: str, day: str, now: int, tz: str
) -> None:
    try:
        resolved = parse_time(day + clock, now=now, tz=tz)
    except InvalidTime:
        assert day in ("today ", "tomorrow ")
        return
    assert resolved.instant > now
    assert resolved.instant < now + 9 * DAY


@given(st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1)), INSTANTS, ZONES)  # noqa: DTZ001 - walls
def test_a_full_date_means_what_the_wall_shows(shown: datetime, now: int, tz: str) -> None:
    resolved = parse_time(shown.isoformat(" "), now=now, tz=tz)
    assert resolved.instant == resolve_wall(shown, zone(tz))[0]
    assert (resolved.instant < now) == ("past" in str(resolved.note))


@given(INSTANTS, INSTANTS)
def test_unix_seconds_are_exact_to_the_microsecond(at: int, now: int) -> None:
    seconds, fraction = divmod(at + 100 * 1_000_000 * SECOND, SECOND)
    phrase = f"{seconds}.{fraction:06}"
    assert parse_time(phrase, now=now).instant == seconds * SECOND + fraction


@given(st.integers(min_value=0, max_value=10_000), INSTANTS, ZONES)
def test_in_some_minutes_is_that_much_later(minutes: int, now: int, tz: str) -> None:
    resolved = parse_time(f"in {minutes} minutes", now=now, tz=tz)
    assert resolved == Resolved(now + minutes * MINUTE)
