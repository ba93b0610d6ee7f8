"""Warden: looks every second whether everybody gets on, and says so when somebody does not.

It asks nobody anything, so nobody can hold it up: it reads signs of life and tells supervisors
what it found. They fence, count and replace; what hangs at the top of a tree ends the tree.
"""

from typing import Any, ClassVar

from loguru import logger

from ..core.clock import SECOND
from ..core.errors import Hung, InvalidMessage, TooManyHung
from .base import Actor
from .checkup import STALLED, Checkup
from .diagnosis import Diagnosis
from .messages import Look
from .registry import Member
from .stacks import stack_of
from .tree import TOP
from .vitals import REAL_TIME

MOST_ABANDONED = 10
"""Threads of actors that may hang before the process is given up: a new one has none."""

HELD_UP = 3 * SECOND
"""When the Warden itself comes later than this, the whole process stood still, not its actors."""

REPORT_EVERY = 5 * SECOND


class Warden(Actor):
    """Watches the actors of its registry and the executors.

    Args:
        checkup: sees how the service is, and writes it down.
        most_abandoned: threads of actors that may hang before the tree is given up.

    Attributes:
        every: seconds between two looks. Default 1.
    """

    every = 1.0
    watermarks: ClassVar = {"look": 60.0}

    def __init__(self, checkup: Checkup, *, most_abandoned: int = MOST_ABANDONED) -> None:
        super().__init__()
        self._checkup = checkup
        self._most_abandoned = most_abandoned
        self._diagnosis = Diagnosis()
        self._told: set[int] = set()
        self._stalled: set[str] = set()
        self._look_at = 0
        self._looked_at = 0
        self._trusted_since = 0
        self._report_at = 0

    def on_start(self) -> None:
        """Trust nothing that was before."""
        self._looked_at = self._trusted_since = REAL_TIME.monotonic()

    def patience(self) -> float:
        """Seconds to the next look."""
        return max(0, self._look_at - REAL_TIME.monotonic()) / SECOND

    def idle(self) -> None:
        """Look, when it is time."""
        if REAL_TIME.monotonic() >= self._look_at:
            self._look()

    def handle(self, message: Any) -> None:
        """Look at once."""
        if type(message) is not Look:  # a hostile message must not hold up the one who watches
            raise InvalidMessage(f"the Warden does not understand {type(message).__name__}")
        self._look()

    def _look(self) -> None:
        now = REAL_TIME.monotonic()
        self._look_at = now + round(self.every * SECOND)
        self._watch_time(now)
        for member in self.registry.members():
            self._watch(member, now)
        self._watch_executors()
        self._count_abandoned()
        if now >= self._report_at or self._checkup.changed:
            self._report_at = now + REPORT_EVERY
            self._checkup.write()
        self.mark("look")
        self._looked_at = REAL_TIME.monotonic()

    # ------------------------------------------------------------ what is looked at

    def _watch_time(self, now: int) -> None:
        watch, late = self._checkup.watch, now - self._looked_at - round(self.every * SECOND)
        known = watch.steps
        watch.look()
        if late > HELD_UP:
            self._trusted_since = now
            watch.note_suspend(late)
        if late > HELD_UP or watch.steps > known:
            self._report_at = now  # what was reported is old, or shows a time that is no more

    def _watch(self, member: Member, now: int) -> None:
        if member.incarnation in self._told or member.name == self.name or member.report is None:
            return
        wrong = self._diagnosis.find(member, self._trusted_since, now)
        if wrong is None:
            return
        self._told.add(member.incarnation)
        thread = member.vitals.thread if member.vitals else None
        logger.error("{} hangs: {}\n{}", member.name, wrong, stack_of(thread))
        member.report(Hung(f"{member.name!r} hangs: {wrong}"))

    def _watch_executors(self) -> None:
        for name, load in self._checkup.loads().items():
            if load.stalled < STALLED:
                self._stalled.discard(name)
                continue
            if name not in self._stalled:
                self._stalled.add(name)
                logger.error("{}: {} calls wait beside free slots", name, load.queued)
            self._checkup.nudge(name)

    def _count_abandoned(self) -> None:
        abandoned = self.registry.abandoned
        top = self.registry.member(TOP)
        if abandoned > self._most_abandoned and top is not None and top.report is not None:
            top.report(
                TooManyHung(
                    f"{abandoned} threads of actors hang, and {self._most_abandoned} are allowed:"
                    " only a new process is free of them"
                )
            )
