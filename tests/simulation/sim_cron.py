"""When a cron expression fires, by brute force: every minute of the period is looked at.

An independent model, as plain as it can be: it knows the words of cron and Python's own zones,
and shares nothing with the product.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = 60_000_000
_QUARTER = 15
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_NAMES = {
    name: str(number)
    for names, first in (
        ("sun mon tue wed thu fri sat", 0),
        ("jan feb mar apr may jun jul aug sep oct nov dec", 1),
    )
    for number, name in enumerate(names.split(), first)
}


@dataclass(frozen=True)
class Walls:
    """What the clocks of a zone show in each minute of a period.

    Attributes:
        first: the first minute, counted from 1970 in UTC.
        shown: for each minute from then on, the minute on the wall, counted from 1970 there.
    """

    first: int
    shown: list[int]


@lru_cache(maxsize=32)
def walls(zone: str, start: int, end: int) -> Walls:
    """The walls of a zone from `start`, on a quarter of an hour, to `end` (microseconds)."""
    where = ZoneInfo(zone)
    first, shown = start // MINUTE, list[int]()
    for minute in range(first, end // MINUTE, _QUARTER):  # clocks change on quarters only
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
        offset = moment.astimezone(where).utcoffset() or timedelta()
        wall = minute + offset // timedelta(minutes=1)
        shown.extend(range(wall, wall + _QUARTER))
    return Walls(first, shown)


def cron_instants(expr: str, zone: str, start: int, end: int, dst: str = "debian") -> list[int]:
    """Every instant in [start, end) at which the expression fires, in microseconds."""
    fields = expr.split()
    seconds = _values(fields.pop(0), 0, 59) if len(fields) == 6 else [0]
    matches = _matcher(fields)
    follows = fields[0].startswith("*") or fields[1].startswith("*")
    found: list[int] = []
    for instant, whole in _minutes(walls(zone, start, end), matches, "follow" if follows else dst):
        found += [instant + second * 1_000_000 for second in (seconds if whole else [0])]
    return [instant for instant in found if start <= instant < end]


def _minutes(clock: Walls, matches: Callable[[int], bool], dst: str) -> Iterator[tuple[int, bool]]:
    """The minutes that fire; False for those in which only skipped times are made up for."""
    latest = clock.shown[0] - 1
    for minute, wall in enumerate(clock.shown, clock.first):
        seen, skipped = wall <= latest, range(latest + 1, wall)
        latest = max(latest, wall)
        if matches(wall) and (not seen or dst in {"follow", "both"}):
            yield minute * MINUTE, True
        elif skipped and dst in {"debian", "both"} and any(map(matches, skipped)):
            yield minute * MINUTE, False


def _matcher(fields: Sequence[str]) -> Callable[[int], bool]:
    minutes, hours = set(_values(fields[0], 0, 59)), set(_values(fields[1], 0, 23))
    times = {hour * 60 + minute for hour in hours for minute in minutes}
    days: dict[int, bool] = {}

    def matches(wall: int) -> bool:
        day, time = divmod(wall, 1440)
        if time not in times:
            return False
        if day not in days:
            days[day] = _day_matches(fields[2:], date.fromordinal(day + _EPOCH_DAY))
        return days[day]

    return matches


def _day_matches(fields: Sequence[str], day: date) -> bool:
    of_month, month, of_week = fields
    if day.month not in _values(month, 1, 12):
        return False
    by_month = _in_month(of_month, day)
    by_week = _in_week(of_week, day)
    if of_month.startswith("*") or of_week.startswith("*"):
        return by_month and by_week
    return by_month or by_week


def _in_month(field: str, day: date) -> bool:
    if field == "L":
        return (day + timedelta(days=1)).day == 1
    return day.day in _values(field, 1, 31)


def _in_week(field: str, day: date) -> bool:
    weekday = day.isoweekday() % 7
    if "#" in field:
        wanted, nth = field.split("#")
        return weekday == int(wanted) % 7 and (day.day - 1) // 7 + 1 == int(nth)
    return weekday in {value % 7 for value in _values(field, 0, 7)}


@lru_cache(maxsize=4096)
def _values(field: str, low: int, high: int) -> list[int]:
    found: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if first == "*":
            first, last = str(low), str(high)
        elif not last:
            last = str(high) if step else first
        numbers = int(_NAMES.get(first, first)), int(_NAMES.get(last, last))
        found.update(range(numbers[0], numbers[1] + 1, int(step or 1)))
    return sorted(found)
