"""Schedules that fire once, and those that wait for no time at all."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .errors import InvalidSchedule
from .rule import (
    LAST_INSTANT,
    Schedule,
    checked_instant,
    checked_zone,
    require_several,
    show_instant,
)
from .times import parse_time
from .walls import fold_note
from .zones import zone


@dataclass(frozen=True, slots=True)
class Once(Schedule):
    """One moment: an instant, or a phrase that becomes one when the task is created.

    Attributes:
        at: the instant in microseconds; None while `phrase` is not resolved.
        phrase: such as "10:30pm" or "in 5 minutes"; None once resolved.
        tz: the zone in which it is shown, None for UTC.
    """

    kind: ClassVar[str] = "once"

    at: int | None = None
    phrase: str | None = None
    tz: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no moment."""
        if (self.at is None) == (self.phrase is None):
            raise InvalidSchedule("once needs an instant or a phrase")
        if self.tz is not None:
            checked_zone(self.tz)
        if self.phrase is None:
            checked_instant(self.at, "the instant")
        elif not isinstance(self.phrase, str):
            raise InvalidSchedule(f"a phrase must be text, not {self.phrase!r}")
        else:
            parse_time(self.phrase, now=0, tz="UTC")

    @property
    def timezone(self) -> str | None:
        """The zone in which it is shown."""
        return self.tz

    def next_instant(self, after: int) -> int | None:
        """The instant while it is to come; a phrase is read relative to `after`, in UTC."""
        if after >= LAST_INSTANT:
            return None
        at = self._resolve(after, "UTC") if self.at is None else self.at
        return at if at > after else None

    def note_at(self, instant: int) -> str | None:
        """Such as "first of two 02:30"."""
        return None if self.tz is None else fold_note(zone(self.tz), instant)

    def bind(self, now: int, tz: str) -> "Once":
        """Resolve the phrase, and show the moment in `tz` from now on."""
        at = self._resolve(now, tz) if self.at is None else self.at
        return Once(at=at, tz=self.tz or tz)

    def to_dict(self) -> dict[str, Any]:
        """`{"kind": "once", "at": microseconds, "tz": zone}`, or "phrase" instead of "at"."""
        if self.at is not None and self.tz is not None:  # of every task that is stored
            return {"kind": "once", "at": self.at, "tz": self.tz}
        return self._with_kind(at=self.at, phrase=self.phrase, tz=self.tz)

    def describe(self) -> str:
        """Such as "once 2026-12-24 18:00 (Europe/Berlin)"."""
        if self.at is None:
            return f"once {self.phrase}"
        return f"once {show_instant(self.at, self.tz or 'UTC')}"

    def _resolve(self, now: int, tz: str) -> int:
        return parse_time(str(self.phrase), now=max(now, 0), tz=self.tz or tz).instant


@dataclass(frozen=True, slots=True)
class Now(Schedule):
    """As soon as possible.

    Attributes:
        at: the instant at which the task was created, None until then.
    """

    kind: ClassVar[str] = "now"

    at: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is no instant."""
        if self.at is not None:
            checked_instant(self.at, "the instant")

    def next_instant(self, after: int) -> int | None:
        """The moment of creation; before that, the very next microsecond."""
        if self.at is None:
            return after + 1
        return self.at if self.at > after else None

    def bind(self, now: int, tz: str) -> "Now":  # noqa: ARG002 - the zone does not matter
        """Remember the moment of creation."""
        return replace(self, at=now) if self.at is None else self

    def to_dict(self) -> dict[str, Any]:
        """`{"kind": "now", "at": microseconds}`."""
        return self._with_kind(at=self.at)

    def describe(self) -> str:
        """Always "now"."""
        return "now"


@dataclass(frozen=True, slots=True)
class After(Schedule):
    """When other tasks have succeeded. It knows no time: whoever finishes them triggers it.

    Attributes:
        tasks: their keys or ids, each once.
    """

    kind: ClassVar[str] = "after"

    tasks: tuple[str | int, ...]

    def __post_init__(self) -> None:
        """Refuse what names no task."""
        require_several(self.tasks, "after needs at least one task")
        for task in self.tasks:
            _require_name(task)

    def next_instant(self, after: int) -> int | None:  # noqa: ARG002 - there is no time in it
        """Always None."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """`{"kind": "after", "tasks": [keys and ids]}`."""
        return self._with_kind(tasks=list(self.tasks))

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> "After":
        """The schedule behind `to_dict`."""
        tasks = values.get("tasks")
        return cls(**{**values, "tasks": tuple(tasks) if isinstance(tasks, list) else tasks})

    def describe(self) -> str:
        """Such as "after extract, transform"."""
        return f"after {', '.join(map(str, self.tasks))}"


def _require_name(task: object) -> None:
    if isinstance(task, bool) or not isinstance(task, str | int) or task == "":
        raise InvalidSchedule(f"after needs keys or ids of tasks, not {task!r}")
