"""What is odd about an occurrence: moved, doubled, delayed, or the first after days off."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin import Schedule, at, cron, every, now
from tocsin.core.clock import DAY, HOUR, to_instant
from tocsin.core.errors import InvalidSchedule

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 28, 12, tzinfo=BERLIN)
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=BERLIN)


def notes(schedule: Schedule, after: datetime, n: int = 3) -> list[tuple[str, str | None]]:
    found = schedule.upcoming(after, n)
    return [(f"{moment:%d %H:%M}", schedule.note(moment)) for moment in found]


@pytest.mark.parametrize(
    ("expr", "dst", "expected"),
    [
        ("30 2 * * *", "debian", ("29 03:00", "moved: 02:30 does not exist on that day")),
        ("15,45 2 * * *", "debian", ("29 03:00", "moved: 02:15 does not exist on that day")),
        ("15 30 2 * * *", "both", ("29 03:00", "moved: 02:30:15 does not exist on that day")),
        ("0 2,3 * * *", "debian",
         ("29 03:00", "also for 02:00, which does not exist on that day")),
        ("30 2 * * *", "skip", ("30 02:30", None)),
        ("*/30 2,3 * * *", "debian", ("29 03:00", None)),
        ("0 3 * * *", "debian", ("29 03:00", None)),
    ],
)  # fmt: skip
def test_a_time_that_the_clock_skips_is_marked_when_it_was_moved(
    expr: str, dst: str, expected: tuple[str, str | None]
) -> None:
    schedule = cron(expr, "Europe/Berlin", dst)  # type: ignore[arg-type]
    assert notes(schedule, SPRING, 1) == [expected]


@pytest.mark.parametrize(
    ("expr", "dst", "expected"),
    [
        ("30 2 * * *", "debian", ["first of two 02:30", None]),
        ("30 2 * * *", "both", ["first of two 02:30", "second of two 02:30", None]),
        ("*/30 2 * * *", "debian", ["first of two 02:00", "first of two 02:30",
                                    "second of two 02:00", "second of two 02:30", None]),
        ("0 3 * * *", "debian", [None]),
        ("59 1 * * *", "debian", [None]),
    ],
)  # fmt: skip
def test_a_time_that_the_clock_shows_twice_is_marked(
    expr: str, dst: str, expected: list[str | None]
) -> None:
    schedule = cron(expr, "Europe/Berlin", dst)  # type: ignore[arg-type]
    assert [note for _, note in notes(schedule, AUTUMN, len(expected))] == expected


def test_months_tell_which_day_they_lack() -> None:
    monthly = every("1 month", anchor=datetime(2026, 1, 31, 2, 30, tzinfo=BERLIN))
    assert notes(monthly, datetime(2026, 1, 1, tzinfo=BERLIN)) == [
        ("31 02:30", None),
        ("28 02:30", "moved: that month has no day 31"),
        ("31 02:30", None),
    ]
    other = every("1 month", anchor=datetime(2026, 1, 29, 2, 30, tzinfo=BERLIN))
    assert notes(other, SPRING, 1) == [("29 03:00", "moved: 02:30 does not exist on that day")]


def test_elapsed_time_and_single_moments_have_little_to_say() -> None:
    assert notes(every("30m", anchor=AUTUMN), AUTUMN) == [("24 10:30", None), ("24 11:00", None),
                                                          ("24 11:30", None)]  # fmt: skip
    once = at("2026-10-25 02:30").bind(to_instant(AUTUMN), "Europe/Berlin")
    assert notes(once, AUTUMN) == [("25 02:30", "first of two 02:30")]
    assert now().note(AUTUMN) is None


def test_the_first_occurrence_after_days_off_names_those_that_cost_one() -> None:
    workdays = cron("0 9 * * 1-5", "Europe/Berlin").excluding("12-25", "12-26", date(2026, 12, 28))
    assert notes(workdays, datetime(2026, 12, 24, tzinfo=BERLIN)) == [
        ("24 09:00", None),
        ("29 09:00", "left out before: 2026-12-25, 2026-12-28"),
        ("30 09:00", None),
    ]
    weekly = cron("0 9 * * 1", "Europe/Berlin").excluding("2026-12-28")
    (_, note), *_ = notes(weekly, datetime(2026, 12, 22, tzinfo=BERLIN))
    assert note == "left out before: 2026-12-28"


def test_wrappers_pass_on_what_their_schedule_says() -> None:
    nightly = cron("30 2 * * *", "Europe/Berlin")
    moved = "moved: 02:30 does not exist on that day"
    assert notes(nightly.between(SPRING), SPRING, 1) == [("29 03:00", moved)]
    assert notes(nightly | cron("0 5 * * *", "Europe/Berlin"), SPRING, 2) == [
        ("29 03:00", moved),
        ("29 05:00", None),
    ]
    (_, late), *_ = notes(nightly.jittered("5m", "a"), SPRING, 1)
    assert late is not None
    assert late.startswith(f"{moved}; ")
    assert late.endswith(" of jitter")
    off = nightly.excluding("03-28")
    (_, both), *_ = notes(off, datetime(2026, 3, 27, 12, tzinfo=BERLIN), 1)
    assert both == f"{moved}; left out before: 2026-03-28"


def test_a_note_needs_a_moment_with_a_zone() -> None:
    with pytest.raises(InvalidSchedule, match="no time zone"):
        cron("@daily").note(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake


@settings(max_examples=100, deadline=None)
@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    zone=st.sampled_from(
        ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Africa/Casablanca"]
    ),
    ahead=st.integers(0, 365),
)
def test_a_fixed_time_is_marked_moved_exactly_when_the_clock_shows_another(
    minute: int, hour: int, zone: str, ahead: int
) -> None:
    daily = cron(f"{minute} {hour} * * *", zone)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=ahead)
    for moment in daily.upcoming(start, 8):
        note = daily.note(moment) or ""
        assert ((moment.hour, moment.minute) != (hour, minute)) == note.startswith("moved")


@settings(max_examples=60, deadline=None)
@given(ahead=st.integers(0, 400 * DAY // HOUR), kind=st.integers(0, 3))
def test_whatever_instant_is_asked_for_there_is_an_answer(ahead: int, kind: int) -> None:
    schedule = (
        cron("*/20 1-3 * * *", "Europe/Berlin"),
        cron("30 2 * * *", "Europe/Berlin").excluding("03-29").jittered("2h"),
        every("1 month", anchor=SPRING),
        cron("@hourly") | every("7h", anchor=SPRING),
    )[kind]
    note = schedule.note_at(to_instant(SPRING) + ahead * HOUR + 1)
    if note is not None:
        words = ("moved: ", "first of two ", "second of two ", "left out before: ")
        assert all(part.startswith(words) or part.endswith(" jitter") for part in note.split("; "))
