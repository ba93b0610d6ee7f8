"""The real service while its wall clock is set: nothing twice, nothing silent for long."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin import RunContext, Tocsin, cron, every
from tocsin.core.commands import AlarmsTriggered
from tocsin.core.schedule import Cron, Schedule
from tocsin.storage.ledger import Ledger
from tocsin.testing import SettableClock

LIMIT = 15.0
UNFINISHED = ("pending", "executing")


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
    url: str, until: Any, schedule: Schedule, step: int
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
            until(lambda: not app.history("ring", status=UNFINISHED))  # or the next one overlaps
            clock.advance(10)
            bells.wait_for(before + extra)
        assert len(set(bells.rung)) == len(bells.rung)
        assert app.health().clock_steps == 1


def test_a_step_right_before_a_transaction_is_known_to_it(
    url: str, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SettableClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    app, bells = Tocsin(url, clock=clock), Bells()
    app.handler("ring")(bells.ring)
    steps, carry_out = [timedelta(days=400)], Ledger._execute

    def step_first(ledger: Ledger, commands: Any, *rest: Any) -> Any:
        if steps and any(isinstance(command, AlarmsTriggered) for command in commands):
            clock.set_wall(clock.moment() + steps.pop())
        return carry_out(ledger, commands, *rest)

    with app:
        app.schedule("ring", every("10s"), key="ring")
        monkeypatch.setattr(Ledger, "_execute", step_first)
        clock.advance(10)
        bells.wait_for(1)
        until(lambda: app.health().clock_steps == 1)
        until(lambda: not app.history("ring", status=UNFINISHED))
        clock.advance(10)
        bells.wait_for(2)
        assert app.get("ring").next_run_at - clock.moment() <= timedelta(seconds=10)
