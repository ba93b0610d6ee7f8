"""Jitter delays each slot a little, always by the same."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from moments import BEFORE_ALL_TIME, NOON, NOON_INSTANT, fire, refused

from tocsin.core.clock import DAY, HOUR
from tocsin.core.schedule import (
    Jittered,
    Schedule,
    Union,
    at,
    cron,
    every,
)

SLOTS: list[Schedule] = [
    every("1m", anchor=NOON),
    every("1ms", anchor=NOON),
    every("1 month", anchor=NOON),
    cron("*/7 9-17 * * 1-5", "Europe/Berlin"),
    cron("30 2 * * *", "Europe/Berlin"),
    Union((every("7m", anchor=NOON), cron("*/5 * * * *"), at(NOON + timedelta(minutes=3)))),
]


@settings(max_examples=150, deadline=None)
@given(
    inner=st.sampled_from(SLOTS),
    spread=st.integers(1, 3 * DAY),
    seed=st.text(max_size=5),
    start=st.integers(0, 60 * DAY).map(lambda ahead: NOON_INSTANT + ahead),
)
def test_jitter_is_strictly_later_and_neither_loses_nor_reorders_slots(
    inner: Schedule, spread: int, seed: str, start: int
) -> None:
    jittered = Jittered(inner, spread, seed)
    slots = [each for each in fire(inner, start, 12) if each is not None]
    moments = fire(jittered, slots[0] - 1, 12)
    late = [moment for moment in moments if moment >= slots[0]]
    assert moments == sorted(set(moments))
    for slot, following, moment in zip(slots, slots[1:], late, strict=False):
        assert slot <= moment <= min(slot + spread, following - 1)
    for moment in moments:
        assert jittered.next_instant(moment - 1) == moment


def test_jitter_depends_on_the_slot_and_the_seed_alone() -> None:
    daily = cron("0 9 * * *")
    first, same, other = (Jittered(daily, HOUR, seed) for seed in ("a", "a", "b"))
    delays = [(moment - NOON_INSTANT) % DAY for moment in fire(first, NOON_INSTANT, 20)]
    assert fire(first, NOON_INSTANT, 20) == fire(same, NOON_INSTANT, 20)
    assert fire(first, NOON_INSTANT, 20) != fire(other, NOON_INSTANT, 20)
    assert len(set(delays)) == 20
    assert max(delays) - min(delays) <= HOUR


def test_a_single_moment_is_delayed_too_and_fires_once() -> None:
    late = Jittered(at(NOON), HOUR, 7)
    (moment,) = fire(late, BEFORE_ALL_TIME, 5)
    assert NOON_INSTANT <= moment <= NOON_INSTANT + HOUR
    assert fire(late, moment - 1, 5) == [moment]
    assert not late.recurring
    end = Jittered(at(datetime(9999, 12, 28, tzinfo=UTC)), 36_500 * DAY)
    assert end.next(NOON) is not None


def test_jitter_that_is_no_delay_is_refused() -> None:
    for spread in (0, -1, 1.5, True, None, 1 << 70):
        assert refused(Jittered, every("1h"), spread)
    assert refused(Jittered, every("1h"), 1, None)
    assert refused(Jittered, "1h", 1)
