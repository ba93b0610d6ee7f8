"""What one actor may say to another.

Imperative names are asked and get a reply; past tense is told.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pykka import ActorRef

from ..core.work import Alarm, Claim, Start

if TYPE_CHECKING:
    from .child import ChildSpec

Reason = Literal["normal", "shutdown"] | BaseException
"""Why an actor ended: by itself, because it was told to, or the exception that killed it."""

ChildState = Literal["running", "restarting", "stopped"]

# ---------------------------------------------------------------- the supervisor's


@dataclass(frozen=True, slots=True)
class StartChild:
    """Add a child and start it. Reply: its `ChildInfo`.

    Attributes:
        spec: the child to add; None under `simple_one_for_one`, which has a template.
        args: arguments for the template's `start`, for `simple_one_for_one` only.
    """

    spec: "ChildSpec | None" = None
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """Stop a child and leave it stopped; no error when it is. Reply: None.

    Attributes:
        id: its id, or under `simple_one_for_one` its ref.
    """

    id: str | ActorRef[Any]


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Start a stopped child again. Reply: its `ChildInfo`."""

    id: str


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Forget a stopped child. Reply: None."""

    id: str


@dataclass(frozen=True, slots=True)
class GetChildSpec:
    """Ask for a child's specification. Reply: its `ChildSpec`."""

    id: str | ActorRef[Any]


@dataclass(frozen=True, slots=True)
class WhichChildren:
    """Ask for all children, in start order. Reply: a list of `ChildInfo`."""


@dataclass(frozen=True, slots=True)
class CountChildren:
    """Ask how many children there are. Reply: a `ChildCounts`."""


@dataclass(frozen=True, slots=True)
class ChildDown:
    """An actor's last word, from the end of its thread; or a watcher's verdict that it hangs.

    Attributes:
        id: the child.
        incarnation: which life of it has ended; a report about an earlier one is ignored.
        reason: why.
    """

    id: str
    incarnation: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One child as its supervisor sees it.

    Attributes:
        id: unique among its siblings.
        name: what it is registered under.
        state: `running`, `restarting` (it waits for its next start) or `stopped`.
        type: `worker` or `supervisor`.
        ref: the running actor, None when it does not run.
        incarnation: its present or last life, 0 before the first.
        restarts: how often it was restarted.
        info: what the actor itself had to say when it started.
    """

    id: str
    name: str
    state: ChildState
    type: Literal["worker", "supervisor"]
    ref: ActorRef[Any] | None
    incarnation: int
    restarts: int
    info: Any = None


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """How many children a supervisor has.

    Attributes:
        specs: all of them.
        active: those that run.
        supervisors: all that are supervisors, running or not.
        workers: all that are workers, running or not.
        abandoned: threads that hung, were replaced or given up, and may still exist.
    """

    specs: int
    active: int
    supervisors: int
    workers: int
    abandoned: int


# ---------------------------------------------------------------- what a watcher is told


@dataclass(frozen=True, slots=True)
class Down:
    """A watched name has no actor any more. A restart is not an end.

    Attributes:
        name: who it was.
        reason: the sentence that its senders are told from now on.
    """

    name: str
    reason: str


# ---------------------------------------------------------------- Alarm's


@dataclass(frozen=True, slots=True)
class SetAlarm:
    """Tell an actor something at an instant. Reply: `{"alarm_id": int, "due_at": datetime}`.

    Attributes:
        when: a phrase ("in 5 minutes"), an aware datetime, unix seconds, or a one-time schedule.
        target: registered name of the addressee; it need not live yet.
        message: what it is told: any JSON value.
    """

    when: Any
    target: str
    message: Any = None


@dataclass(frozen=True, slots=True)
class CancelAlarm:
    """Call a raw alarm off. Reply: whether it was still waiting."""

    alarm_id: int


@dataclass(frozen=True, slots=True)
class Armed:
    """Told by the Scheduler: these alarms were set, moved or cleared in storage."""

    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Reload:
    """Told to Alarm: somebody else changed the database; read the window again."""


# ---------------------------------------------------------------- the Runner's


@dataclass(frozen=True, slots=True)
class StartRuns:
    """Told by the Scheduler: these attempts are claimed; make them."""

    starts: tuple[Start, ...]


@dataclass(frozen=True, slots=True)
class CancelRuns:
    """Told by the Scheduler: these attempts should stop."""

    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class RunsFinished:
    """Told to the Scheduler: attempts have ended; their results are in the book."""


@dataclass(frozen=True, slots=True)
class WhatIsHeld:
    """Ask the Runner which attempts are alive. Reply: a frozenset of claims."""


@dataclass(frozen=True, slots=True)
class EventsPublished:
    """Told by the Scheduler to the Publisher: handlers published something."""


@dataclass(frozen=True, slots=True)
class RunnerStarted:
    """Told to the Scheduler by a new Runner: what its predecessor had taken may be lost."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Ask the Scheduler to hand out no more attempts: the service stops."""


@dataclass(frozen=True, slots=True)
class Look:
    """Ask the Warden to look at once whether anybody hangs. Reply: None."""


# ---------------------------------------------------------------- the Courier's


@dataclass(frozen=True, slots=True)
class Notify:
    """Send a notification.

    Attributes:
        to: names of notifiers.
        note: the notification, as `Notification.to_dict()` gives it.
        attempt: 1 for the first try.
    """

    to: tuple[str, ...]
    note: dict[str, Any]
    attempt: int = 1
