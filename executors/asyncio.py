"""Calls on one event loop: for `async def` functions, thousands of which wait at the same time.

The loop runs in a daemon thread of its own. A coroutine that blocks it would stop all others, so
a loop that does not answer is abandoned and replaced, as a thread is; what runs on it stays there.
"""

import asyncio
import inspect
import threading
from functools import partial

from loguru import logger

from ..core.clock import SECOND, Clock
from .base import Claim, Outcome, Succeeded
from .describe import describe_error, describe_raised, describe_result
from .desk import Desk
from .ticket import Ticket

PATIENCE = 10 * SECOND
"""Microseconds without an answer after which a loop counts as blocked."""


class AsyncioExecutor(Desk):
    """Runs up to `max_calls` coroutines at once.

    Args:
        max_calls: how many calls run at once. Default 10,000.
        clock: where the times of the reports come from.
        name: the name of the loop's thread.
    """

    def __init__(self, max_calls: int = 10_000, *, clock: Clock, name: str = "asyncio") -> None:
        super().__init__(max_calls, clock, name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._given_up: set[asyncio.AbstractEventLoop] = set()
        self._asked: int | None = None

    def stop(self, grace: float) -> list[Claim]:
        """Start nothing more, wait for what runs, and end the loop; see `Executor.stop`."""
        unfinished = super().stop(grace)
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None
        return unfinished

    @property
    def abandoned(self) -> int:
        """How many loops are given up and still blocked or busy."""
        return len(self._given_up)

    # ------------------------------------------------------------ from any thread, lock held

    def _provide(self) -> None:
        if self._loop is not None and self._is_blocked():
            logger.error("{}: a coroutine blocks the event loop; a new one takes over", self.name)
            self._given_up.add(self._loop)
            self._loop = self._asked = None
        if self._loop is None:
            if self._stopping:
                return
            self._loop = self._start_loop()
        if self._asked is None:
            self._asked = self._clock.monotonic()
            self._loop.call_soon_threadsafe(self._fill, self._loop)

    def _abandon(self, ticket: Ticket) -> None:  # noqa: ARG002 - a coroutine needs no more
        self._provide()

    def _is_blocked(self) -> bool:
        return self._asked is not None and self._clock.monotonic() - self._asked > PATIENCE

    def _start_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        try:
            threading.Thread(target=self._serve, args=(loop,), name=self.name, daemon=True).start()
        except BaseException:
            loop.close()
            raise
        return loop

    # ------------------------------------------------------------ in the loop's thread

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            while not self._serve_until_stopped(loop):
                pass
            loop.run_until_complete(_clean_up())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()
            with self._lock:
                self._given_up.discard(loop)

    def _serve_until_stopped(self, loop: asyncio.AbstractEventLoop) -> bool:
        try:
            loop.run_forever()
        except BaseException as error:  # noqa: BLE001 - a call's own subtask said SystemExit
            logger.error("{}: a task ended the loop: {}", self.name, describe_error(error).error)
            return False
        return True

    def _fill(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if loop is not self._loop:
                self._retire(loop)
                return
            self._asked = None
            while self._active - len(self._queue) < self._slots and (ticket := self._take()):
                self._launch(ticket, loop)

    def _retire(self, loop: asyncio.AbstractEventLoop) -> None:
        """An abandoned loop that answers again ends after its last call."""
        if not asyncio.all_tasks(loop) and not loop.is_closed():
            loop.stop()

    def _launch(self, ticket: Ticket, loop: asyncio.AbstractEventLoop) -> None:
        task = loop.create_task(_perform(ticket), name=ticket.call.label)
        task.add_done_callback(partial(self._done, ticket, loop))
        cancel = partial(loop.call_soon_threadsafe, _cancel, task, ticket)
        self._arm(ticket, cancel, certain=False)

    def _done(
        self, ticket: Ticket, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Outcome]
    ) -> None:
        lost = task.cancelled()  # before its first step
        self._finish(ticket, describe_error(asyncio.CancelledError()) if lost else task.result())
        self._fill(loop)


def _cancel(task: asyncio.Task[Outcome], ticket: Ticket) -> None:
    if task.cancel():
        ticket.notice.is_set()  # it cannot but notice


async def _clean_up() -> None:
    """Give what still runs on a loop that ends a last moment to clean up."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=Desk.last_seconds)


async def _perform(ticket: Ticket) -> Outcome:
    """Run a ticket in this task, whatever it does, and say how it ended."""
    try:
        value = ticket.call.function(ticket.notice)
    except BaseException as error:  # noqa: BLE001 - even SystemExit is only this call's end
        return describe_raised(error)
    try:
        return Succeeded(describe_result(await value if inspect.isawaitable(value) else value))
    except BaseException as error:  # noqa: BLE001 - likewise
        return describe_error(error)
