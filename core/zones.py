"""Time zones by name, and the instant behind what a clock on the wall shows.

Twice a year most walls lie: an hour is skipped or shown twice. One rule serves phrases and cron
alike: a time that is skipped means the moment the gap ends, a time that comes twice means its
first coming.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from .clock import SECOND, from_instant
from .errors import InvalidSchedule
from .hints import did_you_mean

Wall = Literal["exact", "gap", "fold"]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the wall's own epoch has no zone
_MICROSECOND = timedelta(microseconds=1)
_NOT_CIVIL = ("right/", "localtime")  # one counts leap seconds, one differs between machines


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the time zone with this IANA name, such as "Europe/Berlin" or "UTC".

    Raises:
        InvalidSchedule: there is no such zone; `field` is "timezone".
    """
    if not name.startswith(_NOT_CIVIL):
        with suppress(KeyError, ValueError, OSError):
            return ZoneInfo(name)
    raise InvalidSchedule(
        f"unknown time zone {name[:64]!r}{_closest_zone(name[:64])}",
        field="timezone",
        reason="unknown time zone",
    )


def resolve_wall(naive: datetime, zone: ZoneInfo) -> tuple[int, Wall]:
    """Find the instant at which clocks in `zone` show `naive`.

    Args:
        naive: the date and time on the wall, without a zone; its `fold` is ignored.
        zone: where the wall is.

    Returns:
        The instant in microseconds, and how it was found: "exact"; "gap" when the wall never
        shows this time (the instant is the end of the gap); "fold" when it shows it twice (the
        instant is the first).
    """
    shown = (naive - _EPOCH) // _MICROSECOND
    first, second = (shown - _offset(naive, zone, fold) for fold in (0, 1))
    if first == second:
        return first, "exact"
    matches = [instant for instant in sorted((first, second)) if wall(instant, zone) == naive]
    if not matches:
        return _end_of_gap(naive, zone, min(first, second), max(first, second)), "gap"
    return matches[0], "fold" if len(matches) > 1 else "exact"


def wall(instant: int, zone: ZoneInfo) -> datetime:
    """Return what clocks in `zone` show at `instant` (microseconds), without a zone."""
    return from_instant(instant).astimezone(zone).replace(tzinfo=None, fold=0)


def _closest_zone(name: str) -> str:
    known = sorted(available_timezones() - set(_NOT_CIVIL))
    respelled = next((each for each in known if each.lower() == name.lower()), name)
    return did_you_mean(respelled, known) or '; write one like "Europe/Berlin"'


def _offset(naive: datetime, zone: ZoneInfo, fold: int) -> int:
    offset = naive.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta()
    return offset // _MICROSECOND


def _end_of_gap(naive: datetime, zone: ZoneInfo, before: int, after: int) -> int:
    """Halve the span between an instant that shows too little and one that shows too much."""
    low, high = before // SECOND, -(-after // SECOND)  # zones change on whole seconds
    while high - low > 1:
        middle = (low + high) // 2
        if wall(middle * SECOND, zone) < naive:
            low = middle
        else:
            high = middle
    return high * SECOND
