"""What every schedule can do: say when it fires next, write itself down, be bound to its task."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Self

from .clock import from_instant, to_instant
from .errors import InvalidSchedule
from .zones import zone

FIRST_INSTANT = to_instant(datetime.fromisoformat("0001-01-03T00:00:00+00:00"))
LAST_INSTANT = to_instant(datetime.fromisoformat("9999-12-29T00:00:00+00:00"))
"""What lies outside cannot be written as a date in every zone: such moments never come."""


MOST_WALKED = 1_000
"""Occurrences that are walked one by one where they cannot be counted otherwise."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many occurrences there are.

    Attributes:
        number: so many, at least.
        exact: whether there are no more.
    """

    number: int
    exact: bool = True


class Schedule(ABC):
    """A rule that says when next: an immutable value, pure, cheap to copy and to compare."""

    __slots__ = ()

    kind: ClassVar[str]
    """How the rule is called in its JSON form: "once", "cron", "every", ..."""

    @abstractmethod
    def next_instant(self, after: int) -> int | None:
        """Return the first instant strictly later than `after`, both in microseconds.

        Returns:
            None when there is none any more.
        """

    def count(self, after: int, until: int) -> Count:
        """Count the instants in (after, until] in bounded time, both in microseconds.

        This walks, and stops after the first thousand; kinds that can do better, do.
        """
        number, at = 0, self.next_instant(after)
        while at is not None and at <= until:
            if number == MOST_WALKED:
                return Count(number, exact=False)
            number += 1
            at = self.next_instant(at) if self.recurring else None
        return Count(number)

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, with "kind"; `schedule_from_dict` reads it back."""

    @abstractmethod
    def describe(self) -> str:
        """Return a few words for a table, such as "every 5m"."""

    def bind(self, now: int, tz: str) -> "Schedule":  # noqa: ARG002 - most kinds need neither
        """Fill in what depends on when and where a task is created.

        Args:
            now: the moment of creation, in microseconds.
            tz: the zone of rules and phrases that name none.

        Raises:
            InvalidSchedule: the rule makes no sense at that moment.
        """
        return self

    @property
    def recurring(self) -> bool:
        """Whether it may fire more than once."""
        return False

    @property
    def timezone(self) -> str | None:
        """The zone in which `next` answers, None for UTC."""
        return None

    @property
    def follows_clock(self) -> bool:
        """Whether a time that the clock shows again, after it was set back, is a new occurrence."""
        return False

    def shifted(self, step: int) -> "Schedule":  # noqa: ARG002 - most kinds name moments of the clock
        """Return the rule after the clock was set by `step` microseconds.

        What counts elapsed time moves with the clock and keeps its spacing; what names moments of
        the clock stays as it is.
        """
        return self

    def next(self, after: datetime) -> datetime | None:
        """Return the first moment strictly later than `after`.

        Args:
            after: an aware datetime.

        Returns:
            A datetime in the schedule's own zone, else in UTC; None when it never fires again.

        Raises:
            InvalidSchedule: `after` has no time zone.
        """
        instant = self.next_instant(instant_of(after, "after"))
        return None if instant is None else self._local(instant)

    def upcoming(self, after: datetime, n: int) -> list[datetime]:
        """Return the next `n` moments strictly later than `after`, fewer when it ends before."""
        found: list[datetime] = []
        most = n if self.recurring else min(n, 1)
        moment = self.next(after)
        while moment is not None and len(found) < most:
            found.append(moment)
            moment = self.next(moment)
        return found

    def note(self, moment: datetime) -> str | None:
        """Say what is odd about an occurrence, such as "moved: 02:30 does not exist on that day".

        Args:
            moment: one at which the schedule fires, an aware datetime.

        Returns:
            What clocks, months, excluded days or jitter did to it; None when it is a usual one.

        Raises:
            InvalidSchedule: `moment` has no time zone.
        """
        return self.note_at(instant_of(moment, "the moment"))

    def note_at(self, instant: int) -> str | None:  # noqa: ARG002 - most kinds have nothing to say
        """The same for an instant in microseconds."""
        return None

    def between(
        self, start: datetime | str | None = None, end: datetime | str | None = None
    ) -> "Schedule":
        """Return the same schedule with nothing before `start` and nothing after `end`.

        Args:
            start: the first possible moment: an aware datetime, or text with an offset such as
                "2026-12-24T18:00:00+01:00". Default: no bound.
            end: the last possible moment. Default: no bound.

        Raises:
            InvalidSchedule: no bound, a moment without a time zone, or the end before the start.
        """
        from .wrapping import between  # noqa: PLC0415 - what wraps schedules is made of them

        return between(self, start, end)

    def excluding(self, *days: date | str, tz: str | None = None) -> "Schedule":
        """Return the same schedule without some days.

        Args:
            days: dates, "2026-12-25", or "12-25" for that day of every year.
            tz: the zone in which they are days. Default: the schedule's own, else the app's.

        Raises:
            InvalidSchedule: nothing, or something that is no day.
        """
        from .excluding import excluding  # noqa: PLC0415 - what wraps schedules is made of them

        return excluding(self, days, tz)

    def jittered(self, spread: str | float | timedelta, seed: str | int = "") -> "Schedule":
        """Return the same schedule, each occurrence up to `spread` later.

        Args:
            spread: the most, such as "5m", a number of seconds or a timedelta.
            seed: tells apart tasks with the same times, such as the task's key: an equal seed means
                an equal delay at an equal time.

        Raises:
            InvalidSchedule: the spread is not clear, or is no time at all.
        """
        from .wrapping import jittered  # noqa: PLC0415 - what wraps schedules is made of them

        return jittered(self, spread, seed)

    def __or__(self, other: "Schedule") -> "Schedule":
        if not isinstance(other, Schedule):
            return NotImplemented
        from .wrapping import union  # noqa: PLC0415 - what wraps schedules is made of them

        return union(self, other)

    def _local(self, instant: int) -> datetime:
        moment = from_instant(instant)
        return moment.astimezone(zone(self.timezone)) if self.timezone else moment

    def _with_kind(self, **values: Any) -> dict[str, Any]:
        """The JSON form of these values, without the absent ones."""
        present = {name: value for name, value in values.items() if value is not None}
        return {"kind": self.kind, **present}

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """The schedule behind the values of its JSON form, the kind taken off."""
        return cls(**values)


def instant_of(moment: object, what: str) -> int:
    """Turn an aware datetime into microseconds.

    Raises:
        InvalidSchedule: it is not a datetime, or has no time zone.
    """
    if not isinstance(moment, datetime):
        raise InvalidSchedule(f"{what} must be an aware datetime, not {moment!r}")
    if moment.utcoffset() is None:
        hint = "add one, such as tzinfo=ZoneInfo('Europe/Berlin')"
        raise InvalidSchedule(f"{what}, {moment.isoformat()}, has no time zone: {hint}")
    return to_instant(moment)


def checked_instant(value: object, what: str) -> int:
    """Return `value` when it is an instant that can be written as a date.

    Raises:
        InvalidSchedule: it is not a whole number of microseconds, or too far away.
    """
    if type(value) is not int and (isinstance(value, bool) or not isinstance(value, int)):
        raise InvalidSchedule(f"{what} must be microseconds since 1970, not {value!r}")
    if not FIRST_INSTANT <= value <= LAST_INSTANT:
        raise InvalidSchedule(f"{what} must lie between the years 1 and 9999")
    return value


def checked_zone(name: object) -> None:
    """Refuse what is no time zone; None is none.

    Raises:
        InvalidSchedule: with the zone that was probably meant.
    """
    if name is not None and not isinstance(name, str):
        raise InvalidSchedule(f"a time zone must be a name such as 'Europe/Berlin', not {name!r}")
    if name is not None:
        zone(name)


def require_several(values: object, message: str) -> None:
    """Refuse what is not a tuple of at least one value.

    Raises:
        InvalidSchedule: with this message.
    """
    if not isinstance(values, tuple) or not values:
        raise InvalidSchedule(message)


def show_instant(instant: int, tz: str) -> str:
    """Write an instant for people: "2026-12-24 18:00 (Europe/Berlin)"."""
    moment = from_instant(instant).astimezone(zone(tz)).replace(tzinfo=None)
    exact = "auto" if moment.second or moment.microsecond else "minutes"
    return f"{moment.isoformat(' ', exact)} ({tz})"
