"""A run as users see it: what happened to one planned instant, and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .clock import from_instant
from .state import RunState, RunStatus
from .task import iso


@dataclass(frozen=True, slots=True)
class Run:
    """The record of one occurrence.

    Attributes:
        id: the run.
        task_id: its task (`scheduler_id`).
        tenant: whose it is.
        due_at: the planned instant.
        ready_at: when it may start: `due_at`, or later while it waits for a retry.
        status: pending, executing, succeeded, failed, timed_out, cancelled or skipped.
        cause: `schedule`, `manual` or `retry`.
        reason: why it was skipped, cancelled, held or added.
        waits_for: the limit that keeps it from starting, such as "rate limit 10/minute of mail".
        attempt: attempts made or claimed so far.
        fence: the token of the latest claim.
        started_at: when the latest attempt began.
        finished_at: when the latest attempt ended, or the decision to skip was made.
        error: what went wrong in the latest attempt.
        result: what the latest attempt returned.
        missed: earlier planned instants that this run stands for.
        count: how many occurrences this record stands for (a range of skipped ones).
    """

    id: int
    task_id: int
    tenant: str
    due_at: datetime
    ready_at: datetime
    status: RunStatus
    cause: str
    reason: str | None
    waits_for: str | None
    attempt: int
    fence: int
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    result: Any
    missed: tuple[datetime, ...]
    count: int

    @property
    def duration(self) -> timedelta | None:
        """How long the latest attempt took, None while it has not ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at

    @property
    def lateness(self) -> timedelta | None:
        """How long after its planned instant the latest attempt began."""
        return None if self.started_at is None else self.started_at - self.due_at

    @classmethod
    def from_state(cls, state: RunState) -> "Run":
        """The public view of a folded run."""
        return cls(
            id=state.id,
            task_id=state.task_id,
            tenant=state.tenant,
            due_at=from_instant(state.due_at),
            ready_at=from_instant(state.ready_at),
            status=state.status,
            cause=state.cause,
            reason=state.reason,
            waits_for=state.waits_for,
            attempt=state.attempt,
            fence=state.fence,
            started_at=None if state.started_at is None else from_instant(state.started_at),
            finished_at=None if state.finished_at is None else from_instant(state.finished_at),
            error=state.error,
            result=state.result,
            missed=tuple(from_instant(i) for i in state.missed),
            count=state.count,
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, instants in ISO 8601."""
        return {
            "id": self.id,
            "task_id": self.task_id,
            "tenant": self.tenant,
            "due_at": iso(self.due_at),
            "ready_at": iso(self.ready_at),
            "status": self.status,
            "cause": self.cause,
            "reason": self.reason,
            "waits_for": self.waits_for,
            "attempt": self.attempt,
            "started_at": iso(self.started_at),
            "finished_at": iso(self.finished_at),
            "error": self.error,
            "result": self.result,
            "missed": [iso(m) for m in self.missed],
            "count": self.count,
        }
