"""What the tests of a single actor share."""

import threading
from collections.abc import Callable
from typing import Any

import pykka

from tocsin.actors.base import Actor
from tocsin.actors.mailbox import Letter, Mailbox
from tocsin.actors.messages import Reason
from tocsin.actors.registry import Registry
from tocsin.core.clock import SystemClock

PATIENCE = 10.0


class Puppet(Actor):
    """Does what the test says, where the test says it."""

    def __init__(self, **acts: Callable[..., Any]) -> None:
        super().__init__(clock=SystemClock())
        self.acts = acts
        self.reasons: list[Reason] = []

    def on_start(self) -> None:
        self.acts.get("on_start", _nothing)()

    def on_stop(self, reason: Reason = "normal") -> None:
        self.reasons.append(reason)
        self.acts.get("on_stop", _nothing)()

    def handle(self, message: Any) -> Any:
        return message(self) if callable(message) else message


def _nothing(*_: Any) -> None:
    pass


def raising(error: type[BaseException]) -> Callable[..., Any]:
    def act(*_: Any) -> Any:
        raise error

    return act


class Reports(list[Reason]):
    def __call__(self, reason: Reason) -> None:
        self.append(reason)


def adopt(actor: Actor, mailbox: Mailbox | None = None, incarnation: int = 1) -> Reports:
    reports = Reports()
    actor.adopt(
        name="puppet",
        incarnation=incarnation,
        registry=Registry(),
        clock=SystemClock(),
        report=reports,
        mailbox=mailbox,
    )
    return reports


def run(actor: Actor, mailbox: Mailbox | None = None) -> Reports:
    reports = adopt(actor, mailbox)
    assert actor.launch(PATIENCE)
    return reports


def end(actor: Actor) -> None:
    actor.stop("shutdown")
    assert actor.join(PATIENCE)


def ask(actor: Actor, message: Any) -> Any:
    return actor.actor_ref.ask(message, timeout=PATIENCE)


def batch_of(actor: Actor, *messages: Any) -> list[Any]:
    """Put asked letters before the actor starts, so that they come as one batch."""
    letters = [Letter(message, pykka.ThreadingFuture()) for message in messages]
    for letter in letters:
        actor.mailbox.put(letter)
    return [letter.reply_to for letter in letters]


def hung(actor: Actor, gate: threading.Event) -> tuple[Any, Any]:
    """Let an actor hang in the first of two messages; their futures."""
    entered = threading.Event()

    def hang(_: Any) -> str:
        entered.set()
        gate.wait(PATIENCE)
        return "too late"

    def second(me: Puppet) -> str:
        me.acts.setdefault("handled by", me)  # type: ignore[arg-type]
        return "second"

    actor.batch = 10
    futures = batch_of(actor, hang, second)
    assert actor.launch(PATIENCE)
    assert entered.wait(PATIENCE)
    return futures[0], futures[1]
