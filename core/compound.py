"""Schedules made of schedules: bounds and unions."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .errors import InvalidSchedule
from .every import Every
from .rule import Count, Schedule, checked_instant, require_several, show_instant
from .unioncount import count_union, earliest


@dataclass(frozen=True, slots=True)
class Wrapper(Schedule):
    """A schedule that changes one other.

    Attributes:
        inner: the schedule that is changed.
    """

    inner: Schedule

    def __post_init__(self) -> None:
        """Refuse what wraps nothing."""
        require_schedule(self.inner)

    @property
    def recurring(self) -> bool:
        """As the inner one."""
        return self.inner.recurring

    @property
    def timezone(self) -> str | None:
        """As the inner one."""
        return self.inner.timezone

    @property
    def follows_clock(self) -> bool:
        """As the inner one."""
        return self.inner.follows_clock

    def shifted(self, step: int) -> Schedule:
        """Shift the inner one."""
        return replace(self, inner=self.inner.shifted(step))

    def note_at(self, instant: int) -> str | None:
        """As the inner one."""
        return self.inner.note_at(instant)

    def bind(self, now: int, tz: str) -> Schedule:
        """Bind the inner one."""
        return replace(self, inner=self.inner.bind(now, tz))


@dataclass(frozen=True, slots=True)
class Bounded(Wrapper):
    """Nothing before `start`, nothing after `end`; both moments themselves are within.

    Attributes:
        start: the first possible instant in microseconds, None for no bound. An interval without
            an anchor starts here.
        end: the last possible instant in microseconds, None for no bound.
    """

    kind: ClassVar[str] = "bounded"

    start: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        """Refuse bounds that leave nothing."""
        require_schedule(self.inner)
        if self.start is None and self.end is None:
            raise InvalidSchedule("bounds need a start, an end or both")
        start = None if self.start is None else checked_instant(self.start, "the start")
        end = None if self.end is None else checked_instant(self.end, "the end")
        if start is not None and end is not None and end < start:
            raise InvalidSchedule("the end lies before the start")

    def next_instant(self, after: int) -> int | None:
        """The inner schedule's next instant within the bounds."""
        found = self.inner.next_instant(after if self.start is None else max(after, self.start - 1))
        return None if found is None or (self.end is not None and found > self.end) else found

    def count(self, after: int, until: int) -> Count:
        """The inner ones within the bounds."""
        first = after if self.start is None else max(after, self.start - 1)
        last = until if self.end is None else min(until, self.end)
        return self.inner.count(first, last) if first < last else Count(0)

    def bind(self, now: int, tz: str) -> Schedule:
        """Bind the inner one; an interval without an anchor is anchored at a start to come."""
        inner = self.inner
        if isinstance(inner, Every) and inner.anchor is None and self.start is not None:
            inner = replace(inner, anchor=max(now, self.start))
        return replace(self, inner=inner.bind(now, tz))

    def to_dict(self) -> dict[str, Any]:
        """`{"kind": "bounded", "inner": {...}, "start": microseconds, "end": microseconds}`."""
        return self._with_kind(inner=self.inner.to_dict(), start=self.start, end=self.end)

    def describe(self) -> str:
        """Such as "every 5m from 2026-01-01 00:00 (UTC)"."""
        tz = self.timezone or "UTC"
        since = "" if self.start is None else f" from {show_instant(self.start, tz)}"
        until = "" if self.end is None else f" until {show_instant(self.end, tz)}"
        return f"{self.inner.describe()}{since}{until}"


@dataclass(frozen=True, slots=True)
class Union(Schedule):
    """Whenever one of several schedules fires; at the same instant, once.

    Attributes:
        parts: the schedules, at least one.
    """

    kind: ClassVar[str] = "union"

    parts: tuple[Schedule, ...]

    def __post_init__(self) -> None:
        """Refuse a union of nothing."""
        require_several(self.parts, "a union needs at least one schedule")
        for part in self.parts:
            require_schedule(part)

    @property
    def recurring(self) -> bool:
        """Unless it is a single schedule that fires once."""
        return len(self.parts) > 1 or self.parts[0].recurring

    @property
    def timezone(self) -> str | None:
        """The zone of all parts, None when they differ."""
        zones = {part.timezone for part in self.parts}
        return zones.pop() if len(zones) == 1 else None

    def next_instant(self, after: int) -> int | None:
        """The earliest next instant of the parts."""
        return earliest(self.parts, after)

    def count(self, after: int, until: int) -> Count:
        """Each instant once; exact where all parts but one are rare, or cron in one zone."""
        return count_union(self.parts, after, until)

    def note_at(self, instant: int) -> str | None:
        """What the parts that fire then have to say."""
        fires = [part for part in self.parts if part.next_instant(instant - 1) == instant]
        notes = dict.fromkeys(note for part in fires if (note := part.note_at(instant)))
        return "; ".join(notes) or None

    @property
    def follows_clock(self) -> bool:
        """Whether one of the parts does."""
        return any(part.follows_clock for part in self.parts)

    def shifted(self, step: int) -> Schedule:
        """Shift each part."""
        return Union(tuple(part.shifted(step) for part in self.parts))

    def bind(self, now: int, tz: str) -> Schedule:
        """Bind each part."""
        return Union(tuple(part.bind(now, tz) for part in self.parts))

    def to_dict(self) -> dict[str, Any]:
        """`{"kind": "union", "parts": [{...}, ...]}`."""
        return self._with_kind(parts=[part.to_dict() for part in self.parts])

    def describe(self) -> str:
        """Such as "cron 0 9 * * * (UTC) or every 5h"."""
        return " or ".join(part.describe() for part in self.parts)


def require_schedule(value: object) -> None:
    """Refuse what is no schedule.

    Raises:
        InvalidSchedule: with an example of one.
    """
    if not isinstance(value, Schedule):
        raise InvalidSchedule(f"expected a schedule such as cron('0 9 * * *'), not {value!r}")
