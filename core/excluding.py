"""Schedules with days off: dates, and days of every year, such as public holidays."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from .clock import SECOND
from .compound import Wrapper, require_schedule
from .errors import InvalidSchedule
from .offsets import shown_between
from .rule import FIRST_INSTANT, LAST_INSTANT, Count, Schedule, checked_zone, require_several
from .walltimes import SECONDS_A_DAY
from .zones import resolve_wall, wall, zone

EXAMPLE = '"2026-12-25", or "12-25" for every year'
MOST_IN_A_ROW = 3_000
"""Excluded occurrences in a row after which a rule is taken for one that never fires."""

_EPOCH = date(1970, 1, 1).toordinal()
_LEAP_YEAR = 2024
_DAYS_OF_A_YEAR = 366
_DATED = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YEARLY = re.compile(r"\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Excluding(Wrapper):
    """Nothing on some days, such as public holidays.

    Attributes:
        dates: the days without occurrences.
        tz: the zone in which they are days; None for the inner schedule's, else the app's.
        yearly: days of every year without occurrences, such as "12-25".
    """

    kind: ClassVar[str] = "excluding"

    dates: tuple[date, ...] = ()
    tz: str | None = None
    yearly: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what are no days."""
        require_schedule(self.inner)
        for days, check in ((self.dates, _check_date), (self.yearly, _check_yearly)):
            if days:
                require_several(days, "excluding needs tuples of days")
            for day in days:
                check(day)
        if not self.dates and not self.yearly:
            raise InvalidSchedule(f"excluding needs at least one date, such as {EXAMPLE}")
        if len(set(self.yearly)) == _DAYS_OF_A_YEAR:
            raise InvalidSchedule("all days of the year are excluded: nothing is left")
        checked_zone(self.tz)

    def next_instant(self, after: int) -> int | None:
        """The inner schedule's next instant on another day."""
        where = self._where
        found = self.inner.next_instant(after)
        for _ in range(len(self.dates) + MOST_IN_A_ROW):
            if found is None or not self._excludes(day := wall(found, where).date()):
                return found
            end = self._end_of_row(day, where)
            found = self.inner.next_instant(max(found, end - 1))
        return None

    def count(self, after: int, until: int) -> Count:
        """All inner ones but those of the excluded days."""
        found = self.inner.count(after, until)
        number, exact = found.number, found.exact
        for start, end in self._excluded_spans(after, until) if exact else ():
            lost = self.inner.count(max(after, start - 1), min(until, end - 1))
            number, exact = number - lost.number, exact and lost.exact
        return Count(number) if exact else super(Excluding, self).count(after, until)

    def note_at(self, instant: int) -> str | None:
        """The inner note, and the days that were left out right before."""
        skipped = [str(day) for day in self._days_before(instant) if self._lost(day, instant)]
        left_out = f"left out before: {', '.join(skipped)}" if skipped else None
        return "; ".join(note for note in (self.inner.note_at(instant), left_out) if note) or None

    def bind(self, now: int, tz: str) -> Schedule:
        """Bind the inner one; its zone, or else `tz`, is where the dates are days.

        Raises:
            InvalidSchedule: the days leave nothing of a rule that would go on.
        """
        inner = self.inner.bind(now, tz)
        bound = replace(self, inner=inner, tz=self.tz or inner.timezone or tz)
        if inner.next_instant(now) is not None and bound.next_instant(now) is None:
            raise InvalidSchedule(f"{inner.describe()} never fires: all its days are excluded")
        return bound

    def to_dict(self) -> dict[str, Any]:
        """`{"kind": "excluding", "inner": {...}, "dates": ["2026-12-25"], "tz": zone, ...}`."""
        return self._with_kind(
            inner=self.inner.to_dict(),
            dates=[day.isoformat() for day in self.dates],
            tz=self.tz,
            yearly=list(self.yearly) or None,
        )

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> "Excluding":
        """The schedule behind `to_dict`, its inner one already made."""
        yearly = values.get("yearly", [])
        if not isinstance(yearly, list):
            raise InvalidSchedule("yearly must be a list such as ['12-25']")
        return cls(**{**values, "dates": _dates(values.get("dates", [])), "yearly": tuple(yearly)})

    def describe(self) -> str:
        """Such as "cron 0 9 * * * (UTC), not on 2026-12-25"."""
        days = [*map(str, self.dates), *self.yearly]
        shown = f"{len(days)} dates" if len(days) > 3 else ", ".join(days)
        return f"{self.inner.describe()}, not on {shown}"

    @property
    def _where(self) -> ZoneInfo:
        return zone(self.tz or self.timezone or "UTC")

    def _excludes(self, day: date) -> bool:
        return day in self.dates or f"{day:%m-%d}" in self.yearly

    def _end_of_row(self, day: date, where: ZoneInfo) -> int:
        """The midnight that ends the excluded days of which this is one."""
        for _ in range(len(self.dates) + len(self.yearly)):
            if day >= date.max - timedelta(days=2):
                return LAST_INSTANT
            day += timedelta(days=1)
            if not self._excludes(day):
                break
        return _midnight(day, where)

    def _excluded_spans(self, after: int, until: int) -> Iterator[tuple[int, int]]:
        """The half-open spans of instants after `after`, up to `until`, that are excluded days."""
        where = self._where
        first, last = (
            wall(min(max(instant, FIRST_INSTANT), LAST_INSTANT), where).date()
            for instant in (after, until)
        )
        days = {day.toordinal() for day in self.dates}
        for year in range(first.year, last.year + 1) if self.yearly else ():
            days.update(_on(text, year).toordinal() for text in self.yearly)
        inside = sorted(d for d in days if first.toordinal() <= d <= last.toordinal())
        for day in inside:
            midnight = (day - _EPOCH) * SECONDS_A_DAY
            for start, end in shown_between(where, midnight, midnight + SECONDS_A_DAY):
                if start * SECOND <= until and after < end * SECOND - 1:
                    yield start * SECOND, end * SECOND

    def _days_before(self, instant: int) -> Iterator[date]:
        """The excluded days of the last year, in order."""
        today = wall(instant, self._where).date()
        days = set(self.dates)
        for year in (today.year - 1, today.year):
            days.update(_on(text, year) for text in self.yearly)
        return (day for day in sorted(days) if timedelta() < today - day <= timedelta(days=366))

    def _lost(self, day: date, instant: int) -> bool:
        """Whether the inner schedule fires on that day, and this one not again before `instant`."""
        before = _midnight(day, self._where) - 1
        found = self.inner.next_instant(before)
        same_day = found is not None and wall(found, self._where).date() == day
        return same_day and self.next_instant(before) == instant


def read_day(value: object) -> date | str:
    """Read a day off: a date stays one, "2026-12-25" becomes one, "12-25" is a day of every year.

    Raises:
        InvalidSchedule: it is neither.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    text = value.strip() if isinstance(value, str) else ""
    try:
        if _DATED.fullmatch(text):
            return date.fromisoformat(text)
        if _YEARLY.fullmatch(text):
            return f"{date.fromisoformat(f'{_LEAP_YEAR}-{text}'):%m-%d}"
    except ValueError:
        raise InvalidSchedule(f"there is no day {text!r}; write {EXAMPLE}") from None
    raise InvalidSchedule(f"{str(value)!r:.100} is no day; write {EXAMPLE}")


def excluding(inner: Schedule, days: Iterable[object], tz: str | None = None) -> Excluding:
    """Wrap a schedule; days are what `read_day` reads, each counted once.

    Raises:
        InvalidSchedule: no days, or something that is none.
    """
    read = [read_day(day) for day in days]
    dates = sorted({day for day in read if isinstance(day, date)})
    yearly = sorted({day for day in read if isinstance(day, str)})
    return Excluding(inner, tuple(dates), tz, tuple(yearly))


def _check_date(day: object) -> None:
    if isinstance(day, datetime) or not isinstance(day, date):
        raise InvalidSchedule(f"an excluded date must be a date, not {day!r:.100}")


def _check_yearly(text: object) -> None:
    if not isinstance(text, str) or not _YEARLY.fullmatch(text):
        raise InvalidSchedule(f"a day of every year is written '12-25', not {text!r:.100}")
    read_day(text)


def _on(text: str, year: int) -> date:
    """The day of a year; one of long ago for 29 February where there is none."""
    try:
        return date.fromisoformat(f"{year:04}-{text}")
    except ValueError:
        return date.min


def _midnight(day: date, where: ZoneInfo) -> int:
    return resolve_wall(datetime.combine(day, time()), where)[0]


def _dates(values: object) -> tuple[date, ...]:
    if not isinstance(values, list):
        raise InvalidSchedule("dates must be a list such as ['2026-12-25']")
    try:
        return tuple(date.fromisoformat(value) for value in values)
    except (TypeError, ValueError) as error:
        raise InvalidSchedule(f"an excluded date is not one: {error}") from None
