"""From a claimed attempt to a call that an executor can make."""

import asyncio
import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from loguru import logger

from ..core.clock import Clock, from_instant
from ..core.commands import Outcome, RunFinished
from ..core.entry import Cancellation, Entry, RunContext
from ..core.handlers import ASYNCIO, PROCESSES, Handlers
from ..core.limits import rank
from ..core.published import TaskEvent
from ..core.work import Start
from ..executors.base import Call, Cancelled, Failed, Rejected, Report, Succeeded, TimedOut
from ..executors.callables import bind_entry
from ..executors.job import Job, NeverCancelled
from ..storage.keys import Keyring
from ..storage.payload import unseal
from .beginnings import Beginning, at_once

DEFAULT_LANE = "threads"


class Calls:
    """Makes calls: they verify, decode, import and bind in the executor's thread, not before.

    Args:
        handlers: the registered callables.
        keys: verify the entries.
        clock: the source of "now".
        allow: module prefixes that entries may name, empty for all.
        begin: waits until what must never be called twice may be called.
    """

    def __init__(
        self,
        handlers: Handlers,
        keys: Keyring,
        clock: Clock,
        allow: Sequence[str] = (),
        begin: Beginning = at_once,
    ) -> None:
        self._handlers = handlers
        self._keys = keys
        self._clock = clock
        self._allow = tuple(allow)
        self._begin = begin

    def lane(self, start: Start) -> str:
        """Which executor the call belongs to."""
        handler = self._handlers.find(start.target)
        return DEFAULT_LANE if handler is None else handler.lane

    def make(self, start: Start) -> Call:
        """The call for one attempt."""
        logger.debug(
            "Spawned callback for timer of task {}: run {}, attempt {}, {}",
            start.task_id, start.run_id, start.attempt, start.target,
        )  # fmt: skip
        return Call(
            run_id=start.run_id,
            fence=start.fence,
            function=lambda cancellation: self._perform(start, cancellation),
            timeout=start.timeout,
            label=start.target,
            rank=rank(start.priority, start.due_at),
        )

    def _perform(self, start: Start, cancellation: Cancellation) -> Any:
        entry = unseal(start.blob, start.entry_id, start.tenant, self._keys, self._allow)
        lane = self.lane(start)
        told = NeverCancelled() if lane == PROCESSES else cancellation
        function, args = bind_entry(
            entry, self._handlers, lambda: self._context(start, entry, told)
        )
        if lane == PROCESSES:  # the other process finds the function by its path
            call: Callable[[], Any] = partial(
                Job, function.__module__, function.__qualname__, args, dict(entry.kwargs)
            )
        else:
            call = partial(function, *args, **entry.kwargs)
        if not start.once:
            return call()
        if lane == ASYNCIO:
            return self._call_later(call, start, cancellation)
        self._begin(start, cancellation)
        return call()

    def _context(self, start: Start, entry: Entry, cancellation: Cancellation) -> RunContext:
        return RunContext(
            run_id=start.run_id,
            task_id=start.task_id,
            key=start.key,
            tenant=start.tenant,
            handler=entry.handler or start.target,
            due_at=from_instant(start.due_at),
            started_at=from_instant(self._clock.now()),
            attempt=start.attempt,
            missed=tuple(from_instant(i) for i in start.missed),
            cancelled=cancellation,
            previous=start.previous,
        )

    async def _call_later(
        self, call: Callable[[], Any], start: Start, cancelled: Cancellation
    ) -> Any:
        """The same on an event loop, which others need meanwhile."""
        await asyncio.to_thread(self._begin, start, cancelled)
        value = call()
        return await value if inspect.isawaitable(value) else value


def result_of(start: Start, report: Report) -> RunFinished:
    """What the Scheduler is told about the end of an attempt."""
    outcome, details = _outcome(report.outcome)
    return RunFinished(
        run_id=start.run_id,
        task_id=start.task_id,
        fence=start.fence,
        outcome=outcome,
        started_at=report.started_at,
        finished_at=report.finished_at,
        **details,
    )


def _outcome(outcome: object) -> tuple[Outcome, dict[str, Any]]:
    match outcome:
        case Succeeded(result=TaskEvent() as event):
            return "succeeded", {"result": event.to_dict(), "event": event}
        case Succeeded(result=result):
            return "succeeded", {"result": result}
        case Failed() as failed:
            return "failed", {
                "error": f"{failed.kind}: {failed.error}",
                "result": failed.progress,
                "retryable": failed.retryable,
                "retry_after": failed.retry_after,
                "kinds": failed.kinds or (failed.kind,),
            }
        case TimedOut():
            return "timed_out", {
                "error": "it took longer than its timeout",
                "kinds": ("TimeoutError",),
            }
        case Cancelled():
            return "cancelled", {}
        case Rejected(reason=reason):
            return "rejected", {"error": reason}
    raise TypeError(f"an executor reported {outcome!r}")
