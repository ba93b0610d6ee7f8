"""What tasks do when the wall clock is set: nothing twice, nothing silent for long."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin import RunContext, cron, every
from tocsin.core.clock import DAY, MINUTE, SECOND
from tocsin.core.commands import ClockStepped
from tocsin.core.schedule import Schedule
from tocsin.core.steps import replan
from tocsin.testing import ManualTocsin

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def step(app: ManualTocsin, seconds: float) -> None:
    """Set the wall clock, as an administrator would, and let the service notice."""
    app.clock.set_wall(app.clock.moment() + timedelta(seconds=seconds))
    app._send(ClockStepped(int(seconds * SECOND)))


def ringing(app: ManualTocsin, schedule: Schedule) -> list[RunContext]:
    rung: list[RunContext] = []
    app.handler("ring")(rung.append)
    app.schedule("ring", schedule, key="ring")
    return rung


@pytest.mark.parametrize("back", [10, 120, 3600, 86_400, 3 * 366 * 86_400])
@pytest.mark.parametrize("schedule", [every("10s"), cron("*/10 * * * * *")])
def test_s14_s16_after_a_step_back_intervals_and_wildcards_go_on_at_once(
    schedule: Schedule, back: int
) -> None:
    with ManualTocsin(start=NOON) as app:
        rung = ringing(app, schedule)
        app.advance("60s")
        assert len(rung) == 6
        step(app, -back)
        app.advance("60s")
        assert len(rung) == 12
        assert len({ctx.due_at for ctx in rung}) == 12


@pytest.mark.parametrize("ahead", [7200, 40 * 86_400])
def test_s15_after_a_jump_ahead_and_back_intervals_keep_their_spacing(ahead: int) -> None:
    with ManualTocsin(start=NOON) as app:
        rung = ringing(app, every("10s"))
        app.advance("35s")
        step(app, ahead)
        app.advance("10s")
        assert len(rung) == 4
        step(app, -ahead)
        app.advance("10s")
        assert len(rung) == 5


def test_s18_a_fixed_time_that_the_clock_shows_again_after_a_correction_runs_once() -> None:
    with ManualTocsin(start="2026-03-01T03:30:00Z") as app:
        rung = ringing(app, cron("0 4 * * *"))
        app.advance("1h")
        step(app, -3600)
        app.advance("1h")
        assert len(rung) == 1
        app.advance("1d")
        assert len(rung) == 2


def test_set_back_by_days_a_fixed_time_is_believed_again() -> None:
    with ManualTocsin(start="2026-03-01T03:30:00Z") as app:
        rung = ringing(app, cron("0 4 * * *"))
        app.advance("2d")
        step(app, -2 * 86_400)
        app.advance("1d")
        assert [ctx.due_at.day for ctx in rung] == [1, 2, 1]
        assert len({ctx.due_at for ctx in rung}) == 3


def test_an_interval_aligned_to_the_clock_stays_where_the_clock_shows_it() -> None:
    with ManualTocsin(start=NOON) as app:
        rung = ringing(app, every("10m", anchor=NOON))
        app.advance("25m")
        step(app, -7 * 60)
        app.advance("10m")
        shown = [ctx.due_at.replace(microsecond=0).minute for ctx in rung]
        assert shown == [10, 20, 20]


def test_a_retry_waits_for_time_to_pass_whatever_the_clock_shows() -> None:
    with ManualTocsin(start=NOON) as app:
        attempts: list[int] = []

        @app.handler("fail", retries=1, retry_delay="1m")
        def fail(ctx: RunContext) -> None:
            attempts.append(ctx.attempt)
            raise ValueError

        app.schedule("fail", "now")
        app.advance()
        for seconds in (-86_400, 2 * 86_400, -5):
            step(app, seconds)
            app.advance("15s")
        assert attempts == [1]
        app.advance("16s")
        assert attempts == [1, 2]


def test_the_step_is_in_the_event_log() -> None:
    with ManualTocsin(start=NOON) as app:
        ringing(app, every(MINUTE / SECOND))
        step(app, -60)
        assert [logged.event.type for logged in app._queries().events(latest=True, limit=2)]
        kinds = [logged.event.type for logged in app._queries().events()]
        assert "ClockStepped" in kinds


@pytest.mark.parametrize("back", [2 * MINUTE, DAY])
def test_s14_what_waited_for_its_place_when_the_clock_was_set_back_is_ready_all_the_same(
    story: Any, back: int
) -> None:
    """Otherwise it keeps all that come after it from running until the clock is there again."""
    story.order(every("10s"))
    story.ring(after=10 * SECOND)
    assert [run.status for run in story.claimable()] == ["pending"]
    story.now -= back
    story.tell(replan(story.task, -back, story.now))
    story.finish(story.claim())
    story.ring(after=10 * SECOND)
    assert story.statuses() == ["succeeded", "pending"]


def test_a_run_that_waits_for_its_window_waits_for_what_the_clock_shows(story: Any) -> None:
    story.order(every("10s"), options={"windows": "mon-sun 10:00-17:00"})
    story.ring(after=10 * SECOND)
    (run,) = story.runs.values()
    opening = run.ready_at
    assert opening > story.now
    story.now -= MINUTE
    story.tell(replan(story.task, -MINUTE, story.now))
    assert run.ready_at == opening
