"""An executor that is made when the first call comes: for what is heavy and often not needed."""

import threading
from collections.abc import Callable, Sequence

from ..core.errors import ExecutorStopped
from .base import Call, Claim, Executor, Load, Report


class LazyExecutor:
    """Stands for an executor that does not exist yet.

    Args:
        make: makes it.
        slots: how many calls it will run at once.
    """

    def __init__(self, make: Callable[[], Executor], slots: int) -> None:
        self._make = make
        self._slots = slots
        self._lock = threading.Lock()
        self._made: Executor | None = None
        self._stopped = False

    def submit(self, call: Call, report: Callable[[Report], None]) -> None:
        """Queue a call; see `Executor.submit`."""
        self.submit_all((call,), report)

    def submit_all(self, calls: Sequence[Call], report: Callable[[Report], None]) -> None:
        """Queue many calls at once; see `Executor.submit_all`."""
        with self._lock:
            if self._made is None:
                if self._stopped:
                    raise ExecutorStopped("the executor is stopped: it takes no more calls")
                self._made = self._make()
            made = self._made
        made.submit_all(calls, report)

    def expire(self, claim: Claim) -> bool:
        """End a running call whose time is up; see `Executor.expire`."""
        return self._made is not None and self._made.expire(claim)

    def cancel(self, claim: Claim) -> bool:
        """Ask a call to end; see `Executor.cancel`."""
        return self._made is not None and self._made.cancel(claim)

    def holding(self) -> dict[Claim, int | None]:
        """Every claim that is not reported yet; see `Executor.holding`."""
        return {} if self._made is None else self._made.holding()

    def overdue(self) -> list[Claim]:
        """The running calls whose time is up; see `Executor.overdue`."""
        return [] if self._made is None else self._made.overdue()

    def next_deadline(self) -> int | None:
        """When the next time limit is reached; see `Executor.next_deadline`."""
        return None if self._made is None else self._made.next_deadline()

    def free(self) -> int:
        """How many calls could start right now."""
        if self._made is None:
            return 0 if self._stopped else self._slots
        return self._made.free()

    def stop(self, grace: float) -> list[Claim]:
        """Start nothing more and wait for what runs; see `Executor.stop`."""
        with self._lock:
            self._stopped = True
        return [] if self._made is None else self._made.stop(grace)

    @property
    def abandoned(self) -> int:
        """How many threads are given up and still stuck in their call."""
        return 0 if self._made is None else self._made.abandoned

    def load(self) -> Load:
        """What there is to do, at a glance."""
        return Load(0, 0, self.free(), 0) if self._made is None else self._made.load()

    def nudge(self) -> None:
        """Look again for somebody who takes what is queued."""
        if self._made is not None:
            self._made.nudge()
