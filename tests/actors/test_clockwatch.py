"""The wall clock against the time that has passed, and time in which nothing ran."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tocsin.actors.clockwatch import ClockWatch
from tocsin.core.clock import SECOND
from tocsin.core.commands import ClockStepped, Suspended
from tocsin.testing import SettableClock


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


def set_by(clock: SettableClock, seconds: float) -> None:
    clock.set_wall(clock.moment() + timedelta(seconds=seconds))


class Events(SettableClock):
    """A clock to which something happens each time somebody has looked at it."""

    def __init__(self, *events: Callable[["Events"], object]) -> None:
        super().__init__()
        self.coming = list(events)

    def now(self) -> int:
        shown = super().now()
        if self.coming:
            self.coming.pop(0)(self)
        return shown


def test_time_that_passes_is_no_step(clock: SettableClock) -> None:
    watch = ClockWatch(clock)
    for seconds in (0.5, 3600, 86_400 * 400):
        clock.advance(seconds)
        assert watch.look() == []
    assert watch.steps == 0


@pytest.mark.parametrize("seconds", [1, -1, 7200, -7200, 10**9, -(10**9)])
def test_a_step_is_told_until_it_is_settled(clock: SettableClock, seconds: int) -> None:
    watch = ClockWatch(clock)
    set_by(clock, seconds)
    assert watch.look() == watch.look() == [ClockStepped(seconds * SECOND)]
    watch.settle(watch.look())
    assert watch.look() == []
    assert watch.steps == 1


def test_steps_add_up_until_they_are_settled(clock: SettableClock) -> None:
    watch = ClockWatch(clock)
    set_by(clock, 100)
    first = watch.look()
    set_by(clock, -30)
    assert watch.look() == [ClockStepped(70 * SECOND)]
    watch.settle(first)
    assert watch.look() == [ClockStepped(-30 * SECOND)]
    assert watch.steps == 2


def test_small_corrections_are_just_time_but_add_up(clock: SettableClock) -> None:
    watch = ClockWatch(clock)
    set_by(clock, 0.6)
    assert watch.look() == []
    set_by(clock, 0.6)
    assert watch.look() == [ClockStepped(round(1.2 * SECOND))]


@pytest.mark.parametrize("ahead", [60, 3600, 10**8])
def test_s19_what_an_earlier_life_recorded_in_the_future_is_a_step_back(
    clock: SettableClock, ahead: int
) -> None:
    watch = ClockWatch(clock, clock.now() + ahead * SECOND)
    assert watch.look() == watch.look() == [ClockStepped(-ahead * SECOND)]
    set_by(clock, -5)
    assert watch.look() == [ClockStepped(-(ahead + 5) * SECOND)]
    watch.settle(watch.look())
    assert watch.look() == []
    assert watch.steps == 2


@pytest.mark.parametrize("ahead", [-(10**8), 0, 59])
def test_an_earlier_life_that_ended_before_now_is_no_step(clock: SettableClock, ahead: int) -> None:
    watch = ClockWatch(clock, clock.now() + ahead * SECOND)
    assert watch.look() == []
    assert watch.steps == 0


def test_each_suspend_is_told_by_itself_until_it_is_settled(clock: SettableClock) -> None:
    watch = ClockWatch(clock)
    watch.note_suspend(5 * SECOND)
    first = watch.look()
    watch.note_suspend(7 * SECOND)
    set_by(clock, -60)
    assert first == [Suspended(5 * SECOND)]
    watch.settle(first)
    assert watch.look() == [Suspended(7 * SECOND), ClockStepped(-60 * SECOND)]
    watch.settle(watch.look())
    assert watch.look() == []
    assert (watch.suspends, watch.steps) == (2, 1)


def test_who_is_held_up_between_both_clocks_takes_that_for_no_step() -> None:
    clock = Events(lambda _: None)
    watch = ClockWatch(clock)
    clock.coming = [lambda c: c.advance(10), lambda c: c.advance(0.5)]
    assert watch.look() == []
    assert clock.coming == []


@pytest.mark.parametrize("looks_before", range(5))
def test_a_moment_never_lies_after_a_step_that_is_not_told(looks_before: int) -> None:
    clock = Events()
    watch = ClockWatch(clock)
    before = clock.now()
    nothing: list[Callable[[Events], object]] = [lambda _: None] * looks_before
    clock.coming = [*nothing, lambda c: set_by(c, 3600)]
    now, news = watch.moment()
    assert (now, news) in [(before, []), (before + 3600 * SECOND, [ClockStepped(3600 * SECOND)])]
