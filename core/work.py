"""What the Scheduler hands over after a commit: attempts to make, and news to pass on."""

from dataclasses import dataclass
from typing import Any

from msgspec import Struct

Claim = tuple[int, int]
"""(run id, fence): identifies one attempt."""


class Start(Struct, frozen=True, gc=False):
    """An attempt that is claimed in storage and may now be called.

    Attributes:
        run_id: the run.
        fence: the claim's token; the result must carry it.
        attempt: 1 for the first try.
        task_id: the task (`scheduler_id`).
        key: the task's name, None when it has none.
        tenant: whose task it is.
        target: what is called, in one word.
        entry_id: the row of the signed entry; the signature is bound to it.
        blob: the signed entry, not verified yet.
        due_at: the planned instant, microseconds UTC.
        missed: earlier planned instants that this run stands for.
        timeout: microseconds, None for no limit.
        priority: higher starts first.
        previous: what the attempt before this one left as its result.
        once: whether it must never be called twice: its beginning is recorded before the call.
    """

    run_id: int
    fence: int
    attempt: int
    task_id: int
    key: str | None
    tenant: str
    target: str
    entry_id: int
    blob: bytes
    due_at: int
    missed: tuple[int, ...]
    timeout: int | None
    priority: int
    previous: Any
    once: bool = False

    @property
    def claim(self) -> Claim:
        """The attempt's identity."""
        return (self.run_id, self.fence)


class Alarm(Struct, frozen=True, gc=False):
    """A row of the near-term window.

    Attributes:
        due_at: when it rings, microseconds UTC; None when it was called off.
        id: the `alarm_id`.
        task_id: the task it wakes, None for a raw alarm.
    """

    due_at: int | None
    id: int
    task_id: int | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should hear of: a run failed for good, a task was quarantined.

    Attributes:
        title: in a few words.
        message: what happened and what to do.
        log: the same for the log, where no word of the user's data belongs.
        to: notifiers that the task's policy names; nobody while another attempt follows.
    """

    title: str
    message: str
    log: str
    to: tuple[str, ...] = ()
