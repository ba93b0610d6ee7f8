"""The wall clock against the time that has passed."""

from datetime import timedelta

import pytest

from tocsin.actors.clockwatch import ClockWatch
from tocsin.core.clock import SECOND
from tocsin.testing import SettableClock


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


def set_by(clock: SettableClock, seconds: float) -> None:
    clock.set_wall(clock.moment() + timedelta(seconds=seconds))


def test_time_that_passes_is_no_step(clock: SettableClock) -> None:
    watch = ClockWatch(clock)
    for seconds in (0.5, 3600, 86_400 * 400):
        clock.advance(seconds)
        assert watch.look() == 0
    assert watch.steps == 0


@pytest.mark.parametrize("seconds", [1, -1, 7200, -7200, 10**9, -(10**9)])
def test_a_step_is_told_until_it_is_settled(clock: SettableClock, seconds: int) -> None:
    watch = ClockWatch(clock)
    set_by(clock, seconds)
    assert watch.look() == watch.look() == seconds * SECOND
    watch.settle(seconds * SECOND)
    assert watch.look() == 0
    assert watch.steps == 1


def test_steps_add_up_until_they_are_settled(clock: SettableClock) -> None:
    watch = ClockWatch(clock)
    set_by(clock, 100)
    first = watch.look()
    set_by(clock, -30)
    assert watch.look() == 70 * SECOND
    watch.settle(first)
    assert watch.look() == -30 * SECOND
    assert watch.steps == 2


def test_small_corrections_are_just_time_but_add_up(clock: SettableClock) -> None:
    watch = ClockWatch(clock)
    set_by(clock, 0.6)
    assert watch.look() == 0
    set_by(clock, 0.6)
    assert watch.look() == round(1.2 * SECOND)
