"""A task as users see it: frozen, with aware datetimes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from .clock import from_instant
from .policy import Policy
from .schedule import Schedule
from .state import TaskState, TaskStatus, parse_policy, parse_schedule


@dataclass(frozen=True, slots=True)
class Task:
    """An entry on a schedule with a policy.

    Attributes:
        id: the `scheduler_id`.
        key: its name, unique per tenant; None when it was given none.
        tenant: whose it is.
        target: what it calls: "myapp.reports:nightly" or a handler's key.
        schedule: the rule when next.
        policy: retries, limits, overlap.
        status: active, paused, completed, failed, cancelled or quarantined.
        reason: why it is paused, cancelled, failed or quarantined.
        next_run_at: the next planned occurrence, None when there is none.
        last_run_at: when it last succeeded.
        last_status: how its last run ended.
        run_count: runs that were executed to an end.
        created_at: when it was first scheduled.
        updated_at: when something about it last changed.
        created_by: `embedded`, `config`, `cli`, or a name.
        metadata: your own JSON.
    """

    id: int
    key: str | None
    tenant: str
    target: str
    schedule: Schedule
    policy: Policy
    status: TaskStatus
    reason: str | None
    next_run_at: datetime | None
    last_run_at: datetime | None
    last_status: str | None
    run_count: int
    created_at: datetime
    updated_at: datetime
    created_by: str
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its key, or "#id" when it has none."""
        return self.key if self.key is not None else f"#{self.id}"

    @property
    def enabled(self) -> bool:
        """Whether it will run again by itself."""
        return self.status == "active"

    @classmethod
    def from_state(cls, state: TaskState) -> "Task":
        """The public view of a folded task."""
        return cls(
            id=state.id,
            key=state.key,
            tenant=state.tenant,
            target=state.target,
            schedule=_schedule(state.schedule_json),
            policy=_policy(state.policy_json),
            status=state.status,
            reason=state.reason,
            next_run_at=_moment(state.next_at) if state.status == "active" else None,
            last_run_at=_moment(state.last_run_at),
            last_status=state.last_status,
            run_count=state.run_count,
            created_at=from_instant(state.created_at),
            updated_at=from_instant(state.updated_at),
            created_by=state.created_by,
            metadata=dict(state.metadata),
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, instants in ISO 8601."""
        return {
            "id": self.id,
            "key": self.key,
            "tenant": self.tenant,
            "target": self.target,
            "schedule": self.schedule.to_dict(),
            "policy": self.policy.to_dict(),
            "status": self.status,
            "reason": self.reason,
            "next_run_at": iso(self.next_run_at),
            "last_run_at": iso(self.last_run_at),
            "last_status": self.last_status,
            "run_count": self.run_count,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
            "created_by": self.created_by,
            "metadata": self.metadata,
        }


@dataclass(frozen=True, slots=True)
class Unreadable(Schedule):
    """Stands for a stored schedule that cannot be read: it is shown, and never fires.

    Attributes:
        text: what is stored.
    """

    kind: ClassVar[str] = "unreadable"

    text: str

    def next_instant(self, after: int) -> int | None:  # noqa: ARG002 - there is no time in it
        """Always None."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """`{"kind": "unreadable", "text": what is stored}`."""
        return self._with_kind(text=self.text)

    def describe(self) -> str:
        """Always "unreadable"."""
        return "unreadable"


def _schedule(text: str) -> Schedule:
    try:
        return parse_schedule(text)
    except Exception:  # noqa: BLE001 - people must see the task that they are to repair
        return Unreadable(text)


def _policy(text: str) -> Policy:
    try:
        return parse_policy(text)
    except Exception:  # noqa: BLE001 - the same
        return Policy()


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 for JSON, None as it is."""
    return None if moment is None else moment.isoformat()


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else from_instant(instant)
