"""The bookkeeping that all executors share: who holds what, and who may end it.

Every call that is handed in gets a `Ticket`. Whoever ends a ticket first - the call itself, an
expiry, a cancellation, the stop - decides its one outcome; everybody later is ignored. Kinds of
executors differ in how they run a ticket, never in how they account for it.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from loguru import logger

from ..core.clock import SECOND, Clock, SystemClock
from ..core.errors import ExecutorStopped
from .base import Call, Cancelled, Claim, Load, Outcome, Report, TimedOut
from .describe import describe_error
from .ticket import Ticket
from .waiting import Waiting

_REAL_TIME = SystemClock()


class Desk(ABC):
    """An executor without the running, which is up to its heirs.

    Args:
        slots: how many calls run at once.
        clock: where the times of the reports come from.
        name: the beginning of thread names and log lines.
    """

    last_seconds = 1.0
    """Seconds that `stop` waits after it interrupted what its grace did not end."""

    def __init__(self, slots: int, clock: Clock, name: str) -> None:
        if slots < 1:
            raise ValueError(f"an executor needs at least one slot, not {slots}")
        self.name = name
        self._slots = slots
        self._clock = clock
        self._lock = threading.RLock()
        self._empty = threading.Condition(self._lock)
        self._held: dict[Claim, Ticket] = {}
        self._queue = Waiting()
        self._active = 0
        self._stopping = False
        self._unfinished: list[Claim] = []
        self._abandoned = 0
        self._moved_at = _REAL_TIME.monotonic()

    # ------------------------------------------------------------ the verbs of an executor

    def submit(self, call: Call, report: Callable[[Report], None]) -> None:
        """Queue a call; see `Executor.submit`."""
        self.submit_all((call,), report)

    def submit_all(self, calls: Sequence[Call], report: Callable[[Report], None]) -> None:
        """Queue many calls at once; see `Executor.submit_all`."""
        tickets = [Ticket(call, report) for call in calls]
        with self._lock:
            if self._stopping:
                raise ExecutorStopped(f"{self.name} is stopped: it takes no more calls")
            if not self._queue:
                self._moved_at = _REAL_TIME.monotonic()
            added = [ticket for ticket in tickets if self._hold(ticket)]
            try:
                self._provide()
            except BaseException:
                for ticket in filter(lambda t: t.waits, added):
                    self._close(ticket)
                    self._let_go(ticket)
                raise

    def expire(self, claim: Claim) -> bool:
        """End a running call whose time is up; see `Executor.expire`."""
        with self._lock:
            ticket = self._held.get(claim)
            if ticket is None or not ticket.running:
                return False
            self._tell(ticket, TimedOut())
            will_report = ticket.certain
            if not will_report:
                self._close(ticket)
                self._abandon(ticket)
        if not will_report:
            self._deliver(ticket, TimedOut())
        return True

    def cancel(self, claim: Claim) -> bool:
        """Ask a call to end; see `Executor.cancel`."""
        with self._lock:
            ticket = self._held.get(claim)
            if ticket is None or ticket.ended:
                return False
            queued = not ticket.running
            if queued:
                self._close(ticket)
            else:
                self._tell(ticket, Cancelled())
        if queued:
            self._deliver(ticket, Cancelled())
        return True

    def holding(self) -> dict[Claim, int | None]:
        """Every claim that is not reported yet; see `Executor.holding`."""
        with self._lock:
            return {claim: ticket.started for claim, ticket in self._held.items()}

    def overdue(self) -> list[Claim]:
        """The running calls whose time is up; see `Executor.overdue`."""
        now = self._clock.monotonic()
        with self._lock:
            return [t.call.claim for t in self._limited() if self._limit(t, now) <= now]

    def next_deadline(self) -> int | None:
        """When the next time limit is reached; see `Executor.next_deadline`."""
        now = self._clock.monotonic()
        with self._lock:
            return min((self._limit(ticket, now) for ticket in self._limited()), default=None)

    def free(self) -> int:
        """How many calls could start right now."""
        with self._lock:
            return 0 if self._stopping else max(0, self._slots - self._active)

    def stop(self, grace: float) -> list[Claim]:
        """Start nothing more and wait for what runs; see `Executor.stop`."""
        with self._lock:
            self._stopping = True
            for ticket in self._queue:
                self._leave(ticket)
            for ticket in self._held.values():
                ticket.notice.set()
            self._provide()
            if not self._wait_until_empty(grace) and self._interrupt_all():
                self._wait_until_empty(self.last_seconds)
            for ticket in [t for t in self._held.values() if not t.ended]:
                self._leave(ticket)
            return list(self._unfinished)

    @property
    def abandoned(self) -> int:
        """How many threads are given up and still stuck in their call."""
        return self._abandoned

    def load(self) -> Load:
        """What there is to do; see `Executor.load`."""
        with self._lock:
            queued, running = len(self._queue), self._active - len(self._queue)
            waits_for_nothing = queued > 0 and running < self._slots
            stalled = _REAL_TIME.monotonic() - self._moved_at if waits_for_nothing else 0
            return Load(running, queued, self.free(), self.abandoned, stalled / SECOND)

    def nudge(self) -> None:
        """Look again for somebody who takes what is queued; see `Executor.nudge`."""
        with self._lock:
            if self._queue and not self._stopping:
                self._provide()

    # ------------------------------------------------------------ what the heirs use

    @abstractmethod
    def _provide(self) -> None:
        """See to it, lock held, that somebody takes what is queued, or ends when stopping."""

    @abstractmethod
    def _abandon(self, ticket: Ticket) -> None:
        """Give up, lock held, on whoever runs an ended ticket."""

    def _take(self) -> Ticket | None:
        """Start the next ticket, lock held; None when there is none."""
        ticket = None if self._stopping else self._queue.pop()
        if ticket is None:
            return None
        self._moved_at = ticket.began = _REAL_TIME.monotonic()
        ticket.started_at, ticket.started = self._clock.now(), self._clock.monotonic()
        return ticket

    def _arm(self, ticket: Ticket, interrupt: Callable[[], object], *, certain: bool) -> None:
        """Say how a running ticket can be ended from outside; do it if that is overdue."""
        with self._lock:
            ticket.interrupt, ticket.certain = interrupt, certain
            if ticket.wish is not None or ticket.ended:
                interrupt()

    def _disarm(self, ticket: Ticket) -> None:
        """Forget how it can be ended: from here on it ends by itself."""
        with self._lock:
            ticket.interrupt, ticket.certain = None, False

    def _finish(self, ticket: Ticket, outcome: Outcome) -> None:
        """A ticket ran to its end: report it, unless somebody else has ended it before."""
        counted = self._decide(ticket, outcome)
        if counted is not None:
            self._deliver(ticket, counted)

    def _decide(self, ticket: Ticket, outcome: Outcome) -> Outcome | None:
        """What the end of a ticket counts as; None when there is nothing to report any more."""
        now = self._clock.now()
        with self._lock:
            if ticket.ended:
                return None
            counted = ticket.wish if ticket.notice.noticed else outcome
            if counted is None:  # it ended early, for nothing but the stop
                self._leave(ticket)
                return None
            self._close(ticket, now)
            return counted

    def _report(self, ticket: Ticket, outcome: Outcome) -> None:
        """Say how a ticket ended; its claim is held until it is let go of."""
        call = ticket.call
        try:
            ticket.report(Report(call.claim, outcome, ticket.started_at, ticket.finished_at))
        except BaseException as error:  # noqa: BLE001 - whoever reports must live on
            trace = describe_error(error).traceback
            logger.error(
                "{}: the report of {} {} failed\n{}", self.name, call.label, call.claim, trace
            )

    def _hold(self, ticket: Ticket) -> bool:
        """Queue a ticket, lock held; False when its claim is held already."""
        if self._held.setdefault(ticket.call.claim, ticket) is not ticket:
            return False
        self._queue.add(ticket)
        self._active += 1
        return True

    def _let_go(self, ticket: Ticket) -> None:
        """Hold its claim no longer, lock held: the report is out."""
        del self._held[ticket.call.claim]
        if not self._held:
            self._empty.notify_all()

    # ------------------------------------------------------------ inside

    def _limited(self) -> list[Ticket]:
        """The tickets that have a time limit and are not being ended already."""
        return [
            ticket
            for ticket in self._held.values()
            if ticket.call.timeout is not None and not ticket.ended and not ticket.doomed
        ]

    @staticmethod
    def _limit(ticket: Ticket, now: int) -> int:
        """When a ticket's time is up; a queued one is taken to start now."""
        return (ticket.started if ticket.started is not None else now) + (ticket.call.timeout or 0)

    def _tell(self, ticket: Ticket, wish: Outcome) -> None:
        ticket.wish = ticket.wish or wish
        ticket.notice.set()
        if ticket.interrupt is not None:
            ticket.interrupt()

    def _close(self, ticket: Ticket, now: int | None = None) -> None:
        """Decide, lock held, that a ticket ends now.

        Its slot is free at once; its claim is held until the report is out, so that nobody takes
        it for lost in between.
        """
        ticket.ended = True
        ticket.finished_at = self._clock.now() if now is None else now
        self._queue.discard(ticket)
        self._active -= 1
        self._moved_at = _REAL_TIME.monotonic()

    def _leave(self, ticket: Ticket) -> None:
        """End a ticket, lock held, without a report: `stop` returns its claim."""
        self._close(ticket)
        self._unfinished.append(ticket.call.claim)
        self._let_go(ticket)

    def _deliver(self, ticket: Ticket, outcome: Outcome) -> None:
        self._report(ticket, outcome)
        with self._lock:
            self._let_go(ticket)

    def _wait_until_empty(self, seconds: float) -> bool:
        return self._empty.wait_for(lambda: not self._held, seconds)

    def _interrupt_all(self) -> bool:
        interrupts = [t.interrupt for t in self._held.values() if t.interrupt is not None]
        for interrupt in interrupts:
            interrupt()
        return bool(interrupts)
