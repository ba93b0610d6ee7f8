"""The times on the wall at which a cron expression fires: the next one, and how many there are.

croniter reads the expression; its fields are walked here, because a year of missed minutes must be
found and counted in no time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache
from itertools import chain

from .crondays import CronDays

SECONDS_A_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()

_Fields = tuple[int, ...]
_Time = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class WallTimes:
    """Every combination of these days and times.

    Attributes:
        days: on which days.
        hours: in order, 0 to 23.
        minutes: in order, 0 to 59.
        seconds: in order, 0 to 59.
    """

    days: CronDays
    hours: _Fields
    minutes: _Fields
    seconds: _Fields

    def next(self, shown: datetime) -> datetime | None:
        """The first of these times later than `shown`, None if there is none."""
        if shown.day in self.days.of(shown.year, shown.month):
            later = self._later_that_day(shown.hour, shown.minute, shown.second)
            if later is not None:
                return datetime(shown.year, shown.month, shown.day, *later)  # noqa: DTZ001 - a wall has no zone
        day = self.days.next(shown.year, shown.month, shown.day)
        return None if day is None else datetime(*day, *self._first)  # noqa: DTZ001 - likewise

    @cached_property
    def mask(self) -> int:
        """The times of one day: bit n is second n."""
        minute = sum(1 << second for second in self.seconds)
        hour = sum(minute << 60 * number for number in self.minutes)
        return sum(hour << 3_600 * number for number in self.hours)

    @cached_property
    def _first(self) -> _Time:
        return self.hours[0], self.minutes[0], self.seconds[0]

    @cached_property
    def _following(self) -> tuple[_Fields, _Fields, _Fields]:
        return _following(self.hours), _following(self.minutes), _following(self.seconds)

    def _later_that_day(self, hour: int, minute: int, second: int) -> _Time | None:
        hours, minutes, seconds = self._following
        if hour in self.hours:
            if minute in self.minutes and (found := seconds[second]) >= 0:
                return hour, minute, found
            if (found := minutes[minute]) >= 0:
                return hour, found, self.seconds[0]
        found = hours[hour]
        return None if found < 0 else (found, self.minutes[0], self.seconds[0])


def count_walls(rules: Sequence[WallTimes], start: int, end: int) -> int:
    """How many wall times in [start, end) fire by at least one of the rules.

    Args:
        rules: the rules; a time at which several fire counts once.
        start: a second on the wall, counted from 1970 there.
        end: another.
    """
    if start >= end:
        return 0
    first, last = (date.fromordinal(at // SECONDS_A_DAY + _EPOCH) for at in (start, end - 1))
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return sum(_in_a_month(rules, *divmod(number, 12), start, end) for number in months)


def _in_a_month(rules: Sequence[WallTimes], year: int, month: int, start: int, end: int) -> int:
    """How many of a month's wall times lie in [start, end); January is 0."""
    days = [rule.days.of(year, month + 1) for rule in rules]
    before = (date(year, month + 1, 1).toordinal() - _EPOCH - 1) * SECONDS_A_DAY
    whole = start <= before and before + 32 * SECONDS_A_DAY <= end
    if whole and len(rules) == 1:
        return len(days[0]) * _in_a_day(tuple(rules))
    total = 0
    for day in set(chain(*days)):
        midnight = before + day * SECONDS_A_DAY
        low, high = max(start - midnight, 0), min(end - midnight, SECONDS_A_DAY)
        if low >= high:
            continue
        firing = tuple(rule for rule, its in zip(rules, days, strict=True) if day in its)
        if high - low == SECONDS_A_DAY:
            total += _in_a_day(firing)
        else:
            total += (_together(firing) >> low & (1 << high - low) - 1).bit_count()
    return total


@lru_cache(maxsize=512)
def _in_a_day(rules: tuple[WallTimes, ...]) -> int:
    return _together(rules).bit_count()


def _together(rules: Iterable[WallTimes]) -> int:
    mask = 0
    for rule in rules:
        mask |= rule.mask
    return mask


def _following(values: _Fields) -> _Fields:
    """For each number up to 59 the next larger one of these, -1 where there is none."""
    return tuple(min((v for v in values if v > number), default=-1) for number in range(60))
