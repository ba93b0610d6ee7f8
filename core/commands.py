"""What the Scheduler can be asked or told: one frozen value per message.

Imperative names are asked and get a reply; past tense is told. `task` is always a key (text), a
`scheduler_id` (integer) or a `Task`. Durations are integer microseconds, instants too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from .policy import Policy
from .published import TaskEvent

DEFAULT_TENANT = "default"


class HasId(Protocol):
    """A `Task`, or anything else with its integer id."""

    @property
    def id(self) -> int:
        """The `scheduler_id`."""
        ...


TaskRef = str | int | HasId
"""How a task is named: its key, its id, or the task itself."""


class NewEntry(Struct, frozen=True):
    """Remember what to call and when. Reply: `{"alarm_id", "scheduler_id", "entry"}`.

    With the key of an existing task, that task is updated instead; an unchanged definition
    changes nothing, so a program may schedule its tasks again at every start.

    Attributes:
        when: a schedule, a phrase ("10:30pm"), an aware datetime, or unix seconds.
        module: importable module of the function.
        function: name of the function in it.
        args: positional arguments.
        kwargs: keyword arguments.
        handler: key of a registered handler, instead of module and function.
        key: the task's name, unique per tenant.
        tenant: whose task it is.
        policy: retries, limits, overlap; None for the service's defaults.
        metadata: JSON of your own, kept with the task.
        created_by: who ordered it.
        codec: how the entry is stored: `pickle` takes any importable value, `json` is for
            entries that come from outside the program.
        paused: store it, but do not plan anything yet.
        revive: order a cancelled task of this key anew; otherwise it stays cancelled.
    """

    when: Any
    module: str | None = None
    function: str | None = None
    args: tuple[Any, ...] | list[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    handler: str | None = None
    key: str | None = None
    tenant: str = DEFAULT_TENANT
    policy: Policy | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_by: str = "embedded"
    codec: Literal["pickle", "json"] = "pickle"
    paused: bool = False
    revive: bool = True


@dataclass(frozen=True, slots=True)
class NewEntries:
    """Many entries at once, all or none. Reply: the list of their replies, in order."""

    entries: tuple[NewEntry, ...] | list[NewEntry]


@dataclass(frozen=True, slots=True)
class AlarmTriggered:
    """Told by Alarm: the task's instant has come."""

    scheduler_id: int


@dataclass(frozen=True, slots=True)
class AlarmsTriggered:
    """Told by Alarm: the instants of all these tasks have come."""

    scheduler_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PauseTask:
    """Plan no occurrences until the task is resumed. Reply: the `Task`."""

    task: TaskRef
    reason: str | None = None
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class ResumeTask:
    """Let a paused, quarantined or disabled task go on. Reply: the `Task`.

    Attributes:
        catch_up: what a recurring task missed meanwhile is caught up by its policy, not skipped.
    """

    task: TaskRef
    tenant: str = DEFAULT_TENANT
    catch_up: bool = False


@dataclass(frozen=True, slots=True)
class CancelTask:
    """End the task: it will not run again; what runs is asked to stop. Reply: the `Task`."""

    task: TaskRef
    reason: str | None = None
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """Take the task from the lists and free its key. Reply: the `Task`.

    What it did stays in the history; what runs is asked to stop.
    """

    task: TaskRef
    reason: str | None = None
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class UpdateTask:
    """Change the schedule, the policy or the metadata of a task. Reply: the `Task`.

    Attributes:
        when: a new schedule; the next occurrence is counted from now, not retroactively.
        policy: options that change, by name; the others stay.
        metadata: replaces the old metadata.
    """

    task: TaskRef
    when: Any = None
    policy: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class RunNow:
    """Run the task once, now, beside its schedule. Reply: the `Run`."""

    task: TaskRef
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class RetryRun:
    """Run a failed run again, as a new run. Reply: the new `Run`."""

    run_id: int
    tenant: str = DEFAULT_TENANT


Outcome = Literal["succeeded", "failed", "timed_out", "cancelled", "rejected", "interrupted"]


class RunFinished(Struct, frozen=True, gc=False):
    """Told by the Runner: an attempt has ended.

    Attributes:
        run_id: the run.
        task_id: its task.
        fence: the claim under which it ran; an older one than stored is refused.
        outcome: how it ended; `rejected` entries are quarantined, `interrupted` attempts were
            stopped by the service's own shutdown and cost nothing.
        started_at: when it began, None when it never did.
        finished_at: when it ended.
        result: what it returned, JSON-able.
        event: what it published with its success.
        error: what went wrong, in words.
        retryable: whether trying again can help.
        retry_after: microseconds to wait at least before trying again.
        kinds: the names of the exception's class and of that one's bases, the nearest first.
    """

    run_id: int
    task_id: int
    fence: int
    outcome: Outcome
    started_at: int | None
    finished_at: int
    result: Any = None
    event: TaskEvent | None = None
    error: str | None = None
    retryable: bool = True
    retry_after: int | None = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BeginRun:
    """Ask whether an attempt may be called now; the answer is stored before it is given.

    Reply: False when the attempt does not count any more and must not be called.

    Attributes:
        run_id: the run.
        task_id: its task.
        fence: the claim under which it would run.
    """

    run_id: int
    task_id: int
    fence: int


@dataclass(frozen=True, slots=True)
class RescueRuns:
    """Take back the claims of attempts that nobody works on any more.

    Attributes:
        held: (run id, fence) of the attempts that are alive; all others are rescued.
    """

    held: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """The wall clock was set: plan again.

    Attributes:
        step: microseconds by which it was set, negative for back.
    """

    step: int


@dataclass(frozen=True, slots=True)
class Suspended:
    """The whole process stood still: remember it.

    Attributes:
        duration: microseconds, to within a second.
    """

    duration: int


Command = (
    ClockStepped
    | Suspended
    | NewEntry
    | NewEntries
    | AlarmTriggered
    | AlarmsTriggered
    | PauseTask
    | ResumeTask
    | CancelTask
    | DeleteTask
    | UpdateTask
    | RunNow
    | RetryRun
    | BeginRun
    | RunFinished
    | RescueRuns
)
