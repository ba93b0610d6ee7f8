"""Intervals: slots at anchor + n x interval, which never drift."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from .clock import MILLISECOND
from .durations import LONGEST, format_duration, parse_duration
from .errors import InvalidSchedule
from .rule import FIRST_INSTANT, LAST_INSTANT, Count, Schedule, checked_instant, checked_zone
from .walls import clock_text, fold_note
from .zones import resolve_wall, wall, zone

_CALENDAR = re.compile(
    r"(?:(\d+) ?(?:years?|yrs?|y))? ?(?:(\d+) ?(?:months?|mo))?", re.ASCII | re.IGNORECASE
)
_MOST_MONTHS = 12 * 100


@dataclass(frozen=True, slots=True)
class Every(Schedule):
    """A slot every so often, counted from an anchor: nothing fires before it.

    An interval is elapsed time, the same on every day of the year; months and years follow the
    calendar of a zone and keep the anchor's day where the month has it (31 January,
    28 February, 31 March).

    Attributes:
        interval: microseconds between slots, at least one millisecond; 0 for calendar months.
        months: calendar months between slots, 0 for elapsed time.
        anchor: the instant of slot 0; None means when the task is created.
        tz: the zone whose calendar counts, None for the app's zone. For months only.
        aligned: whether the anchor is a moment of the clock that was asked for, and not just the
            moment of creation; then slots stay where the clock shows them when it is set.
    """

    kind: ClassVar[str] = "every"

    interval: int = 0
    months: int = 0
    anchor: int | None = None
    tz: str | None = None
    aligned: bool = False

    def __post_init__(self) -> None:
        """Refuse intervals that are no intervals."""
        if not isinstance(self.aligned, bool):
            raise InvalidSchedule(f"aligned is true or false, not {self.aligned!r}")
        for value in (self.interval, self.months):
            if isinstance(value, bool) or not isinstance(value, int):
                raise InvalidSchedule(f"an interval must be a whole number, not {value!r}")
        if (self.interval == 0) == (self.months == 0):
            raise InvalidSchedule("an interval must be longer than nothing, such as every('5m')")
        if self.interval and not MILLISECOND <= self.interval <= LONGEST:
            raise InvalidSchedule("an interval must be between 1 millisecond and 100 years")
        if self.months and not 1 <= self.months <= _MOST_MONTHS:
            raise InvalidSchedule("an interval must be between 1 month and 100 years")
        if self.anchor is not None:
            checked_instant(self.anchor, "the anchor")
        checked_zone(self.tz)

    @property
    def recurring(self) -> bool:
        """Always."""
        return True

    @property
    def timezone(self) -> str | None:
        """The zone whose calendar counts; elapsed time has none."""
        return self.tz

    def next_instant(self, after: int) -> int | None:
        """The first slot after `after`; without an anchor, `after` itself is slot 0."""
        after = max(after, FIRST_INSTANT)
        anchor = after if self.anchor is None else self.anchor
        if after < anchor:
            return anchor
        if after >= LAST_INSTANT:
            return None
        if self.interval:
            slot = anchor + ((after - anchor) // self.interval + 1) * self.interval
        else:
            slot = self._next_month(anchor, after)
        return slot if slot <= LAST_INSTANT else None

    def count(self, after: int, until: int) -> Count:
        """Calculated; without an anchor, `after` itself is slot 0."""
        after, until = max(after, FIRST_INSTANT), min(until, LAST_INSTANT)
        anchor = after if self.anchor is None else self.anchor
        first = 1 if self.anchor is None else 0
        slots = self._slots_of_time if self.interval else self._slots_of_months
        before, upto = (slots(anchor, instant) for instant in (after, until))
        return Count(max(0, upto - max(before, first)))

    def note_at(self, instant: int) -> str | None:
        """Such as "moved: that month has no day 31"; elapsed time is always usual."""
        if not self.months or self.anchor is None:
            return None
        where = zone(self.tz or "UTC")
        first, shown = wall(self.anchor, where), wall(instant, where)
        if first.time() != shown.time():
            return f"moved: {clock_text(first)} does not exist on that day"
        if first.day != shown.day:
            return f"moved: that month has no day {first.day}"
        return fold_note(where, instant)

    @property
    def follows_clock(self) -> bool:
        """Elapsed time always goes on."""
        return bool(self.interval)

    def shifted(self, step: int) -> "Every":
        """Elapsed time keeps its spacing when the clock is set."""
        if self.aligned or self.months or self.anchor is None:
            return self
        return replace(self, anchor=min(max(self.anchor + step, FIRST_INSTANT), LAST_INSTANT))

    def bind(self, now: int, tz: str) -> "Every":
        """Anchor it now, and count months in `tz`, where it says nothing else."""
        anchor = now if self.anchor is None else self.anchor
        return replace(self, anchor=anchor, tz=self.tz or (tz if self.months else None))

    def to_dict(self) -> dict[str, Any]:
        """`{"kind": "every", "interval": microseconds}` or "months", with the rest."""
        return self._with_kind(
            interval=self.interval or None,
            months=self.months or None,
            anchor=self.anchor,
            tz=self.tz,
            aligned=self.aligned or None,
        )

    def describe(self) -> str:
        """Such as "every 5m" or "every 2 months"."""
        if self.interval:
            return f"every {format_duration(self.interval)}"
        years, months = divmod(self.months, 12)
        count, unit = (self.months, "month") if months else (years, "year")
        return f"every {unit}" if count == 1 else f"every {count} {unit}s"

    def _slots_of_time(self, anchor: int, until: int) -> int:
        """How many slots there are up to an instant, from slot 0 on."""
        return max(0, (until - anchor) // self.interval + 1)

    def _slots_of_months(self, anchor: int, until: int) -> int:
        if until < anchor:
            return 0
        where = zone(self.tz or "UTC")
        first, here = wall(anchor, where), wall(until, where)
        apart = (here.year - first.year) * 12 + here.month - first.month
        n = max(apart // self.months - 1, 0)
        while (slot := self._month_slot(anchor, first, n + 1, where)) is not None and slot <= until:
            n += 1
        return n + 1

    def _next_month(self, anchor: int, after: int) -> int:
        where = zone(self.tz or "UTC")
        n = self._slots_of_months(anchor, after)
        slot = self._month_slot(anchor, wall(anchor, where), n, where)
        return LAST_INSTANT + 1 if slot is None else slot

    def _month_slot(self, anchor: int, first: datetime, n: int, where: ZoneInfo) -> int | None:
        """The instant of slot n, None when it lies beyond the year 9999."""
        if n == 0:
            return anchor
        shown = _months_later(first, n * self.months)
        return None if shown is None else resolve_wall(shown, where)[0]


def parse_interval(value: str | float | timedelta) -> tuple[int, int]:
    """Read an interval: `(microseconds, 0)`, or `(0, months)` for "1 month" and "2 years".

    Raises:
        InvalidSchedule: it is not clear or not positive.
    """
    if isinstance(value, str) and len(value) <= 40 and value.strip():
        found = _CALENDAR.fullmatch(" ".join(value.split()))
        if found:
            return 0, int(found[1] or 0) * 12 + int(found[2] or 0)
    return parse_duration(value), 0


def _months_later(first: datetime, months: int) -> datetime | None:
    """The same day and time `months` later, or the last day of a month that is too short."""
    years, month = divmod(first.month - 1 + months, 12)
    if first.year + years > 9999:
        return None
    for day in (first.day, 30, 29, 28):
        if day <= first.day:
            try:
                return first.replace(year=first.year + years, month=month + 1, day=day)
            except ValueError:
                continue
    return None
