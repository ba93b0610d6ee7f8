"""What a supervisor knows about a child: the specification, and its present life."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn, get_args

from ..core.errors import InvalidChild, StartFailed
from ..core.hints import did_you_mean
from .base import Actor
from .messages import ChildInfo, ChildState, Reason
from .strategies import is_seconds

Restart = Literal["permanent", "transient", "temporary"]
ChildType = Literal["worker", "supervisor"]
Shutdown = float | Literal["brutal", "default"] | None
StartTimeout = float | Literal["default"] | None

_PATIENCE_WITH_WORKERS = 5.0
_START_OF_WORKERS = 10.0


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How a child is made, and when it is made again.

    Attributes:
        id: unique among its siblings.
        start: returns a new actor that has not been started; quick, because the supervisor waits.
            What takes long belongs into the actor's `on_start`.
        restart: `permanent` children are always restarted, `transient` ones when they die of an
            exception, `temporary` ones never, and these are forgotten at their end.
        shutdown: seconds to wait for the end when the child is stopped, None for ever, `brutal`
            not at all. Default 5 seconds, and None for supervisors.
        type: `worker` or `supervisor`.
        significant: whether its own end may shut its supervisor down (see `Flags.auto_shutdown`).
        name: what it is registered under. Default: its id.
        start_timeout: seconds that `on_start` may take, None for ever. Default 10, and None
            for supervisors, which bound each child themselves.

    Raises:
        InvalidChild: a field is wrong; the message says which, and what to write.
    """

    id: str
    start: Callable[..., Actor]
    restart: Restart = "permanent"
    shutdown: Shutdown = "default"
    type: ChildType = "worker"
    significant: bool = False
    name: str = ""
    start_timeout: StartTimeout = "default"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, and fill in what depends on the type."""
        if not _is_word(self.id):
            raise InvalidChild(f"a child's id is a word, not {self.id!r}")
        if not callable(self.start):
            raise InvalidChild(
                f"child {self.id!r}: start must be a function that returns an actor, "
                f"such as `lambda: MyActor()`, not {self.start!r}"
            )
        self._require_choice("restart", self.restart, get_args(Restart))
        self._require_choice("type", self.type, get_args(ChildType))
        if not isinstance(self.significant, bool):
            raise InvalidChild(f"child {self.id!r}: significant is True or False")
        if self.significant and self.restart == "permanent":
            raise InvalidChild(
                f"child {self.id!r}: a permanent child never ends, so it cannot be significant: "
                "make it transient or temporary"
            )
        if self.name != "" and not _is_word(self.name):
            raise InvalidChild(f"child {self.id!r}: its name is a word, not {self.name!r}")
        self._fill_in()
        if self.shutdown != "brutal":
            self._require_seconds("shutdown", self.shutdown)
        self._require_seconds("start_timeout", self.start_timeout)

    @property
    def grace(self) -> float | None:
        """Seconds that the child has to end in, None for all the time it needs."""
        return self.shutdown if not isinstance(self.shutdown, str) else 0.0

    @property
    def start_limit(self) -> float | None:
        """Seconds that the child has to start in, None for all the time it needs."""
        return self.start_timeout if not isinstance(self.start_timeout, str) else 0.0

    def without_start(self) -> "ChildSpec":
        """The same without the function that makes the actor, and all that it holds on to."""
        return replace(self, start=_gone)

    def _fill_in(self) -> None:
        worker = self.type == "worker"
        defaults = {
            "name": (self.name == "", self.id),
            "shutdown": (self.shutdown == "default", _PATIENCE_WITH_WORKERS if worker else None),
            "start_timeout": (
                self.start_timeout == "default",
                _START_OF_WORKERS if worker else None,
            ),
        }
        for field, (missing, value) in defaults.items():
            if missing:
                object.__setattr__(self, field, value)

    def _require_choice(self, field: str, value: object, allowed: tuple[str, ...]) -> None:
        if value not in allowed:
            choices, hint = ", ".join(allowed), did_you_mean(value, allowed)
            raise InvalidChild(
                f"child {self.id!r}: {field} is one of {choices}, not {value!r}{hint}"
            )

    def _require_seconds(self, field: str, value: object) -> None:
        if value is not None and not is_seconds(value):
            extra = ', "brutal"' if field == "shutdown" else ""
            raise InvalidChild(
                f"child {self.id!r}: {field} is a number of seconds{extra} or None, not {value!r}"
            )


@dataclass(slots=True)
class Child:
    """A child of a supervisor, through all its lives. Only the supervisor's thread changes it.

    Attributes:
        spec: how it is made.
        actor: its present life, None when it does not run.
        incarnation: the number of its present or last life.
        restarts: how often it was restarted.
        failures: deaths in a row, each soon after a start; they lengthen the backoff.
        started_at: monotonic microseconds of its last start.
        due_at: monotonic microseconds of its next start while it is being restarted.
    """

    spec: ChildSpec
    actor: Actor | None = None
    incarnation: int = 0
    restarts: int = 0
    failures: int = 0
    started_at: int = 0
    due_at: int | None = None

    @property
    def state(self) -> ChildState:
        """`running`, `restarting` or `stopped`."""
        if self.actor is not None:
            return "running"
        return "stopped" if self.due_at is None else "restarting"

    def is_restarted_after(self, reason: Reason) -> bool:
        """Whether a death for this reason is followed by another life."""
        if self.spec.restart == "transient":
            return isinstance(reason, BaseException)
        return self.spec.restart == "permanent"

    def to_info(self) -> ChildInfo:
        """What others may know about it."""
        return ChildInfo(
            id=self.spec.id,
            name=self.spec.name,
            state=self.state,
            type=self.spec.type,
            ref=None if self.actor is None else self.actor.actor_ref,
            incarnation=self.incarnation,
            restarts=self.restarts,
            info=None if self.actor is None else self.actor.info,
        )


def _is_word(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _gone(*_: Any) -> NoReturn:
    raise StartFailed("a temporary child cannot be started again")
