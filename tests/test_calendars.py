"""Days off: by date or every year, in Python and as [calendars.*] in config.toml."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from moments import refused

from tocsin import cron, every
from tocsin.core.clock import MINUTE, to_instant
from tocsin.core.config import parse_config
from tocsin.core.errors import InvalidConfig
from tocsin.core.excluding import Excluding, read_day
from tocsin.core.schedule import Bounded, Cron, Every, Jittered, Schedule, Union, schedule_from_dict

NINE = cron("0 9 * * *", "Europe/Berlin")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
EVERY_DAY = [f"{date(2024, 1, 1) + timedelta(days=n):%m-%d}" for n in range(366)]


def days(schedule: Schedule, after: datetime, n: int) -> list[str]:
    return [f"{moment:%y-%m-%d}" for moment in schedule.upcoming(after, n)]


# ---------------------------------------------------------------- days


def test_a_day_of_every_year_is_left_out_each_year() -> None:
    off = NINE.excluding("12-25", "12-26", "2027-12-24")
    assert days(off, datetime(2026, 12, 24, tzinfo=UTC), 2) == ["26-12-24", "26-12-27"]
    assert days(off, datetime(2027, 12, 23, tzinfo=UTC), 2) == ["27-12-23", "27-12-27"]


def test_the_29th_of_february_can_be_a_day_off() -> None:
    off = NINE.excluding("02-29")
    assert days(off, datetime(2028, 2, 28, tzinfo=UTC), 2) == ["28-02-28", "28-03-01"]
    assert days(off, datetime(2027, 2, 28, tzinfo=UTC), 2) == ["27-02-28", "27-03-01"]
    assert off.note(datetime(2027, 3, 1, 8, tzinfo=UTC)) is None


def test_days_are_counted_once_and_come_back_from_json() -> None:
    off = NINE.excluding("12-25", date(2026, 1, 6), "2026-01-06", "12-25")
    assert isinstance(off, Excluding)
    assert (off.dates, off.yearly) == ((date(2026, 1, 6),), ("12-25",))
    assert schedule_from_dict(json.loads(json.dumps(off.to_dict()))) == off
    assert off.describe().endswith(", not on 2026-01-06, 12-25")
    only_yearly = NINE.excluding("12-25")
    assert schedule_from_dict(only_yearly.to_dict()) == only_yearly


@pytest.mark.parametrize(
    "wrong",
    ["", "25-12", "12-32", "02-30", "2026-02-29", "20261225", "2026-W52-5", "christmas", "1-1", 5,
     None, NEW_YEAR, "\u0661\u0662-25", " 12-25-", b"12-25"],
)  # fmt: skip
def test_what_is_no_day_is_refused_with_an_example(wrong: Any) -> None:
    assert '"12-25" for every year' in refused(read_day, wrong)
    refused(NINE.excluding, wrong)


def test_days_off_that_leave_nothing_are_refused() -> None:
    assert "nothing is left" in refused(NINE.excluding, *EVERY_DAY)
    yearly = cron("0 0 25 12 *", "Europe/Berlin").excluding("12-25")
    assert "never fires" in refused(yearly.bind, to_instant(NEW_YEAR), "UTC")
    refused(NINE.excluding)
    refused(Excluding, NINE, yearly=("2026-12-25",))
    refused(Excluding, NINE, yearly=("12-32",))
    refused(Excluding, NINE, yearly=["12-25"])
    refused(schedule_from_dict, {**NINE.excluding("12-25").to_dict(), "yearly": "12-25"})


def test_all_days_but_one_may_be_off() -> None:
    off = NINE.excluding(*[day for day in EVERY_DAY if day != "06-15"])
    assert days(off, NEW_YEAR, 3) == ["26-06-15", "27-06-15", "28-06-15"]


def test_days_off_at_the_end_of_the_calendar_end_the_schedule() -> None:
    last = [date(9999, 12, 20) + timedelta(days=n) for n in range(12)]
    assert cron("* * * * *").excluding(*last).next(datetime(9999, 12, 20, tzinfo=UTC)) is None


# ---------------------------------------------------------------- the other wrappers


def test_between_takes_moments_and_text() -> None:
    bounds = NINE.between("2026-06-01T00:00:00+02:00", datetime(2026, 6, 2, 12, tzinfo=UTC))
    assert days(bounds, NEW_YEAR, 5) == ["26-06-01", "26-06-02"]
    assert isinstance(NINE.between(end="2026-06-01T00:00:00Z"), Bounded)
    assert "no time zone" in refused(NINE.between, "2026-06-01T00:00:00")
    assert "write 2026-" in refused(NINE.between, "soon")
    refused(NINE.between)
    refused(NINE.between, 5)


def test_a_bar_joins_schedules_and_flattens() -> None:
    weekly, hourly = cron("0 12 * * 6"), every("1h", anchor=NEW_YEAR)
    joined = NINE | weekly | (hourly | NINE)
    assert joined == Union((NINE, weekly, hourly))
    with pytest.raises(TypeError):
        _ = NINE | "0 9 * * *"  # type: ignore[operator]


def test_jittered_reads_durations() -> None:
    assert NINE.jittered("5m", "key") == Jittered(NINE, 5 * MINUTE, "key")
    assert NINE.jittered(timedelta(minutes=5)) == NINE.jittered(300)
    refused(NINE.jittered, "5 parsecs")
    refused(NINE.jittered, 0)


# ---------------------------------------------------------------- config.toml

HEAD = """\
[scheduler]
timezone = "Europe/Berlin"
[calendars.holidays]
dates = ["12-25", 2026-12-28, "2026-01-06"]
[jobs.x]
remind = "x"
"""


def load(table: str) -> Schedule:
    return parse_config(HEAD + table, environ={}).jobs["x"].schedule


def mistakes(table: str, head: str = HEAD) -> list[str]:
    with pytest.raises(InvalidConfig) as caught:
        parse_config(head + table, environ={})
    return [line.partition(": ")[2] for line in caught.value.problems]


def test_a_job_leaves_out_calendars_and_days() -> None:
    schedule = load('cron = "0 9 * * *"\nexclude = ["holidays", "12-31", 2026-05-01]')
    assert isinstance(schedule, Excluding)
    assert schedule.yearly == ("12-25", "12-31")
    assert schedule.dates == (date(2026, 1, 6), date(2026, 5, 1), date(2026, 12, 28))
    assert schedule.tz == "Europe/Berlin"
    assert load('every = "6h"\nexclude = "holidays"') == Excluding(
        Every(21_600_000_000), (date(2026, 1, 6), date(2026, 12, 28)), "Europe/Berlin", ("12-25",)
    )


def test_a_list_of_cron_expressions_is_a_union_and_one_is_itself() -> None:
    both = load('cron = ["0 9 * * 1-5", "0 12 * * 6", "0 9 * * 1-5"]')
    assert both == Union(
        (Cron("0 9 * * 1-5", "Europe/Berlin"), Cron("0 12 * * 6", "Europe/Berlin"))
    )
    assert load('cron = ["@daily"]') == load('cron = "@daily"') == Cron("@daily", "Europe/Berlin")


def test_jitter_is_seeded_by_the_jobs_name_and_comes_last() -> None:
    table = 'cron = "0 9 * * *"\nexclude = "12-25"\nstart = 2026-06-01T00:00:00\njitter = "5m"'
    schedule = load(table)
    assert isinstance(schedule, Jittered)
    assert (schedule.spread, schedule.seed) == (5 * MINUTE, "x")
    assert isinstance(schedule.inner, Excluding)
    assert isinstance(schedule.inner.inner, Bounded)
    assert isinstance(load('at = "2030-01-01T09:00:00Z"\njitter = "5m"'), Jittered)


def test_an_edited_calendar_changes_the_jobs_that_name_it() -> None:
    table = 'cron = "@daily"\nexclude = ["holidays"]'
    before = parse_config(HEAD + table, environ={}).jobs["x"]
    edited = HEAD.replace('"12-25"', '"12-24"')
    assert parse_config(edited + table, environ={}).jobs["x"].fingerprint() != before.fingerprint()


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ('cron = "@daily"\nexclude = ["hollidays"]',
         ["jobs.x.exclude[0]: there is no calendar 'hollidays'; did you mean 'holidays'?"]),
        ('cron = "@daily"\nexclude = "zzz"',
         ["jobs.x.exclude: there is no calendar 'zzz'; write [calendars.holidays] for one"]),
        ('cron = "@daily"\nexclude = ["2026-13-01", 5]',
         ["jobs.x.exclude[0]: there is no day '2026-13-01'; write",
          "jobs.x.exclude[1]: '5' is no day; write"]),
        ('cron = "@daily"\nexclude = []', ["jobs.x.exclude: must not be empty"]),
        ('now = true\nexclude = "12-25"', ["jobs.x.exclude: belongs to cron or every, not to now"]),
        ('now = true\njitter = "5m"',
         ["jobs.x.jitter: belongs to cron or every or at, not to now"]),
        ('cron = "@daily"\njitter = "0s"',
         ["jobs.x.jitter: the spread must be longer than nothing"]),
        ('cron = ["@daily", "61 * * * *", "x"]',
         ["jobs.x.cron[1]: cron expression '61 * * * *': minute", "jobs.x.cron[2]: cron expr"]),
        ("cron = []", ["jobs.x.cron: must not be empty"]),
        ('cron = ["@daily", 5]', ["jobs.x.cron[1]: must be text in quotes, not 5"]),
        ('cron = "@dayly"\nexclude = "zzz"\njitter = "5x"',
         ["jobs.x.cron: cron expression", "jobs.x.exclude: there is no", "jobs.x.jitter: the dur"]),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_key(table: str, expected: list[str]) -> None:
    found = mistakes(table)
    assert len(found) == len(expected), found
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("calendars = 5", "calendars: must be a table; write [calendars.holidays]"),
        ("[calendars]\nholidays = 5", "calendars.holidays: must be a table"),
        ("[calendars.holidays]", "calendars.holidays.dates: must be a list of days"),
        ("[calendars.holidays]\ndates = []", "calendars.holidays.dates: must be a list of days"),
        ("[calendars.holidays]\ndates = '12-25'", "calendars.holidays.dates: must be a list of"),
        ('[calendars.holidays]\ndates = ["12-32"]', "calendars.holidays.dates[0]: there is no day"),
        ("[calendars.holidays]\ndate = []", "calendars.holidays.date: unknown key; did you mean"),
        ("[calendar.holidays]", "calendar: unknown key; did you mean 'calendars'?"),
    ],
)
def test_a_mistake_in_a_calendar_is_told_once(head: str, expected: str) -> None:
    (line,) = mistakes("", head)
    assert line.startswith(expected)
