"""The real service while its wall clock is set: nothing twice, nothing silent for long."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tocsin import RunContext, Tocsin, cron, every
from tocsin.core.schedule import Cron, Schedule
from tocsin.testing import SettableClock

LIMIT = 15.0


class Bells:
    """Rings that a test can wait for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.rung: list[datetime] = []

    def ring(self, ctx: RunContext) -> None:
        with self._changed:
            self.rung.append(ctx.due_at)
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.rung) >= count, LIMIT), self.rung


@pytest.mark.parametrize("schedule", [every("10s"), cron("*/10 * * * * *")])
@pytest.mark.parametrize("step", [-86_400, -3_600, -30, 30, 7_200, 400 * 86_400])
def test_s14_s15_s16_after_a_step_the_bell_goes_on_within_an_interval(
    url: str, schedule: Schedule, step: int
) -> None:
    clock = SettableClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    app, bells = Tocsin(url, clock=clock), Bells()
    app.handler("ring")(bells.ring)
    with app:
        app.schedule("ring", schedule, key="ring")
        clock.advance(10)
        bells.wait_for(1)
        clock.set_wall(clock.moment() + timedelta(seconds=step))
        clock.advance(1)  # within this second it must have planned again:
        app.schedule("ring", cron("0 0 1 1 *"))  # when this is answered, it has looked
        if step > 0 and isinstance(schedule, Cron):
            bells.wait_for(2)  # what the clock skipped rings once
        before = len(bells.rung)
        for extra in (1, 2):
            clock.advance(10)
            bells.wait_for(before + extra)
        assert len(set(bells.rung)) == len(bells.rung)
        assert app.health().clock_steps == 1
