"""Which actors are taken for hung, judged by their signs of life alone."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tocsin.actors.base import Actor
from tocsin.actors.diagnosis import WAITING, Diagnosis
from tocsin.actors.mailbox import Letter
from tocsin.actors.registry import Member, Registry
from tocsin.actors.vitals import REAL_TIME
from tocsin.core.clock import SECOND, SystemClock

PATIENCE = 10.0

LIMIT = 0.2


class Sleeper(Actor):
    """Calls what it is told, or hangs in it."""

    busy_limit: float | None = LIMIT

    def handle(self, message: Any) -> Any:
        return message(self) if callable(message) else message


@pytest.fixture
def member() -> Iterator[Callable[[], Member]]:
    registry, gate = Registry(), threading.Event()
    actor = Sleeper()
    actor.adopt(
        name="a", incarnation=1, registry=registry, clock=SystemClock(), report=lambda _: None
    )
    registry.register("a", actor.actor_ref, 1, vitals=actor.vitals, report=lambda _: None)
    actor.launch(PATIENCE)

    def get() -> Member:
        found = registry.member("a")
        assert found is not None
        return found

    yield get
    gate.set()
    actor.stop()
    assert actor.join(PATIENCE)


def test_letters_that_nobody_takes_show_that_an_actor_hangs(
    member: Callable[[], Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, diagnosis, now = member(), Diagnosis(), REAL_TIME.monotonic()
    monkeypatch.setattr(one.mailbox, "empty", lambda: False)
    assert diagnosis.find(one, 0, now) is None, "a letter may have come this moment"
    assert diagnosis.find(one, 0, now + WAITING) is None
    assert diagnosis.find(one, 0, now + WAITING + 1) is not None
    assert one.vitals is not None
    one.vitals.handled += 1
    assert diagnosis.find(one, 0, now + WAITING + 2) is None, "it took one meanwhile"
    assert diagnosis.find(one, 0, now + 2 * WAITING + 3) is not None
    monkeypatch.undo()
    assert diagnosis.find(one, 0, now + 3 * WAITING) is None


def test_letters_may_wait_for_as_long_as_an_actor_is_busy(
    member: Callable[[], Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, diagnosis, now = member(), Diagnosis(), REAL_TIME.monotonic()
    monkeypatch.setattr(one.mailbox, "empty", lambda: False)
    assert one.vitals is not None
    one.vitals.busy_limit = None
    one.vitals.busy("work")
    assert diagnosis.find(one, 0, now) is None
    assert diagnosis.find(one, 0, now + 2 * WAITING) is None
    one.vitals.rest(0)


def test_a_thread_that_ended_without_a_word_is_noticed(member: Callable[[], Member]) -> None:
    one = member()
    assert one.vitals is not None
    assert Diagnosis().find(one, 0, REAL_TIME.monotonic()) is None
    alive, gone = one.vitals.thread, threading.Thread(target=lambda: None)
    gone.start()
    gone.join()
    one.vitals.thread = gone
    wrong = Diagnosis().find(one, 0, REAL_TIME.monotonic())
    one.vitals.thread = alive
    assert wrong == "its thread has ended without a word"


def test_a_slow_start_is_left_to_the_supervisor(member: Callable[[], Member]) -> None:
    one, now = member(), REAL_TIME.monotonic()
    assert one.vitals is not None
    one.vitals.busy("on_start")
    assert Diagnosis().find(one, 0, now + 1000 * SECOND) is None
    one.vitals.busy("anything else")
    assert Diagnosis().find(one, 0, now + 1000 * SECOND) is not None
    one.vitals.rest(0)


def test_signs_of_life_from_before_nobody_looked_are_worth_nothing(
    member: Callable[[], Member],
) -> None:
    one, now = member(), REAL_TIME.monotonic()
    one.mailbox.put(Letter(lambda _: None))
    assert one.vitals is not None
    one.vitals.busy("work")
    later = now + 1000 * SECOND
    assert Diagnosis().find(one, later, later + 1) is None
    assert Diagnosis().find(one, later, later + SECOND) is not None
    one.vitals.rest(0)
