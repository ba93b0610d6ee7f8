"""The days on which a cron expression fires, month by month."""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR

_LONGEST_WAIT = 12 * 400
"""Months after which the calendar repeats itself: what has not come by then never comes."""

_Month = tuple[int, int, int]
"""The month, the weekday of its first day, its length."""


@dataclass(frozen=True, slots=True, eq=False)
class CronDays:
    """The days of one expression. The same month with the same first weekday has the same days.

    Attributes:
        months: 1 to 12.
        of_month: days from 1 to 31; 0 is the last one.
        of_week: weekdays, 0 for Sunday to 6.
        either: whether a day that is in one of these two is enough.
        nth: weekday -> which ones of the month, 0 for the last; instead of both when there are any.
        nearest: days whose nearest weekday is meant; instead of both when there are any.
    """

    months: frozenset[int]
    of_month: frozenset[int]
    of_week: frozenset[int]
    either: bool
    nth: Mapping[int, Iterable[int]]
    nearest: frozenset[int]
    _known: dict[_Month, tuple[int, ...]] = field(default_factory=dict)

    def of(self, year: int, month: int) -> tuple[int, ...]:
        """The days of a month, in order."""
        if month not in self.months:
            return ()
        monday_first, length = monthrange(year, month)
        known = self._known.get((month, monday_first, length))
        if known is None:
            first = (monday_first + 1) % 7
            known = tuple(sorted({day for day in self._choose(first, length) if day <= length}))
            self._known[month, monday_first, length] = known
        return known

    def next(self, year: int, month: int, day: int) -> tuple[int, int, int] | None:
        """The first day later than this one, None when there is none before the year 10000."""
        days = self.of(year, month)
        at = bisect_right(days, day)
        if at < len(days):
            return year, month, days[at]
        for _ in range(_LONGEST_WAIT):
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            if year > MAXYEAR:
                return None
            days = self.of(year, month)
            if days:
                return year, month, days[0]
        return None

    def _choose(self, first: int, length: int) -> Iterable[int]:
        """The days of a month that begins on weekday `first`, maybe with some beyond its end."""
        if self.nth:
            return self._nth_weekdays(first, length)
        if self.nearest:
            return (_nearest_weekday(min(day, length), first, length) for day in self.nearest)
        by_month = {day or length for day in self.of_month}
        by_week = {day for day in range(1, length + 1) if (first + day - 1) % 7 in self.of_week}
        return by_month | by_week if self.either else by_month & by_week

    def _nth_weekdays(self, first: int, length: int) -> Iterable[int]:
        for weekday, numbers in self.nth.items():
            days = range((weekday - first) % 7 + 1, length + 1, 7)
            yield from (days[number - 1] for number in numbers if number <= len(days))


def _nearest_weekday(day: int, first: int, length: int) -> int:
    """The day from Monday to Friday that is nearest to a day, in the same month."""
    weekday = (first + day - 1) % 7
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day
