"""What one callback or one message does wrong costs nobody else anything."""

import sys
import threading
from typing import Any

import pytest

from tocsin import RunContext, Tocsin, every, now
from tocsin.core.errors import ActorCrashed, TocsinError
from tocsin.messages import NewEntry, PauseTask

LIMIT = 15.0


class Poison:
    """A message that kills whoever looks at it."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise SystemExit("poison")


def ticking(app: Tocsin) -> threading.Semaphore:
    """A healthy task that ticks all the time; each tick releases the semaphore once."""
    ticks = threading.Semaphore(0)

    @app.handler("tick")
    def tick(ctx: RunContext) -> None:
        ticks.release()

    return ticks


def boom(ctx: RunContext) -> None:
    raise ValueError("boom")


def leave(ctx: RunContext) -> None:
    sys.exit(3)


def recurse(ctx: RunContext) -> None:
    recurse(ctx)


class Unspeakable(BaseException):
    def __str__(self) -> str:
        raise RuntimeError("even my name hurts")


def hurt(ctx: RunContext) -> None:
    raise Unspeakable


@pytest.mark.parametrize("misbehave", [boom, leave, recurse, hurt])
def test_a_callback_that_raises_or_exits_stops_no_other_task(app: Tocsin, misbehave: Any) -> None:
    ticks = ticking(app)
    app.handler("bad", retries=0)(misbehave)
    with app:
        bad = app.schedule("bad", every("50ms"), key="bad")
        app.schedule("tick", every("50ms"), key="good")
        for _ in range(5):
            assert ticks.acquire(timeout=LIMIT)
        history = app.history(bad, status=["failed"])
        assert history
        assert app.get("good").status == app.get("bad").status == "active"


def test_a_callback_that_never_returns_is_ended_by_its_timeout_and_its_slot_is_served_again(
    url: str,
) -> None:
    app = Tocsin(url, max_concurrent=1, grace=0.1)
    ticks, forever = ticking(app), threading.Event()

    @app.handler("hang", timeout="200ms", retries=0)
    def hang(ctx: RunContext) -> None:
        forever.wait()

    with app:
        task = app.schedule("hang", now(), key="hang")
        app.schedule("tick", every("50ms"))
        for _ in range(3):
            assert ticks.acquire(timeout=LIMIT)
        [run] = app.history(task)
        assert (run.status, run.error) == ("timed_out", "it took longer than its timeout")
    forever.set()


@pytest.mark.parametrize("name", ["scheduler", "alarm", "runner", "courier"])
def test_an_actor_killed_by_a_poisoned_message_is_replaced_and_serves_the_next_one(
    app: Tocsin, name: str
) -> None:
    ticks = ticking(app)
    with app:
        before = app.registry.whereis(name)
        with pytest.raises(ActorCrashed):
            app.address(name).ask(Poison(), timeout=LIMIT)
        task = app.schedule("tick", now(), key="after the poison")
        assert ticks.acquire(timeout=LIMIT)
        assert app.get(task).key == "after the poison"
        assert app.registry.whereis(name) != before


def test_a_poisoned_message_costs_no_other_caller_its_answer(app: Tocsin) -> None:
    ticks = ticking(app)
    with app:
        futures = [app.scheduler.ask_later(NewEntry("now", handler="tick")) for _ in range(20)]
        app.scheduler.tell(Poison())
        futures += [app.scheduler.ask_later(NewEntry("now", handler="tick")) for _ in range(20)]
        ids = {future.get(timeout=LIMIT)["scheduler_id"] for future in futures}
        assert len(ids) == len(app.tasks()) == 40
        for _ in ids:
            assert ticks.acquire(timeout=LIMIT)


def test_a_message_that_the_scheduler_refuses_does_not_kill_it(app: Tocsin) -> None:
    with app:
        before = app.registry.whereis("scheduler")
        app.scheduler.tell(PauseTask("nobody"))
        app.scheduler.tell("nonsense")
        for wrong in ({"new_entry": {}}, {"alarm_triggered": "x"}, object(), NewEntry("soon")):
            with pytest.raises(TocsinError):
                app.scheduler.ask(wrong, timeout=LIMIT)
        assert app.registry.whereis("scheduler") == before
