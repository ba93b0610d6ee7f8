"""Calls in other Python processes: for what computes for long, crashes, or must be killable.

Each thread that waits for a call uses a pool of one process, which serves one call after another:
whatever a call does to its process, no other call notices. Heavy: import it where it is used.
"""

import multiprocessing
import os
import pickle
import threading
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pebble

from ..core.clock import Clock
from .base import Claim, Failed, Outcome, Succeeded
from .callables import check_fit, resolve
from .command import ending
from .describe import describe_error, describe_raised, describe_result
from .job import Job as Job  # noqa: PLC0414 - what it runs is a part of it
from .tether import follow
from .threads import ThreadExecutor, settle
from .ticket import Ticket

_CLOSING = 5.0
"""Seconds for processes to end when the executor stops: SIGTERM, then SIGKILL after three."""

_CHECKING = 1.0
"""Seconds between looks at whether the pool that runs a call still lives."""


class ProcessExecutor(ThreadExecutor):
    """Runs `Job`s in up to `max_workers` processes, started by spawn when they are needed.

    A script that uses it keeps its own start under `if __name__ == "__main__":`, for every new
    process imports the script.

    Args:
        max_workers: how many calls run at once. Default: the number of processors.
        clock: where the times of the reports come from.
        name: the beginning of the names of the threads that wait.
    """

    def __init__(
        self, max_workers: int | None = None, *, clock: Clock, name: str = "processes"
    ) -> None:
        super().__init__(max_workers or os.cpu_count() or 1, clock=clock, name=name)
        self._pools: list[pebble.ProcessPool] = []
        self._closed = False

    def stop(self, grace: float) -> list[Claim]:
        """Start nothing more, wait for what runs, end all processes; see `Executor.stop`."""
        unfinished = super().stop(grace)
        with self._lock:
            pools, self._pools = self._pools, []
            self._closed = True
        closing = [_close(pool) for pool in pools]
        for thread in closing:
            thread.join(_CLOSING)
        return unfinished

    def _complete(self, ticket: Ticket, value: Any) -> Outcome:
        if not isinstance(value, Job):
            raise TypeError(f"a process's function returns a Job, not {type(value).__name__}")
        payload = pickle.dumps(value)
        pool = self._borrow()
        try:
            return self._watch(ticket, pool, pool.schedule(_run, (payload,)))
        finally:
            self._give_back(pool)

    def _watch(
        self, ticket: Ticket, pool: pebble.ProcessPool, future: pebble.ProcessFuture[Outcome]
    ) -> Outcome:
        self._arm(ticket, future.cancel, certain=True)
        try:
            return _result(pool, future)
        except CancelledError as error:
            ticket.notice.is_set()  # it was killed for this
            return describe_error(error)
        except pebble.ProcessExpired as error:
            message = f"the process {ending(error.exitcode)}"
            return Failed(message, kind="ProcessDied", retryable=True, traceback="")
        finally:
            self._disarm(ticket)

    def _borrow(self) -> pebble.ProcessPool:
        with self._lock:
            while self._pools:
                pool = self._pools.pop()
                if pool.active:
                    return pool
                _close(pool)
        spawn = multiprocessing.get_context("spawn")
        return pebble.ProcessPool(max_workers=1, context=spawn, initializer=_follow_service)

    def _give_back(self, pool: pebble.ProcessPool) -> None:
        with self._lock:
            if self._closed:
                _close(pool)
            else:
                self._pools.append(pool)


def _result(pool: pebble.ProcessPool, future: pebble.ProcessFuture[Outcome]) -> Outcome:
    """Wait for the outcome; a pool that broke in between may never set it."""
    while True:
        try:
            return future.result(_CHECKING)
        except TimeoutError:
            if not pool.active and not future.done():
                raise BrokenProcessPool("the process was lost before it began") from None


def _close(pool: pebble.ProcessPool) -> threading.Thread:
    pool.stop()  # type: ignore[no-untyped-call]
    thread = threading.Thread(target=pool.join, name="closing a process", daemon=True)
    thread.start()
    return thread


# ---------------------------------------------------------------- in the other process


def _follow_service() -> None:
    """Die with the service, however it dies."""
    service = multiprocessing.parent_process()
    if service is not None:
        follow(service.sentinel)


def _run(payload: bytes) -> Outcome:
    """Run a pickled job, whatever it does; only the small outcome travels back."""
    try:
        job: Job = pickle.loads(payload)  # noqa: S301 - this program pickled it a moment ago
        function = resolve(job.module, job.function)
        check_fit(function, job.args, dict(job.kwargs), f"{job.module}:{job.function}")
    except BaseException as error:  # noqa: BLE001 - even SystemExit is only this call's end
        return describe_raised(error)
    try:
        return Succeeded(describe_result(settle(function(*job.args, **job.kwargs))))
    except BaseException as error:  # noqa: BLE001 - likewise
        return describe_error(error)
