"""What must never be called twice is called only when it is stored that it begins.

The claim of an attempt says that it may be called. Should the process die then, nobody knows
whether it was; so for what is delivered at most once the beginning is recorded apart from it.
"""

from typing import Protocol

from loguru import logger

from ..core.commands import BeginRun
from ..core.entry import Cancellation
from ..core.errors import (
    ActorCrashed,
    ActorTimeout,
    ActorUnavailable,
    Fenced,
    MailboxFull,
    StorageError,
)
from ..core.work import Start
from .registry import Registry

ASK_TIMEOUT = 5.0
AGAIN = 0.5
"""Seconds after which it is asked again when nothing could be stored."""

_NOT_YET = (StorageError, ActorUnavailable, ActorTimeout, ActorCrashed, MailboxFull)
"""It may be recorded or not; asking again tells."""


class Beginning(Protocol):
    """Waits, in the thread of the call, until it may begin."""

    def __call__(self, start: Start, cancelled: Cancellation) -> None:
        """Return when the attempt may be called.

        Raises:
            Fenced: it must not be called.
        """
        ...


def at_once(start: Start, cancelled: Cancellation) -> None:
    """Record nothing: for programs that do not outlive their crashes."""


class Beginnings:
    """Has the Scheduler record each beginning; while it cannot, the call waits.

    Args:
        registry: where the Scheduler is found.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __call__(self, start: Start, cancelled: Cancellation) -> None:
        """Return when the beginning is durable.

        Raises:
            Fenced: the attempt does not count any more, or was stopped before it was called.
        """
        wanted = BeginRun(start.run_id, start.task_id, start.fence)
        while not cancelled.is_set():
            try:
                may_begin = self._registry.address("scheduler").ask(wanted, timeout=ASK_TIMEOUT)
            except _NOT_YET as error:
                logger.debug("run {} waits before it begins: {}", start.run_id, error)
                cancelled.wait(AGAIN)
                continue
            if not may_begin:
                raise Fenced(f"run {start.run_id} was taken back before it was called")
            return
        raise Fenced(f"run {start.run_id} was stopped before it was called")
