"""What an actor does between its messages."""

import threading
import time
from typing import Any

from puppets import (
    PATIENCE,
    Puppet,
    adopt,
    ask,
    batch_of,
    end,
    hung,
    raising,
    run,
)

from tocsin.actors.base import Actor


class Ticker(Actor):
    """Counts how often it was idle."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock=clock)
        self.due = 10.0
        self.idled = threading.Semaphore(0)
        self.times: list[int] = []

    def patience(self) -> float | None:
        return self.due - self.clock.monotonic() / 1e6

    def idle(self) -> None:
        if self.patience() <= 0:  # type: ignore[operator]
            self.times.append(self.clock.monotonic())
            self.due += 10.0
            self.idled.release()

    def handle(self, message: Any) -> Any:
        return message(self) if callable(message) else message


def test_an_actor_is_idle_when_its_patience_is_used_up(house: Any) -> None:
    actor = Ticker(house.clock)
    run(actor)
    ask(actor, "awake")
    house.clock.advance(10)
    assert actor.idled.acquire(timeout=PATIENCE)
    ask(actor, "awake")
    house.clock.advance(25)
    assert actor.idled.acquire(timeout=PATIENCE)
    assert actor.idled.acquire(timeout=PATIENCE)
    assert actor.times == [10_000_000, 35_000_000, 35_000_000]
    end(actor)


def test_what_is_due_is_not_starved_by_a_full_mailbox(house: Any) -> None:
    actor = Ticker(house.clock)
    adopt(actor)
    house.clock.advance(10)
    futures = batch_of(actor, *range(100))
    actor.launch(PATIENCE)
    futures[0].get(timeout=PATIENCE)
    assert actor.idled.acquire(timeout=PATIENCE)
    end(actor)


def test_what_was_due_when_a_letter_came_is_done_before_it(house: Any) -> None:
    actor = Ticker(house.clock)
    adopt(actor)
    house.clock.advance(10)
    (future,) = batch_of(actor, lambda me: list(me.times))
    actor.launch(PATIENCE)
    assert future.get(timeout=PATIENCE) == [10_000_000]
    end(actor)


def test_letters_in_hand_survive_a_crash_of_what_was_due(house: Any) -> None:
    actor = Ticker(house.clock)
    actor.idle = raising(SystemExit)  # type: ignore[method-assign]
    adopt(actor)
    house.clock.advance(10)
    batch_of(actor, "kept")
    actor.launch(PATIENCE)
    assert actor.join(PATIENCE)
    assert [letter.message for letter in actor.mailbox.take(9, 0, actor.clock)] == ["kept"]


def test_letters_in_hand_survive_when_what_was_due_ends_the_actor(house: Any) -> None:
    actor = Ticker(house.clock)
    actor.idle = actor.stop  # type: ignore[method-assign]
    reports = adopt(actor)
    house.clock.advance(10)
    batch_of(actor, "kept")
    actor.launch(PATIENCE)
    assert actor.join(PATIENCE)
    assert reports == ["normal"]
    assert len(actor.mailbox) == 1


def test_vitals_tell_what_an_actor_does(house: Any) -> None:
    actor, gate = Puppet(), threading.Event()
    actor.clock = house.clock
    adopt(actor, incarnation=7)
    _, second = hung(actor, gate)
    assert actor.vitals.incarnation == 7
    assert actor.vitals.busy_with == "function"
    assert 0 < actor.vitals.began_at <= actor.vitals.since <= time.monotonic_ns() // 1000
    assert actor.vitals.thread is not None
    assert actor.vitals.thread.is_alive()
    gate.set()
    second.get(timeout=PATIENCE)
    end(actor)
    assert actor.vitals.handled == 2
    assert actor.vitals.busy_with is None
