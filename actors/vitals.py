"""What an actor is doing right now, for those who watch over it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.clock import SECOND, SystemClock
from .restarts import RestartBudget

REAL_TIME = SystemClock()
"""How long a thread takes is a matter of the machine, whatever clock its actor lives by."""


@dataclass(slots=True)
class Vitals:
    """Signs of life, written by the actor alone and read by everybody without a lock.

    All times are real monotonic microseconds.

    Attributes:
        incarnation: which life of the name this is.
        thread: where this life takes place, None before it begins.
        began_at: when it began.
        busy_with: the type of the message being handled, None when the actor waits.
        since: when that began.
        last_progress: when it gave the last sign of life.
        handled: messages so far, in this life.
        busy_limit: seconds without a sign of life after which a busy actor hangs, None for never.
        limits: watermarks, and the seconds that each may stand still.
        marks: when each watermark moved last.
        allowance: seconds that the work in hand may take longer, None for all it needs.
        trouble: what is wrong around the actor, in words, None when nothing is.
        trouble_since: when that began.
        budget: of a supervisor, the restarts that its children may have.
    """

    incarnation: int = 0
    thread: threading.Thread | None = None
    began_at: int = 0
    busy_with: str | None = None
    since: int = 0
    last_progress: int = 0
    handled: int = 0
    busy_limit: float | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    allowance: float | None = 0.0
    trouble: str | None = None
    trouble_since: int = 0
    budget: RestartBudget | None = None

    def begin(self) -> None:
        """Note that this life begins, in this thread."""
        self.began_at = self.last_progress = REAL_TIME.monotonic()
        self.thread = threading.current_thread()

    def busy(self, what: str) -> None:
        """Note that something begins."""
        self.since = self.last_progress = REAL_TIME.monotonic()
        self.allowance = 0.0
        self.busy_with = what

    def rest(self, handled: int) -> None:
        """Note that it is over."""
        self.busy_with = None
        self.handled += handled
        self.last_progress = REAL_TIME.monotonic()

    def mark(self, name: str | None = None) -> None:
        """Note that the actor gets on: with what it does, and with a watermark."""
        now = self.last_progress = REAL_TIME.monotonic()
        if name is not None:
            self.marks[name] = now

    def allow(self, seconds: float | None) -> None:
        """Note that the next step may take so much longer than usual."""
        self.mark()
        self.allowance = seconds

    def ail(self, trouble: str) -> None:
        """Note that something around the actor is wrong."""
        if self.trouble is None:
            self.trouble_since = REAL_TIME.monotonic()
        self.trouble = trouble

    def recover(self) -> None:
        """Note that all is well again."""
        self.trouble = None

    def patience(self) -> int | None:
        """Microseconds that it may be busy without a sign of life, None for ever."""
        limit, allowance = self.busy_limit, self.allowance
        return None if limit is None or allowance is None else round((limit + allowance) * SECOND)
