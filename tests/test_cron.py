import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from tocsin.core.clock import HOUR, MINUTE, SECOND, to_instant
from tocsin.core.errors import InvalidSchedule
from tocsin.core.schedule import Cron, cron

ZONES = sorted(available_timezones() - {"localtime"})  # the machine's own, not a place
BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 29, tzinfo=BERLIN)  # 02:00 -> 03:00
AUTUMN = datetime(2026, 10, 25, tzinfo=BERLIN)  # 03:00 -> 02:00


def shown(schedule: Cron, after: datetime, n: int) -> list[str]:
    """The next moments as the wall shows them."""
    return [f"{moment:%m-%d %H:%M%z}" for moment in schedule.upcoming(after, n)]


def refusal(expr: str, tz: str | None = None) -> InvalidSchedule:
    with pytest.raises(InvalidSchedule) as refused:
        cron(expr, tz)
    return refused.value


def days(expr: str, after: datetime = datetime(2026, 1, 1, tzinfo=UTC), n: int = 4) -> list[str]:
    return [f"{moment:%y-%m-%d}" for moment in cron(expr).upcoming(after, n)]


# ---------------------------------------------------------------- the grammar


@pytest.mark.parametrize(
    ("expr", "field", "position", "reason"),
    [
        ("61 * * * *", "minute", 0, "out of range, 0-59"),
        ("* 24 * * *", "hour", 1, "out of range, 0-23"),
        ("* * 0 * *", "day-of-month", 2, "out of range, 1-31"),
        ("* * * 13 *", "month", 3, "out of range, 1-12"),
        ("* * * * 8", "day-of-week", 4, "out of range, 0-7"),
        ("60 * * * * *", "second", 0, "out of range, 0-59"),
        ("* * 25 * * *", "hour", 2, "out of range"),
        ("*/0 * * * *", "minute", 0, "step of 0"),
        ("5-3 * * * *", "minute", 0, "backwards"),
        ("* * * * mno", "day-of-week", 4, "did you mean 'mon'"),
        ("* * * june *", "month", 3, "not a number or a name"),
        ("? * * * *", "minute", 0, "write '*'"),
        ("* * 31W * *", "day-of-month", 2, "write LW"),
        ("* * 1,15W * *", "day-of-month", 2, "single day"),
        ("* * L-3 * *", "day-of-month", 2, "'l'"),
        ("* * * * friL", "day-of-week", 4, "'fril'"),
        ("* * * * 1#6", "day-of-week", 4, "1st to 5th"),
        ("* * * * 1#2,5", "day-of-week", 4, "mixes"),
        ("* * * *", "day-of-week", 4, "missing"),
        ("* * * * * * *", "year", 6, "too many"),
        ("", "minute", 0, "missing"),
        ("@reboot", "nickname", 0, "unknown"),
        ("0\n0 * * * *", "minute", 0, "not a value"),
        ("*\N{NO-BREAK SPACE}* * * * *", "minute", 0, "not a value"),
        ("1\N{SUPERSCRIPT TWO} * * * *", "minute", 0, "not a value"),
    ],
)
def test_a_wrong_field_is_named_with_its_position_and_reason(
    expr: str, field: str, position: int, reason: str
) -> None:
    refused = refusal(expr)
    assert (refused.field, refused.position) == (field, position)
    assert reason in refused.reason
    assert repr(expr) in str(refused)


def test_hints_say_what_to_write_instead() -> None:
    assert "use now()" in str(refusal("@reboot"))
    assert "every('5m')" in str(refusal("@every 5m"))
    assert "'@yearly'" in str(refusal("@yearli"))
    assert "22-23,0-2" in str(refusal("0 22-2 * * *"))


def test_an_expression_of_more_than_256_characters_is_refused() -> None:
    longest = "0 " + ",".join(["12"] * 82) + " * * *"
    assert len(longest) <= 256
    assert cron(longest)
    assert refusal(longest + " " * 256).field == "expression"


def test_numbers_of_thousands_of_digits_are_refused() -> None:
    refusal(f"{'9' * 5_000} * * * *")
    refusal(f"{'9' * 200} * * * *")
    assert cron(f"*/{'9' * 200} * * * *")


@pytest.mark.parametrize(
    "expr", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30 2 */2", "0 30 2 30 2 ?"]
)
def test_a_date_that_never_comes_is_refused_at_creation(expr: str) -> None:
    refused = refusal(expr)
    assert refused.field == "day-of-month"
    assert "never" in refused.reason


def test_a_date_that_comes_once_in_decades_is_accepted() -> None:
    assert days("0 0 29 2 */7", n=2) == ["32-02-29", "60-02-29"]


@pytest.mark.parametrize("expr", ["0 0 13 * 5#2", "0 0 L * 5L", "0 0 15W * 1", "0 0 */2 * 1#1"])
def test_special_days_are_not_combined_with_other_days(expr: str) -> None:
    assert "combined" in refusal(expr).reason


def test_an_expression_that_is_not_text_is_refused() -> None:
    for wrong in (None, 5, ["* * * * *"], b"* * * * *"):
        with pytest.raises(InvalidSchedule):
            cron(wrong)  # type: ignore[arg-type]


def test_an_unknown_zone_or_dst_rule_is_refused_with_a_suggestion() -> None:
    assert "'Europe/Berlin'" in str(refusal("@daily", "Europe/Berln"))
    for name in ("", "Europe", "../../etc/passwd", "/etc/localtime", "x" * 5_000, 5):
        refusal("@daily", name)  # type: ignore[arg-type]
    with pytest.raises(InvalidSchedule, match="did you mean 'debian'"):
        cron("@daily", dst="debain")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expr", "same"),
    [
        ("5-5 * * * *", "5 * * * *"),
        ("5-5/2 * * * *", "5 * * * *"),
        ("59/15 * * * *", "59 * * * *"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 7-7", "0 0 * * SUN"),
        ("0 0 * * 5-7", "0 0 * * fri,sat,sun"),
        ("0 0 * * fri-sun", "0 0 * * 5-7"),
        ("0 0 * * 3-7/2", "0 0 * * 3,5,0"),
        ("0 0 * * 0-7", "0 0 * * *"),
        ("0 0 * jan-mar/2 *", "0 0 * 1,3 *"),
        ("0 0 ? * 1", "0 0 * * 1"),
        ("0 0 1 * ?", "0 0 1 * *"),
        ("*/90 0 * * *", "0 0 * * *"),
        (" @Daily ", "0\t0 *  * *"),
        ("@annually", "@yearly"),
        ("@midnight", "@daily"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@hourly", "0 * * * *"),
        ("0 0 * * 5L", "0 0 * * L5"),
    ],
)
def test_two_ways_of_writing_mean_the_same(expr: str, same: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert cron(expr).upcoming(start, 100) == cron(same).upcoming(start, 100)


# ---------------------------------------------------------------- days


def test_last_and_nearest_days() -> None:
    assert days("0 0 L * *") == ["26-01-31", "26-02-28", "26-03-31", "26-04-30"]
    assert days("0 0 LW * *") == ["26-01-30", "26-02-27", "26-03-31", "26-04-30"]
    assert days("0 0 15W * *") == ["26-01-15", "26-02-16", "26-03-16", "26-04-15"]
    assert days("0 0 1W * *") == ["26-02-02", "26-03-02", "26-04-01", "26-05-01"]
    assert days("0 0 * * 5L") == ["26-01-30", "26-02-27", "26-03-27", "26-04-24"]
    assert days("0 0 * * mon#1,wed#3") == ["26-01-05", "26-01-21", "26-02-02", "26-02-18"]
    assert days("0 0 * * 1#5") == ["26-03-30", "26-06-29", "26-08-31", "26-11-30"]


def test_both_day_fields_are_alternatives() -> None:
    assert days("0 0 13 * 5") == ["26-01-02", "26-01-09", "26-01-13", "26-01-16"]


def test_s70_a_day_field_that_starts_with_a_star_joins_by_and() -> None:
    saturdays = [
        moment.day for moment in cron("0 0 */2 * sat").upcoming(datetime(2023, 5, 1, tzinfo=UTC), 3)
    ]
    assert saturdays == [13, 27, 3]
    assert days("0 0 */100,1-7 * MON") == ["26-01-05", "26-02-02", "26-03-02", "26-04-06"]


def test_s71_a_day_that_never_comes_leaves_the_other_alternative() -> None:
    assert days("0 0 31 2 0", n=5) == ["26-02-01", "26-02-08", "26-02-15", "26-02-22", "27-02-07"]


def test_seconds_come_first() -> None:
    found = cron("*/30 * * * * *").upcoming(datetime(2026, 1, 1, tzinfo=UTC), 3)
    assert [(moment.minute, moment.second) for moment in found] == [(0, 30), (1, 0), (1, 30)]


def test_next_is_strictly_later_to_the_microsecond() -> None:
    daily = cron("0 9 * * *")
    nine = datetime(2026, 1, 1, 9, tzinfo=UTC)
    microsecond = timedelta(microseconds=1)
    assert daily.next(nine - microsecond) == nine
    assert daily.next(nine) == nine + timedelta(days=1)
    assert daily.next(nine + microsecond) == nine + timedelta(days=1)


# ---------------------------------------------------------------- when clocks change


def test_a_fixed_time_that_is_skipped_runs_when_the_gap_ends() -> None:
    found = shown(cron("30 2 * * *", "Europe/Berlin"), SPRING - timedelta(days=1), 3)
    assert found == ["03-28 02:30+0100", "03-29 03:00+0200", "03-30 02:30+0200"]


def test_skip_leaves_out_a_skipped_time_and_runs_a_repeated_one_once() -> None:
    schedule = cron("30 2 * * *", "Europe/Berlin", dst="skip")
    assert shown(schedule, SPRING, 1) == ["03-30 02:30+0200"]
    assert shown(schedule, AUTUMN, 2) == ["10-25 02:30+0200", "10-26 02:30+0100"]


def test_both_runs_a_repeated_time_twice_and_loses_no_skipped_one() -> None:
    schedule = cron("30 2 * * *", "Europe/Berlin", dst="both")
    assert shown(schedule, SPRING, 1) == ["03-29 03:00+0200"]
    twice = ["10-25 02:30+0200", "10-25 02:30+0100", "10-26 02:30+0100"]
    assert shown(schedule, AUTUMN, 3) == twice


def test_several_skipped_times_run_once_together_with_the_end_of_the_gap() -> None:
    found = shown(cron("0,20,40 1-3 * * *", "Europe/Berlin"), SPRING, 7)
    assert [each[6:11] for each in found] == [
        "01:00", "01:20", "01:40", "03:00", "03:20", "03:40", "01:00",
    ]  # fmt: skip


def test_a_wildcard_minute_follows_the_wall() -> None:
    schedule = cron("*/30 2 * * *", "Europe/Berlin")
    assert shown(schedule, SPRING, 1) == ["03-30 02:00+0200"]
    assert [each[6:] for each in shown(schedule, AUTUMN, 4)] == [
        "02:00+0200", "02:30+0200", "02:00+0100", "02:30+0100",
    ]  # fmt: skip


def test_a_skipped_calendar_day_is_not_daylight_saving() -> None:
    before = datetime(2011, 12, 29, 12, tzinfo=ZoneInfo("Pacific/Apia"))
    assert shown(cron("0 1 * * *", "Pacific/Apia"), before, 1) == ["12-31 01:00+1400"]


def test_a_time_that_the_zone_always_skips_is_refused_when_bound() -> None:
    always_skipped = cron("30 2 * 3 0L", "Europe/Berlin", dst="skip")
    with pytest.raises(InvalidSchedule, match="never fires in Europe/Berlin"):
        always_skipped.bind(to_instant(SPRING), "UTC")


def test_s01_a_daily_noon_runs_once_on_the_night_that_is_longer() -> None:
    found = shown(cron("0 12 * * *", "Europe/Berlin"), AUTUMN - timedelta(hours=6), 2)
    assert found == ["10-25 12:00+0100", "10-26 12:00+0100"]


def test_s02_a_time_in_the_repeated_hour_runs_once_and_later_days_go_on() -> None:
    paris = ZoneInfo("Europe/Paris")
    found = shown(cron("20 2 * * *", "Europe/Paris"), datetime(2026, 10, 24, tzinfo=paris), 4)
    assert [each[:11] for each in found] == [f"10-{day} 02:20" for day in (24, 25, 26, 27)]
    assert found[1] == "10-25 02:20+0200"


def test_s03_an_hourly_task_runs_in_both_passes_of_the_repeated_hour() -> None:
    hourly, tomorrow = cron("0 * * * *", "Europe/Berlin"), AUTUMN + timedelta(days=1)
    found = hourly.upcoming(AUTUMN - timedelta(seconds=1), 30)
    assert len([moment for moment in found if moment.date() == AUTUMN.date()]) == 25
    assert tomorrow in found


def test_s06_next_is_strictly_later_in_a_folded_hour() -> None:
    begin = to_instant(AUTUMN)
    for expr in ("30 2 * * *", "0 2 * * *", "* * * * *", "*/15 2 * * *", "*/20 0 2 * * *"):
        for dst in ("debian", "skip", "both"):
            schedule = cron(expr, "Europe/Berlin", dst)
            for minute in range(60, 300):
                instant = begin + minute * MINUTE
                for after in (instant - 1, instant, instant + 1):
                    following = schedule.next_instant(after)
                    assert following is not None
                    assert following > after


def test_s07_no_answer_is_a_time_that_the_wall_never_shows() -> None:
    start = SPRING.astimezone(UTC) - timedelta(hours=1)
    for expr in ("* * * * *", "30 2 * * *", "0 0-23 * * *", "*/7 2 * * *", "30 * * * *"):
        for moment in cron(expr, "Europe/Berlin").upcoming(start, 300):
            assert moment == moment.astimezone(UTC).astimezone(BERLIN)
            assert (moment.date(), moment.hour) != (SPRING.date(), 2)


def test_s10_a_zone_with_negative_daylight_saving_is_like_any_other() -> None:
    dublin = ZoneInfo("Europe/Dublin")
    nightly = cron("30 1 * * *", "Europe/Dublin")
    spring = shown(nightly, datetime(2026, 3, 28, 12, tzinfo=dublin), 2)
    assert spring == ["03-29 02:00+0100", "03-30 01:30+0100"]
    autumn = shown(nightly, datetime(2026, 10, 24, 12, tzinfo=dublin), 2)
    assert autumn == ["10-25 01:30+0100", "10-26 01:30+0000"]


def test_s12_every_minute_means_sixty_seconds_apart_inside_the_repeated_hour() -> None:
    inside = to_instant(AUTUMN) + 3 * HOUR + 30 * SECOND  # the second pass has begun
    minutely, found = cron("* * * * *", "Europe/Berlin"), [inside]
    for _ in range(180):
        following = minutely.next_instant(found[-1])
        assert following is not None
        found.append(following)
    assert {later - earlier for earlier, later in pairwise(found[1:])} == {MINUTE}


# ---------------------------------------------------------------- the value


def test_the_end_of_time_is_the_end_of_the_schedule() -> None:
    daily = cron("@daily", "Pacific/Kiritimati")
    assert daily.next(datetime(9999, 12, 30, tzinfo=UTC)) is None
    assert daily.next(datetime(9999, 12, 27, tzinfo=UTC)) is not None
    assert daily.next(datetime(1, 1, 1, tzinfo=UTC)) is not None
    assert daily.next_instant(1 << 62) is None
    assert daily.next_instant(-(1 << 62)) is not None


def test_a_cron_value_compares_hashes_pickles_and_describes_itself() -> None:
    weekdays = cron("0 9  * * 1-5", "Europe/Berlin")
    assert weekdays == Cron("0 9  * * 1-5", "Europe/Berlin", "debian")
    assert weekdays != cron("0 9  * * 1-5", "Europe/Paris")
    assert hash(weekdays) == hash(pickle.loads(pickle.dumps(weekdays)))
    assert weekdays.describe() == "cron 0 9 * * 1-5 (Europe/Berlin)"
    assert weekdays.recurring


def test_a_cron_without_a_zone_gets_the_apps_zone_when_bound_and_is_utc_before() -> None:
    daily = cron("0 9 * * *")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert daily.next(start) == datetime(2026, 1, 1, 9, tzinfo=UTC)
    bound = daily.bind(0, "Europe/Berlin")
    assert str(bound.next(start)) == "2026-01-01 09:00:00+01:00"
    assert bound.bind(0, "Asia/Tokyo") == bound


PAPERS = [
    ("0 0 0 * * *", ["03-07 00:00:00", "03-08 00:00:00"]),  # daily at midnight
    ("0 0 */6 * * *", ["03-06 12:00:00", "03-06 18:00:00", "03-07 00:00:00"]),
    ("0 0 9 * * 1-5", ["03-09 09:00:00", "03-10 09:00:00"]),  # weekdays: over the weekend
    ("*/30 * * * * *", ["03-06 09:00:30", "03-06 09:01:00"]),
    ("0 9 * * *", ["03-07 09:00:00", "03-08 09:00:00"]),
    ("0 9 * * 1", ["03-09 09:00:00", "03-16 09:00:00"]),
    ("0 9 1 * *", ["04-01 09:00:00", "05-01 09:00:00"]),
    ("*/15 * * * *", ["03-06 09:15:00", "03-06 09:30:00"]),
    ("0 9,18 * * 1-5", ["03-06 18:00:00", "03-09 09:00:00", "03-09 18:00:00"]),
    ("0 9 * * 0", ["03-08 09:00:00", "03-15 09:00:00"]),
    ("0 9 * * 7", ["03-08 09:00:00", "03-15 09:00:00"]),
]
"""What is promised to those who come from other schedulers, from a Friday at nine."""


@pytest.mark.parametrize(("expression", "expected"), PAPERS, ids=[each[0] for each in PAPERS])
def test_the_usual_expressions_mean_what_they_mean_elsewhere(
    expression: str, expected: list[str]
) -> None:
    friday = datetime(2026, 3, 6, 9, tzinfo=UTC)
    moments = cron(expression).upcoming(friday, len(expected))
    assert [f"{moment:%m-%d %H:%M:%S}" for moment in moments] == expected
    assert {moment.year for moment in moments} == {2026}
