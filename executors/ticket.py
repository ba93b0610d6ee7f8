"""One call on a desk, and how it is told to stop."""

import threading
from collections.abc import Callable

from msgspec import Struct, field

from .base import Call, Outcome, Report, TimedOut

_EVENTS = threading.Lock()
"""Held while the event of a notice is made or set."""


class Notice:
    """The `Cancellation` handed to a call; it remembers whether the call has noticed it."""

    __slots__ = ("_event", "_told", "noticed")

    def __init__(self) -> None:
        self._told = False
        self._event: threading.Event | None = None
        self.noticed = False

    def set(self) -> None:
        """Tell the call to stop."""
        with _EVENTS:
            self._told = True
            if self._event is not None:
                self._event.set()

    def is_set(self) -> bool:
        """Whether the call should stop."""
        return self._remember(self._told)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the call should stop, `timeout` seconds at most; True when it should."""
        return self._remember(self._signal().wait(timeout))

    def _signal(self) -> threading.Event:
        """The event behind it: made for the few calls that wait, and for no other."""
        with _EVENTS:
            if self._event is None:
                self._event = threading.Event()
                if self._told:
                    self._event.set()
            return self._event

    def _remember(self, told: bool) -> bool:
        self.noticed = self.noticed or told
        return told


class Ticket(Struct, eq=False):
    """One call on the desk. What changes is guarded by the desk's lock.

    Attributes:
        call: what to run.
        report: who is told how it ended.
        notice: how the call is told to stop.
        started_at: when it started, None while queued.
        started: the same on the monotonic clock.
        began: the same on the machine's own monotonic clock, whatever clock reports go by.
        finished_at: when its outcome was decided.
        wish: what its end counts as, if it ends because it noticed that it should.
        ended: its outcome is decided.
        interrupt: ends the running call from outside; None when nothing can.
        certain: whether `interrupt` ends any call, even a stubborn one.
        abandoned: its thread was given up.
        waits: it is queued for a slot.
    """

    call: Call
    report: Callable[[Report], None]
    notice: Notice = field(default_factory=Notice)
    started_at: int | None = None
    started: int | None = None
    began: int = 0
    finished_at: int = 0
    wish: Outcome | None = None
    ended: bool = False
    interrupt: Callable[[], object] | None = None
    certain: bool = False
    abandoned: bool = False
    waits: bool = False

    @property
    def running(self) -> bool:
        """Started and not ended."""
        return self.started is not None and not self.ended

    @property
    def doomed(self) -> bool:
        """Its end is under way, and expiring it would change nothing."""
        return isinstance(self.wish, TimedOut) or (self.certain and self.wish is not None)
