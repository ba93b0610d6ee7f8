"""Calls in threads of this process: for ordinary functions.

Threads start when there is work, are used again, and never keep the interpreter alive. Short calls
are made by one of them, one after the other, while another one looks on and has all of them join
when calls take longer. Python cannot kill a thread: one whose call does not end in time is
abandoned and replaced.
"""

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections.abc import Awaitable
from typing import Any

from loguru import logger

from ..core.clock import Clock
from .base import Outcome, Succeeded
from .describe import describe_error, describe_raised, describe_result
from .desk import Desk
from .tempo import LOOK, Tempo
from .ticket import Ticket


class ThreadExecutor(Desk):
    """Runs each call in one of up to `max_workers` threads.

    Args:
        max_workers: how many calls run at once. Default 10.
        clock: where the times of the reports come from.
        name: the beginning of the threads' names.
    """

    def __init__(self, max_workers: int = 10, *, clock: Clock, name: str = "threads") -> None:
        super().__init__(max_workers, clock, name)
        self._ready = threading.Condition(self._lock)
        self._workers = 0
        self._running: set[Ticket] = set()
        self._long: set[Ticket] = set()
        self._watched = False
        self._tempo = Tempo()

    def _perform(self, ticket: Ticket) -> Outcome:
        """Run a ticket in this thread, whatever it does, and say how it ended."""
        # in a context of its own: what one call sets, the next one does not see
        return contextvars.Context().run(self._call, ticket)

    def _call(self, ticket: Ticket) -> Outcome:
        try:
            value = ticket.call.function(ticket.notice)
        except BaseException as error:  # noqa: BLE001 - even SystemExit is only this call's end
            return describe_raised(error)
        try:
            return self._complete(ticket, value)
        except BaseException as error:  # noqa: BLE001 - likewise
            return describe_error(error)

    def _complete(self, ticket: Ticket, value: Any) -> Outcome:  # noqa: ARG002 - for the heirs
        """Make an outcome of what the function returned: here, await it or take it as it is."""
        return Succeeded(describe_result(settle(value)))

    def _provide(self) -> None:
        try:
            while self._workers < self._wanted():
                threading.Thread(target=self._work, name=self.name, daemon=True).start()
                self._workers += 1
        except RuntimeError as error:  # the system has no more threads
            logger.error("{}: {}", self.name, error)
            if not self._workers:
                raise
        if self._stopping:
            self._ready.notify_all()
        elif not (self._watched and self._one_suffices()):
            self._ready.notify()

    def _wanted(self) -> int:
        """How many threads there should be: when one suffices, another one looks on."""
        beside = len(self._long)
        useful = beside + len(self._running) + len(self._queue)
        return min(useful, self._slots, beside + 2 if self._one_suffices() else self._slots)

    def _one_suffices(self) -> bool:
        return bool(self._running) and self._tempo.brief

    def _abandon(self, ticket: Ticket) -> None:
        ticket.abandoned = True
        self._abandoned += 1
        self._workers -= 1
        self._leave_out(ticket)
        with contextlib.suppress(RuntimeError):  # the next call tries again
            self._provide()

    def _work(self) -> None:
        thread, ticket = threading.current_thread(), self._next()
        while ticket is not None:
            thread.name = f"{self.name}: {ticket.call.label}"
            counted = self._decide(ticket, self._perform(ticket))
            if counted is not None:
                self._report(ticket, counted)
            thread.name = self.name
            ticket = self._next(ticket, reported=counted is not None)

    def _next(self, last: Ticket | None = None, *, reported: bool = False) -> Ticket | None:
        """Let go of the last ticket and take another one; None when this thread is to end.

        Many threads want the desk's lock, and each of them may lose its turn with it: so once.
        """
        with self._lock:
            if last is not None and reported:
                self._let_go(last)
            if last is not None and last.abandoned:
                self._abandoned -= 1
                return None
            if last is not None:
                if last in self._running:  # one that was too long for it has been counted
                    self._tempo.ended(last.began, len(self._running) - 1)
                self._leave_out(last)
            while not (self._stopping or (self._queue and not self._one_suffices())):
                self._stand_by()
            ticket = self._take()
            if ticket is None:
                self._workers -= 1
                return None
            self._running.add(ticket)
            if self._queue and not (self._watched and self._one_suffices()):
                self._provide()
            return ticket

    def _stand_by(self) -> None:
        """Wait for a ticket; one of those who wait looks whether the others get on."""
        if not self._queue or self._watched:
            self._ready.wait()
            return
        before, self._watched = self._moved_at, True
        if not self._ready.wait(LOOK) and self._queue and self._moved_at == before:
            self._long |= self._running
            self._running.clear()
            self._tempo.stuck()
        self._watched = False

    def _leave_out(self, ticket: Ticket) -> None:
        self._running.discard(ticket)
        self._long.discard(ticket)


def settle(value: Any) -> Any:
    """Return `value`; if an `async def` function returned it, run it to its end before."""
    if value is None or not inspect.isawaitable(value):
        return value
    return asyncio.run(_await(value))


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
