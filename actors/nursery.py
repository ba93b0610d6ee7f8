"""Starts and stops the actors of one supervisor; nothing here waits longer than it may."""

from collections.abc import Callable, Iterable

from loguru import logger

from ..core.clock import SECOND
from ..core.errors import StartFailed
from .base import Actor, describe
from .child import Child
from .mailbox import Letter
from .messages import ChildDown, Reason
from .vitals import REAL_TIME


class Nursery:
    """Turns children into running actors and back.

    Args:
        supervisor: who they belong to; it must have its name, registry, clock and mailbox.
    """

    def __init__(self, supervisor: Actor) -> None:
        self._supervisor = supervisor
        self._given_up: list[Actor] = []

    @property
    def abandoned(self) -> int:
        """Threads that did not end in time and still exist."""
        self._given_up = [actor for actor in self._given_up if not actor.has_ended]
        return len(self._given_up)

    def start(self, child: Child) -> bool:
        """Give a child a new life.

        Returns:
            False when the actor chose to be ignored; the child stays stopped.

        Raises:
            StartFailed: it did not come up; the child stays stopped.
            NameTaken: its name is somebody else's.
        """
        child.due_at = None
        actor = self._make(child)
        self._adopt(child, actor)
        child.actor = actor  # before it runs: whoever fences the supervisor fences it too
        if self._supervisor.fenced:
            actor.fence()
        running = False
        try:
            self._supervisor.vitals.allow(child.spec.start_limit)
            running = actor.launch(child.spec.start_limit)
        finally:
            self._supervisor.vitals.allow(0.0)
            if actor.fenced and not actor.has_ended:
                self._given_up.append(actor)
            if not running:
                child.actor = None
        if running:
            child.started_at = self._supervisor.clock.monotonic()
        if running and child.spec.restart == "temporary":
            child.spec = child.spec.without_start()
        return running

    def stop(self, children: Iterable[Child], *, together: bool = False) -> None:
        """End children in reverse order, each within its own time; some may be stopped already.

        Args:
            children: in start order.
            together: tell all of them first, then wait for all, instead of one after the other.
        """
        order = list(children)[::-1]
        for group in [order] if together else [[child] for child in order]:
            asked_at = REAL_TIME.monotonic()
            for child in group:
                self._ask_to_end(child)
            for child in group:
                self._await_end(child, asked_at)

    def give_up(self, actor: Actor) -> None:
        """Make an actor that hangs harmless, and count its thread for as long as it exists."""
        actor.fence()
        self._given_up.append(actor)

    def retire(self, child: Child, why: str) -> None:
        """Free the name of a child that will not come back by itself."""
        name = child.spec.name
        self._supervisor.registry.forget(name, f"{name!r} {why}", child.incarnation)

    def _ask_to_end(self, child: Child) -> None:
        child.due_at = None
        if child.actor is not None:
            if child.spec.shutdown == "brutal":
                child.actor.fence()
            child.actor.vitals.busy_limit = None  # from now on it is waited for, with a limit
            child.actor.stop("shutdown")

    def _await_end(self, child: Child, asked_at: int) -> None:
        actor, child.actor = child.actor, None
        if actor is None:
            return
        grace = child.spec.grace
        waited = (REAL_TIME.monotonic() - asked_at) / SECOND
        self._supervisor.vitals.allow(grace)
        ended = actor.join(None if grace is None else max(0.0, grace - waited))
        self._supervisor.vitals.allow(0.0)
        if ended:
            return
        self.give_up(actor)
        if child.spec.shutdown != "brutal":
            logger.error(
                "{}: child {} did not end within {:g} s (it is busy with {}): given up",
                self._supervisor.name,
                child.spec.id,
                grace,
                actor.vitals.busy_with,
            )

    def _make(self, child: Child) -> Actor:
        if self._supervisor.fenced:
            raise StartFailed(f"{self._supervisor.name!r} was replaced and starts nobody")
        try:
            actor = child.spec.start()
        except BaseException as error:
            raise StartFailed(
                f"child {child.spec.id!r} of {self._supervisor.name!r} could not be made: "
                f"{describe(error)}"
            ) from error
        if not isinstance(actor, Actor):
            raise StartFailed(
                f"child {child.spec.id!r} of {self._supervisor.name!r}: start must return "
                f"a new tocsin.actors.base.Actor, not {type(actor).__name__}"
            )
        if actor.has_been_started:
            raise StartFailed(
                f"child {child.spec.id!r} of {self._supervisor.name!r}: start must return "
                "a new actor each time, and must not start it"
            )
        return actor

    def _adopt(self, child: Child, actor: Actor) -> None:
        boss, name = self._supervisor, child.spec.name
        mailbox = boss.registry.inheritance(name, boss.name)
        child.incarnation = boss.registry.next_incarnation()
        report = self._reporter(child.spec.id, child.incarnation)
        actor.adopt(
            name=name,
            incarnation=child.incarnation,
            registry=boss.registry,
            clock=boss.clock,
            report=report,
            mailbox=mailbox,
        )
        boss.registry.register(
            name,
            actor.actor_ref,
            child.incarnation,
            boss.name,
            vitals=actor.vitals,
            report=report,
        )

    def _reporter(self, child_id: str, incarnation: int) -> Callable[[Reason], None]:
        mailbox = self._supervisor.mailbox
        return lambda reason: mailbox.put(Letter(ChildDown(child_id, incarnation, reason)))
