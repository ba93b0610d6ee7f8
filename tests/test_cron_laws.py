"""What holds for every cron expression at every change of the clock in every zone."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from time import process_time
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.clock import DAY, HOUR, MINUTE, SECOND, from_instant, to_instant
from tocsin.core.errors import InvalidSchedule
from tocsin.core.schedule import Cron, cron
from tocsin.core.zones import wall, zone

ZONES = sorted(available_timezones() - {"localtime"})  # the machine's own, not a place


@cache
def changes(name: str) -> list[int]:
    """The instants at which a zone's clock was or will be changed, 2018 to 2027."""
    where, found = zone(name), []
    step, at = 14 * DAY, to_instant(datetime(2018, 1, 1, tzinfo=UTC))
    end = to_instant(datetime(2028, 1, 1, tzinfo=UTC))
    while at < end:
        if offset(at, where) != offset(at + step, where):
            low, high = at // SECOND, (at + step) // SECOND
            while high - low > 1:
                middle = (low + high) // 2
                same = offset(middle * SECOND, where) == offset(at, where)
                low, high = (middle, high) if same else (low, middle)
            found.append(high * SECOND)
        at += step
    return found


def offset(instant: int, where: ZoneInfo) -> timedelta | None:
    return from_instant(instant).astimezone(where).utcoffset()


def distinct_changes() -> list[tuple[str, int]]:
    """One zone for each change of the clock that is like no other."""
    found: dict[object, tuple[str, int]] = {}
    for name in ZONES:
        for at in changes(name):
            shift = offset(at - 1, zone(name)), offset(at, zone(name))
            found.setdefault((shift, from_instant(at).strftime("%H%M")), (name, at))
    return list(found.values())


def old_cron(
    matches: Callable[[datetime], bool], where: ZoneInfo, start: int, end: int, *, wildcard: bool
) -> Iterator[int]:
    """What a cron does that wakes up each minute and looks at the wall: the independent model."""
    latest, minute = wall(start - MINUTE, where), timedelta(minutes=1)
    for instant in range(start, end, MINUTE):
        shown = wall(instant, where)
        if wildcard:
            fires = matches(shown)
        else:
            skipped = (shown - latest) // minute
            fires = any(matches(shown - n * minute) for n in range(skipped))
            latest = max(latest, shown)
        if fires:
            yield instant


PATTERNS: list[tuple[str, bool, Callable[[datetime], bool]]] = [
    ("*/20 * * * *", True, lambda t: t.minute % 20 == 0),
    ("10 */2 * * *", True, lambda t: t.minute == 10 and t.hour % 2 == 0),
    ("* 2 * * *", True, lambda t: t.hour == 2),
    ("30 2 * * *", False, lambda t: (t.hour, t.minute) == (2, 30)),
    ("0,30 0-3 * * *", False, lambda t: t.hour <= 3 and t.minute in {0, 30}),
    ("59 23 * * *", False, lambda t: (t.hour, t.minute) == (23, 59)),
]


def test_around_every_change_of_the_clock_it_agrees_with_a_cron_that_looks_each_minute() -> None:
    cases = distinct_changes()
    assert len(cases) > 50
    for name, change in cases:
        start, end = change - 5 * HOUR, change + 5 * HOUR
        for expr, wildcard, matches in PATTERNS:
            schedule, found = cron(expr, name), []
            at = schedule.next_instant(start - 1)
            while at is not None and at < end:
                found.append(at)
                at = schedule.next_instant(at)
            expected = list(old_cron(matches, zone(name), start, end, wildcard=wildcard))
            assert found == expected, (name, expr, from_instant(change))
            for after in range(start, end - 4 * HOUR, 13 * MINUTE):
                following = next((instant for instant in expected if instant > after), None)
                if following is not None:
                    assert schedule.next_instant(after) == following, (name, expr, after)


def test_in_every_zone_next_is_strictly_later_and_quick_around_clock_changes() -> None:
    schedules = [("30 2 * * *", "debian"), ("0 0 * * *", "skip"), ("* * * * *", "both")]
    calls, begin = 0, process_time()
    for name in ZONES:
        for change in changes(name)[-2:]:
            for expr, dst in schedules:
                schedule = Cron(expr, name, dst)  # type: ignore[arg-type]
                for after in (change - 1, change, change + 30 * MINUTE):
                    following = schedule.next_instant(after)
                    calls += 1
                    assert following is not None
                    assert after < following <= after + 3 * DAY
    assert (process_time() - begin) / calls < 0.005


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(ZONES),
    after=st.datetimes(datetime(1850, 1, 1), datetime(2150, 1, 1)),  # noqa: DTZ001 - made aware below
    expr=st.sampled_from(["* * * * *", "*/7 3 * * *", "30 2 * * *", "0 0 1 * *", "15 1 29 2 *"]),
    dst=st.sampled_from(["debian", "skip", "both"]),
)
def test_at_any_time_in_any_zone_next_is_later_real_and_on_the_pattern_or_after_a_gap(
    name: str, after: datetime, expr: str, dst: str
) -> None:
    schedule = Cron(expr, name, dst)  # type: ignore[arg-type]
    instant = to_instant(after.replace(tzinfo=UTC))
    following = schedule.next_instant(instant)
    assert following is not None
    assert following > instant
    assert schedule.next_instant(following - 1) == following
    seen, where = wall(following, zone(name)), zone(name)
    on_pattern = Cron(expr).next_instant(to_instant(seen.replace(tzinfo=UTC)) - 1)
    assert on_pattern is not None
    matches = from_instant(on_pattern).replace(tzinfo=None) == seen
    gap_ends_here = seen - wall(following - SECOND, where) > timedelta(seconds=1)
    assert matches or (gap_ends_here and dst != "skip")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789*/-,#?LWlw@ \tabjnmosu", max_size=30))
def test_any_text_is_a_schedule_or_is_refused_by_name(text: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        following = cron(text).next(start)
    except InvalidSchedule as refused:
        named = refused.field is not None and refused.position is not None
        following = start + timedelta(days=1) if named else None
    assert following is not None
    assert following > start
