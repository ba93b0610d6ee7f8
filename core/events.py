"""The facts that Tocsin appends: everything that ever happened to a task, in order.

Each event is a frozen value; `at` is when it happened (microseconds, UTC). `to_data` and
`event_from_data` are their JSON form. Fields are only ever added, with a default; a change of
meaning raises the type's `version` and gets an upcaster.

They are structs and no dataclasses: every run makes three of them, and these are made seven times
as fast.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from msgspec import Struct, structs

from .errors import UnknownEvent

SERVICE = ""
"""The tenant of what concerns the service as a whole; it has no task either (0)."""


class Event(Struct, frozen=True, kw_only=True, gc=False):
    """What all events share; `version` is the one written today."""

    type: ClassVar[str] = "Event"
    version: ClassVar[int] = 1
    at: int
    tenant: str
    task_id: int
    run_id: int | None = None


class TaskScheduled(Event, frozen=True, kw_only=True, gc=False):
    """A task was created, or ordered anew after it had ended."""

    type: ClassVar[str] = "TaskScheduled"
    key: str | None
    target: str
    entry_id: int
    digest: str
    schedule: str
    policy: str
    next_at: int | None
    created_by: str
    paused: bool = False
    metadata: dict[str, Any] = {}


class TaskUpdated(Event, frozen=True, kw_only=True, gc=False):
    """A task's definition changed; what is None stayed as it was, but for `next_at`.

    With `rewound`, the clock was set back: what it shows again is planned anew.
    """

    type: ClassVar[str] = "TaskUpdated"
    next_at: int | None
    target: str | None = None
    entry_id: int | None = None
    digest: str | None = None
    schedule: str | None = None
    policy: str | None = None
    metadata: dict[str, Any] | None = None
    rewound: bool = False


class TaskPaused(Event, frozen=True, kw_only=True, gc=False):
    """Occurrences are no longer planned until the task is resumed."""

    type: ClassVar[str] = "TaskPaused"
    reason: str | None = None


class TaskResumed(Event, frozen=True, kw_only=True, gc=False):
    """A paused, quarantined or failed task goes on."""

    type: ClassVar[str] = "TaskResumed"
    next_at: int | None


class TaskCancelled(Event, frozen=True, kw_only=True, gc=False):
    """The task will not run again."""

    type: ClassVar[str] = "TaskCancelled"
    reason: str | None = None


class TaskDeleted(Event, frozen=True, kw_only=True, gc=False):
    """The task is gone from the lists and its key is free; its history stays."""

    type: ClassVar[str] = "TaskDeleted"
    key: str | None
    reason: str | None = None


class TaskQuarantined(Event, frozen=True, kw_only=True, gc=False):
    """The task's entry cannot be trusted or called; its run is held until it is repaired."""

    type: ClassVar[str] = "TaskQuarantined"
    reason: str


class RunPlanned(Event, frozen=True, kw_only=True, gc=False):
    """An occurrence became a run that waits for a slot."""

    type: ClassVar[str] = "RunPlanned"
    due_at: int
    next_at: int | None
    ready_at: int | None = None
    cause: str = "schedule"
    reason: str | None = None
    missed: tuple[int, ...] = ()


class OccurrenceSkipped(Event, frozen=True, kw_only=True, gc=False):
    """One or more occurrences will not run, and why."""

    type: ClassVar[str] = "OccurrenceSkipped"
    due_at: int
    until: int
    count: int
    reason: str
    next_at: int | None
    ends: Literal["completed", "failed"] | None = None


class RunDeferred(Event, frozen=True, kw_only=True, gc=False):
    """A run that could start has to wait for a limit first."""

    type: ClassVar[str] = "RunDeferred"
    ready_at: int
    waits_for: str
    rank: int


class RunStarted(Event, frozen=True, kw_only=True, gc=False):
    """An attempt was claimed; only now may it be called."""

    type: ClassVar[str] = "RunStarted"
    attempt: int
    fence: int
    incarnation: str


class RunBegun(Event, frozen=True, kw_only=True, gc=False):
    """The call of a claimed attempt begins now; recorded where a run is delivered at most once.

    A claim that is lost without it was never called, and may safely be made again.
    """

    type: ClassVar[str] = "RunBegun"
    attempt: int


class TaskExecuted(Event, frozen=True, kw_only=True, gc=False):
    """An attempt ended. With `retry_at` another one follows, without it the run has ended."""

    type: ClassVar[str] = "TaskExecuted"
    success: bool
    status: Literal["succeeded", "failed", "timed_out"]
    attempt: int
    started_at: int | None
    finished_at: int
    result: Any = None
    error: str | None = None
    retry_at: int | None = None
    reason: str | None = None
    ends: Literal["completed", "failed"] | None = None


class RunReturned(Event, frozen=True, kw_only=True, gc=False):
    """A claimed attempt did not come to an end and waits again: lost, interrupted or held."""

    type: ClassVar[str] = "RunReturned"
    ready_at: int
    reason: str
    counts: bool = True


class RunCancelled(Event, frozen=True, kw_only=True, gc=False):
    """A waiting or running attempt was called off."""

    type: ClassVar[str] = "RunCancelled"
    reason: str | None = None
    ends: Literal["completed", "failed"] | None = None


class DependenciesSet(Event, frozen=True, kw_only=True, gc=False):
    """From now on the task waits for these others; none means that it waits for nobody."""

    type: ClassVar[str] = "DependenciesSet"
    depends_on: tuple[int, ...]


class DependencyEnded(Event, frozen=True, kw_only=True, gc=False):
    """A task that this one waits for has ended a run.

    With `fresh`, the failure is answered with one of this task's own; earlier ones are forgotten.
    """

    type: ClassVar[str] = "DependencyEnded"
    depends_on: int
    success: bool
    fresh: bool = False


class DependenciesMet(Event, frozen=True, kw_only=True, gc=False):
    """Everything that the task waited for has happened: the next round begins."""

    type: ClassVar[str] = "DependenciesMet"


class HandlerEvent(Event, frozen=True, kw_only=True, gc=False):
    """What a handler published when its run succeeded."""

    type: ClassVar[str] = "HandlerEvent"
    name: str
    payload: Any = None


class ClockStepped(Event, frozen=True, kw_only=True, gc=False):
    """The wall clock was set by `step` microseconds. It concerns the service, and no task."""

    type: ClassVar[str] = "ClockStepped"
    step: int


class Suspended(Event, frozen=True, kw_only=True, gc=False):
    """Nothing of the service ran for `duration` microseconds: stopped, or the machine slept.

    It concerns the service, and no task. What came due meanwhile is caught up by each task's
    policy.
    """

    type: ClassVar[str] = "Suspended"
    duration: int


TYPES: dict[str, type[Event]] = {
    kind.type: kind
    for kind in (
        TaskScheduled, TaskUpdated, TaskPaused, TaskResumed, TaskCancelled, TaskDeleted,
        TaskQuarantined, RunPlanned, OccurrenceSkipped, RunDeferred, RunStarted, RunBegun,
        TaskExecuted, RunReturned, RunCancelled,
        DependenciesSet, DependencyEnded, DependenciesMet, HandlerEvent,
        ClockStepped, Suspended,
    )
}  # fmt: skip

_COMMON = frozenset({"at", "tenant", "task_id", "run_id"})
_OWN: dict[type[Event], tuple[str, ...]] = {
    kind: tuple(n for n in kind.__struct_fields__ if n not in _COMMON) for kind in TYPES.values()
}

UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(type, old version) -> a function that turns its data into the next version's."""


def to_data(event: Event) -> dict[str, Any]:
    """The event's own fields, without the columns that every event has."""
    data = structs.asdict(event)
    for name in _COMMON:
        del data[name]
    return data


def event_from_data(kind: str, version: int, common: dict[str, Any], data: dict[str, Any]) -> Event:
    """The event behind its stored form, lifted from older versions step by step.

    Raises:
        UnknownEvent: a newer Tocsin wrote it, or something of it is missing.
    """
    event = TYPES.get(kind)
    if event is None:
        raise UnknownEvent(f"this Tocsin knows no {kind}: upgrade to the one that wrote it")
    if version > event.version:
        raise UnknownEvent(
            f"it is a {kind} of version {version}, and this Tocsin knows {event.version}:"
            " upgrade to the one that wrote it"
        )
    try:
        for older in range(version, event.version):
            data = UPCASTERS[kind, older](data)
        for name in ("missed", "depends_on"):
            if isinstance(data.get(name), list):
                data = {**data, name: tuple(data[name])}
        return event(**common, **{k: v for k, v in data.items() if k in _OWN[event]})
    except (AttributeError, KeyError, TypeError) as error:
        raise UnknownEvent(
            f"this {kind} of version {version} cannot be read ({type(error).__name__}: {error}):"
            " restore the database from a backup, or ask those who changed it"
        ) from error
