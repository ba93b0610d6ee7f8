"""How often a schedule fires in a span: counted by rules, compared with a walk."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import pairwise
from time import process_time
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.clock import DAY, HOUR, MINUTE, SECOND, from_instant, to_instant
from tocsin.core.offsets import changes
from tocsin.core.rule import MOST_WALKED, Count
from tocsin.core.schedule import Cron, Excluding, Now, Once, Schedule, after, cron, every
from tocsin.core.zones import zone

ZONES = sorted(z for z in available_timezones() if not z.startswith("right/") and z != "localtime")
NEW_YEAR = to_instant(datetime(2026, 1, 1, tzinfo=UTC))
EARLIEST, LATEST = -3_000_000_000, 2_500_000_000


def walk(schedule: Schedule, start: int, end: int) -> int:
    number, at = 0, schedule.next_instant(start)
    while at is not None and at <= end:
        number += 1
        at = schedule.next_instant(at)
    return number


# ---------------------------------------------------------------- the law


CRONS = (
    "30 2 * * *", "*/20 * * * *", "0,30 0-3 * * *", "0 0 * * *", "59 23 * * *", "10 */2 * * *",
    "15 1 29 2 *", "30 */10 2 * * *", "0 12 13 * fri", "5 0 L * *", "0 */3 */2 * sun",
    "0 1 15W * *", "1 0 * * 5L", "*/7 30 0,1,23 * * *",
)  # fmt: skip
DST = ("debian", "skip", "both")


@st.composite
def spans(draw: st.DrawFn, zones: tuple[str, ...] = ()) -> tuple[str, int, int]:
    """A zone and a span, most often around a change of its clock."""
    name = draw(st.sampled_from(zones or ZONES))
    known = changes(zone(name), EARLIEST, LATEST)
    moments = [change.at for change in known] or [0]
    anywhere = st.integers(EARLIEST, LATEST)
    middle = draw(st.one_of(st.sampled_from(moments), anywhere)) * SECOND
    exactly = st.sampled_from([-2, -1, 0, 1, SECOND])
    start = middle + draw(st.one_of(exactly, st.integers(-9 * HOUR, 3 * HOUR)))
    end = start + draw(st.one_of(exactly.map(abs), st.integers(0, 14 * HOUR)))
    return name, start, end


@st.composite
def cases(draw: st.DrawFn) -> tuple[Schedule, int, int]:
    """A schedule of any kind and a span."""
    name, start, end = draw(spans())
    crons = st.builds(Cron, st.sampled_from(CRONS), st.just(name), st.sampled_from(DST))  # type: ignore[arg-type]
    elsewhere = st.builds(cron, st.sampled_from(CRONS), st.sampled_from(ZONES))
    days = st.integers(-2, 2).map(lambda n: from_instant(start + n * DAY).date())
    wraps: list[Callable[[Schedule], Schedule]] = [
        lambda rule: rule,
        lambda rule: rule | draw(crons),
        lambda rule: rule | draw(crons) | draw(crons),
        lambda rule: rule | draw(elsewhere),
        lambda rule: rule | every(draw(st.sampled_from([61, 600, 90.5]))).bind(start - DAY, name),
        lambda rule: rule.excluding(draw(days), f"{draw(days):%m-%d}"),
        lambda rule: rule.jittered(draw(st.sampled_from([0.001, 1, 60, 3_600]))),
        lambda rule: rule.between(from_instant(start + HOUR), from_instant(start + 9 * HOUR)),
    ]
    rule: Schedule = draw(crons)
    for wrap in draw(st.lists(st.sampled_from(wraps), min_size=1, max_size=2)):
        rule = wrap(rule)
    return rule, start, end


@settings(max_examples=250, deadline=None)
@given(cases())
def test_what_is_counted_is_what_a_walk_finds(case: tuple[Schedule, int, int]) -> None:
    rule, start, end = case
    found, walked = rule.count(start, end), walk(rule, start, end)
    if found.exact:
        assert found.number == walked
    else:
        assert MOST_WALKED // 4 < found.number <= walked


@settings(max_examples=80, deadline=None)
@given(
    span=spans(),
    step=st.one_of(
        st.sampled_from(["1 month", "5 months", "2 years"]), st.floats(0.5, 90_000).map(str)
    ),
    ahead=st.integers(-400 * DAY, 400 * DAY),
    long=st.integers(0, 30),
)
def test_intervals_are_counted_without_a_walk(
    span: tuple[str, int, int], step: str, ahead: int, long: int
) -> None:
    name, start, end = span
    months = "month" in step or "year" in step
    end += long * 400 * DAY if months else 0
    rule = every(step if months else float(step)).bind(start - ahead, name)
    if months or end - start < 5_000 * float(step) * SECOND:
        assert rule.count(start, end) == Count(walk(rule, start, end))


def test_a_count_of_two_spans_is_that_of_both_together_over_years_of_all_kinds() -> None:
    name = "America/St_Johns"  # whose clocks were changed a minute past midnight
    rules = [
        cron("* * * * *", name),
        cron("30 2 * * *", name, dst="both") | cron("*/5 * * * * *", name),
        cron("*/10 * * * *", name).excluding("10-28", "2006-10-29").jittered("20m"),
        every("1ms").bind(0, name),
    ]
    bounds = [to_instant(datetime(year, 11, 1, 3, tzinfo=UTC)) for year in range(2000, 2012)]
    for rule in rules:
        parts = [rule.count(a, b).number for a, b in pairwise(bounds)]
        assert sum(parts) == rule.count(bounds[0], bounds[-1]).number > 100_000


# ---------------------------------------------------------------- known numbers


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        (cron("* * * * *", "UTC"), 525_600),
        (cron("* * * * * *", "UTC"), 31_536_000),
        (cron("* * * * *", "Europe/Berlin"), 525_600),
        (cron("0 9 * * *", "Europe/Berlin"), 365),
        (cron("30 2 * * *", "Europe/Berlin", dst="skip"), 364),
        (cron("30 2 * * *", "Europe/Berlin", dst="both"), 366),
        (cron("0 0 29 2 *", "UTC"), 0),
        (cron("0 9 L * *", "UTC"), 12),
        (cron("0 9 * * *", "UTC") | cron("0 */3 * * *", "UTC"), 8 * 365),
        (cron("0 9 * * *", "UTC").excluding("12-25", "2026-06-01"), 363),
        (cron("0 9 * * *", "UTC").excluding("12-25").jittered("14h"), 364),
        (every("1ms").bind(NEW_YEAR, "UTC"), 31_536_000_000),
        (every("1 month").bind(NEW_YEAR, "UTC"), 12),
        (every("1h"), 8_760),
        (after("extract"), 0),
        (Once(NEW_YEAR + DAY), 1),
        (Now(NEW_YEAR + DAY).jittered("1h"), 1),
    ],
)
def test_a_year_is_counted_exactly_and_at_once(rule: Schedule, number: int) -> None:
    began = process_time()
    assert rule.count(NEW_YEAR, NEW_YEAR + 365 * DAY) == Count(number)
    assert process_time() - began < 0.25


def test_what_can_only_be_walked_is_walked_so_far_and_no_farther() -> None:
    class Odd(Schedule):
        kind = "odd"
        recurring = True

        def next_instant(self, after: int) -> int | None:
            return after + 1

        def to_dict(self) -> dict[str, object]:
            return {}

        def describe(self) -> str:
            return "odd"

    assert Odd().count(0, 10) == Count(10)
    assert Odd().count(0, DAY) == Count(MOST_WALKED, exact=False)
    tuesday = Excluding(Odd(), (date(1970, 1, 6),), "UTC")
    assert tuesday.count(0, DAY) == Count(MOST_WALKED, exact=False)


def test_two_rules_that_fire_often_in_two_zones_are_counted_as_the_one_that_fires_more() -> None:
    berlin, tokyo = cron("* * * * *", "Europe/Berlin"), cron("*/2 * * * *", "Asia/Tokyo")
    assert (berlin | tokyo).count(0, 30 * DAY) == Count(30 * 24 * 60, exact=False)
    assert (berlin | tokyo).count(0, HOUR) == Count(60)


@pytest.mark.parametrize(
    ("rule", "start", "end", "number"),
    [
        # 02:30 is skipped: it counts with the end of the gap, and that is the first microsecond
        (cron("30 2 * * *", "Europe/Berlin"), "2026-03-29T01:00Z", "2026-03-29T01:00Z", 1),
        (cron("30 2 * * *", "Europe/Berlin"), "2026-03-29T00:00Z", "2026-03-29T00:59Z", 0),
        (cron("30 2,3 * * *", "Europe/Berlin"), "2026-03-29T00:00Z", "2026-03-29T02:00Z", 2),
        (cron("0,30 2,3 * * *", "Europe/Berlin"), "2026-03-29T00:00Z", "2026-03-29T02:00Z", 2),
        # the calendar of Kwajalein had the 30th of September 1969 twice: followed as it is
        (cron("0 9 * * *", "Pacific/Kwajalein"), "1969-09-28T12:00Z", "1969-10-02T12:00Z", 4),
        (cron("0 * * * *", "Pacific/Kwajalein"), "1969-09-28T12:00Z", "1969-10-02T11:59Z", 96),
        # Samoa had no 30th of December 2011, and what was planned for it is not moved
        (cron("0 9 * * *", "Pacific/Apia"), "2011-12-29T12:00Z", "2011-12-31T00:00Z", 2),
        # midnight belongs to the day that it begins
        (cron("0 0 * * *").excluding("2026-03-02"), "2026-03-01T12:00Z", "2026-03-02T12:00Z", 0),
        (cron("0 0 * * *").excluding("2026-03-02"), "2026-03-02T12:00Z", "2026-03-03T00:00Z", 1),
        (cron("0 0 * * *").excluding("2026-03-01"), "2026-03-01T12:00Z", "2026-03-02T12:00Z", 1),
    ],
)
def test_the_edges_of_days_and_of_clock_changes_are_counted_once(
    rule: Schedule, start: str, end: str, number: int
) -> None:
    first, last = (to_instant(datetime.fromisoformat(text)) for text in (start, end))
    assert rule.count(first - 1, last) == Count(number) == Count(walk(rule, first - 1, last))


def test_an_empty_span_has_nothing_in_it() -> None:
    for rule in (cron("* * * * *"), every("1s").bind(0, "UTC"), every("1 month").bind(0, "UTC")):
        assert rule.count(5 * MINUTE, 5 * MINUTE) == Count(0)
        assert rule.count(5 * MINUTE, 4 * MINUTE) == Count(0)


def test_the_ends_of_the_calendar_bound_what_is_counted() -> None:
    end = to_instant(datetime(9999, 11, 30, tzinfo=UTC))
    for rule in (cron("0 0 * * *"), every("1d").bind(0, "UTC"), every("1 month").bind(0, "UTC")):
        assert 1 <= rule.count(end, 1 << 62).number <= 30
    assert cron("0 0 * * *").count(-(1 << 62), to_instant(datetime(1, 1, 9, tzinfo=UTC))) == Count(
        6
    )
