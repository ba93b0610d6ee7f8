"""A Scheduler with more before it than it can do at once: it stays on top of what matters."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tocsin import Tocsin, every
from tocsin.actors.scheduler import Scheduler
from tocsin.actors.warden import Warden
from tocsin.core.commands import AlarmsTriggered, PauseTask
from tocsin.storage import ledger
from tocsin.storage.ledger import Ledger
from tocsin.testing import SettableClock

LIMIT = 15.0


class Held:
    """Keeps the Scheduler in its next transaction until it is let go; notes what it carries out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.let_go = threading.Event(), threading.Event()
        self.carried_out: list[Any] = []
        self.between: Callable[[], object] = lambda: None
        execute = Ledger.execute

        def held(book: Ledger, commands: Sequence[Any], **options: Any) -> Any:
            if (
                any(type(command) is PauseTask for command in commands)
                and not self.reached.is_set()
            ):
                self.reached.set()
                assert self.let_go.wait(LIMIT)
            self.carried_out += commands
            self.between()
            return execute(book, commands, **options)

        monkeypatch.setattr(Ledger, "execute", held)

    def hold(self, app: Tocsin, key: str) -> None:
        app.scheduler.tell(PauseTask(key))
        assert self.reached.wait(LIMIT)
        self.carried_out.clear()


@pytest.fixture
def tasks(clocked: Tocsin) -> list[int]:
    clocked.handler("ring")(lambda ctx: None)
    clocked.start()
    return [clocked.schedule("ring", every("1h"), key=f"t{n}").id for n in range(5)]


def test_alarms_that_rang_many_times_meanwhile_are_looked_at_once(
    clocked: Tocsin, tasks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    held.hold(clocked, "t0")
    for _ in range(20):
        clocked.scheduler.tell(AlarmsTriggered(tuple(tasks[:4])))
    clocked.scheduler.tell(AlarmsTriggered(tuple(tasks)))
    held.let_go.set()
    clocked.scheduler.ask(PauseTask("t1"))
    rung = [each for each in held.carried_out if type(each) is AlarmsTriggered]
    assert rung == [AlarmsTriggered(tuple(tasks[:4])), AlarmsTriggered((tasks[4],))]


def test_a_heap_of_letters_keeps_nobody_from_what_is_due_each_second(
    clocked: Tocsin, clock: SettableClock, tasks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.actors.scheduler.MOST_AT_ONCE", 1)
    held, seen = Held(monkeypatch), list[int]()
    look = Scheduler._notice_others

    def notice(scheduler: Scheduler) -> bool:
        seen.append(len(held.carried_out))
        return look(scheduler)

    monkeypatch.setattr(Scheduler, "_notice_others", notice)
    held.hold(clocked, "t0")
    held.between = lambda: clock.advance(2)
    for number in range(1, 5):
        clocked.scheduler.tell(PauseTask(f"t{number}"))
    last = clocked.scheduler.ask_later(PauseTask("t0"))
    seen.clear()
    held.let_go.set()
    last.get(timeout=LIMIT)
    assert len({count for count in seen if count <= 5}) >= 3, seen


def test_a_long_transaction_that_gets_on_is_not_taken_for_a_hang(
    clocked: Tocsin, clock: SettableClock, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    """Else it would be rolled back and begun again for ever, with more to do each time."""
    monkeypatch.setattr(Scheduler, "busy_limit", 0.4)
    monkeypatch.setattr(Scheduler, "watermarks", {"tick": 0.4})
    monkeypatch.setattr("tocsin.storage.unit._OFTEN", 0)  # each event is a slow one here
    monkeypatch.setattr(Warden, "every", 0.02)
    pause, plan = threading.Event(), ledger.trigger

    def slowly(*about: Any) -> Any:
        pause.wait(0.1)
        return plan(*about)

    clocked.handler("ring")(lambda ctx: None)
    with clocked:
        for number in range(10):
            clocked.schedule("ring", every("1h"), key=f"t{number}")
        before = clocked.registry.member("scheduler")
        monkeypatch.setattr(ledger, "trigger", slowly)
        clock.advance("1h")
        until(lambda: len(clocked.history(status="succeeded", limit=100)) == 10)
        assert clocked.registry.member("scheduler") == before
