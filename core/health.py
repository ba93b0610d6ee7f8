"""How a service is: values that can be looked at, printed, and sent."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from .task import iso

Status = Literal["ok", "degraded", "failing"]
ActorState = Literal["running", "restarting"]


@dataclass(frozen=True, slots=True)
class ActorHealth:
    """One actor of the tree.

    Attributes:
        name: what it is registered under.
        owner: the name of its supervisor, None for the top.
        state: `running`, or `restarting` when its next life is waited for.
        incarnation: its present or last life.
        restarts: how often it was restarted.
        recent_restarts: how often within the period that its supervisor counts.
        restarts_left: of a supervisor: restarts that its children may still have within the
            period, before it gives up. None for others.
        alive_for: seconds that this life has lasted.
        mailbox: messages that wait.
        handled: messages so far, in this life.
        busy_with: the type of the message in hand, None when it waits.
        busy_for: seconds that this takes already.
        marks: its watermarks, and the seconds since each moved.
        trouble: what is wrong around it, such as a database that cannot be used.
        trouble_for: seconds since that began.
    """

    name: str
    owner: str | None
    state: ActorState
    incarnation: int
    restarts: int
    alive_for: float
    mailbox: int
    handled: int
    busy_with: str | None = None
    busy_for: float = 0.0
    marks: Mapping[str, float] = field(default_factory=dict)
    trouble: str | None = None
    trouble_for: float = 0.0
    recent_restarts: int = 0
    restarts_left: int | None = None


@dataclass(frozen=True, slots=True)
class ExecutorHealth:
    """One executor: see `Load`.

    Attributes:
        name: its lane.
        running: calls that have started and not ended.
        queued: calls that wait.
        free: calls that could start right now.
        abandoned: threads that are given up and still stuck in their call.
        stalled: seconds for which calls wait although there is room for them.
    """

    name: str
    running: int
    queued: int
    free: int
    abandoned: int
    stalled: float


@dataclass(frozen=True, slots=True)
class Health:
    """A service at one moment.

    Attributes:
        status: `ok`; `degraded` when it serves with something wrong; `failing` when it does not
            run or cannot go on.
        problems: what is wrong, in sentences.
        at: when this was seen.
        pid: the process, None when none runs.
        actors: the supervision tree, each supervisor before its children.
        executors: what runs the calls.
        abandoned: threads of actors that were given up and still exist.
        clock_steps: how often the wall clock was set while the service ran; that it was set back
            before, as the log tells, counts too.
        suspends: how often the whole process stood still while it ran: stopped, or asleep with
            its machine.
        storage: `ok`, or why the database cannot be used.
        pending: runs that wait in the database to be started, None when it cannot be read.
        next_alarm: when the next alarm rings, None when there is none.
    """

    status: Status
    problems: tuple[str, ...]
    at: datetime
    pid: int | None = None
    actors: tuple[ActorHealth, ...] = ()
    executors: tuple[ExecutorHealth, ...] = ()
    abandoned: int = 0
    clock_steps: int = 0
    suspends: int = 0
    storage: str = "ok"
    pending: int | None = None
    next_alarm: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing at all is wrong."""
        return self.status == "ok"

    def with_problem(self, problem: str) -> "Health":
        """The same with one thing more that is wrong."""
        status: Status = "degraded" if self.status == "ok" else self.status
        return replace(self, status=status, problems=(*self.problems, problem))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Health":
        """What `to_dict` made.

        Raises:
            ValueError: it is something else.
        """
        try:
            next_alarm = data.get("next_alarm")
            return cls(
                **{
                    **data,
                    "at": datetime.fromisoformat(data["at"]),
                    "problems": tuple(data["problems"]),
                    "actors": tuple(ActorHealth(**each) for each in data["actors"]),
                    "executors": tuple(ExecutorHealth(**each) for each in data["executors"]),
                    "next_alarm": None
                    if next_alarm is None
                    else datetime.fromisoformat(next_alarm),
                }
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"this is no health: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """JSON: times in ISO 8601, durations in seconds."""
        return {**asdict(self), "at": iso(self.at), "next_alarm": iso(self.next_alarm)}
