"""Times on the wall: our walk through the fields, compared with croniter's own."""

from datetime import datetime, timedelta

import pytest
from croniter import CroniterBadDateError, croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tocsin.core.cron import Cron
from tocsin.core.cronfields import read_fields
from tocsin.core.errors import InvalidSchedule


def field(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    pair = st.tuples(value, value).map(sorted)
    steps = st.integers(1, high)
    return st.lists(
        st.one_of(
            value.map(str),
            pair.map(lambda ends: f"{ends[0]}-{ends[1]}"),
            st.tuples(pair, steps).map(lambda drawn: f"{drawn[0][0]}-{drawn[0][1]}/{drawn[1]}"),
            st.tuples(value, steps).map(lambda drawn: f"{drawn[0]}/{drawn[1]}"),
        ),
        min_size=1,
        max_size=3,
    ).map(",".join)


def some(low: int, high: int) -> st.SearchStrategy[str]:
    return st.one_of(st.just("*"), st.integers(1, high).map(lambda n: f"*/{n}"), field(low, high))


DAYS = st.one_of(
    st.tuples(some(1, 31), some(0, 7)),
    st.tuples(st.sampled_from(["L", "1,L", "15,L,20-25"]), some(0, 7)),
    st.tuples(st.integers(1, 28).map(lambda n: f"{n}W"), st.just("*")),
    st.tuples(st.just("LW"), st.just("*")),
    st.tuples(st.just("*"), st.sampled_from(["fri#2", "1#1,3#5", "0L", "L5,3L", "7#4"])),
)
EXPRESSIONS = st.one_of(
    st.tuples(some(0, 59), some(0, 23), DAYS, some(1, 12)).map(
        lambda f: f"{f[0]} {f[1]} {f[2][0]} {f[3]} {f[2][1]}"
    ),
    st.tuples(some(0, 59), some(0, 59), some(0, 23), DAYS, some(1, 12)).map(
        lambda f: f"{f[0]} {f[1]} {f[2]} {f[3][0]} {f[4]} {f[3][1]}"
    ),
)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2150, 1, 1))  # noqa: DTZ001 - a wall has no zone


def crontab(expr: str, after: datetime) -> datetime | None:
    """What croniter alone says, which takes much longer."""
    walk = croniter(
        " ".join(read_fields(expr)),
        after.replace(microsecond=0),
        ret_type=datetime,
        implement_cron_bug=True,
        second_at_beginning=True,
    )
    try:
        return walk.get_next(datetime)
    except CroniterBadDateError:
        return None


@settings(max_examples=400, deadline=None)
@given(expr=EXPRESSIONS, after=MOMENTS)
def test_the_next_time_on_the_wall_is_the_one_that_croniter_finds(
    expr: str, after: datetime
) -> None:
    assume(len(expr) <= 256)
    try:
        times = Cron(expr).wall_rule.times
    except InvalidSchedule:
        expected = crontab(expr, after)
        assert expected is None
        return
    for _ in range(3):
        found = times.next(after)
        assert found == crontab(expr, after)
        assert found is not None
        after = found


@pytest.mark.parametrize(
    ("expr", "after", "day"),
    [
        ("0 0 1W * *", "2026-07-31", "2026-08-03"),  # the 1st is a Saturday: not the month before
        ("0 0 1W * *", "2026-01-31", "2026-02-02"),  # a Sunday
        ("0 0 LW * *", "2026-05-01", "2026-05-29"),  # the last one is a Sunday
        ("0 0 LW * *", "2026-01-01", "2026-01-30"),  # a Saturday
        ("0 0 15W * *", "2026-08-01", "2026-08-14"),
        ("0 0 16W * *", "2026-08-01", "2026-08-17"),
        ("0 0 * * 1#5", "2026-04-01", "2026-06-29"),  # May has four of them
        ("0 0 29 2 mon", "2026-02-24", "2027-02-01"),
        ("0 0 29 2 */7", "2096-03-01", "2128-02-29"),  # a Sunday, and 2100 is no leap year
    ],
)
def test_days_that_are_moved_and_days_that_are_rare(expr: str, after: str, day: str) -> None:
    found = Cron(expr).wall_rule.times.next(datetime.fromisoformat(after))
    assert found is not None
    assert f"{found:%Y-%m-%d}" == day


@settings(max_examples=200, deadline=None)
@given(expr=EXPRESSIONS, after=MOMENTS)
def test_a_time_that_fires_is_the_next_one_a_second_before(expr: str, after: datetime) -> None:
    assume(len(expr) <= 256)
    try:
        times = Cron(expr).wall_rule.times
    except InvalidSchedule:
        return
    found = times.next(after)
    assert found is not None
    assert found > after.replace(microsecond=0)
    assert times.next(found - timedelta(seconds=1)) == found
