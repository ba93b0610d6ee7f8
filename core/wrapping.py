"""The schedules behind `between`, `jittered` and `|`, from what people write."""

from datetime import datetime, timedelta

from .compound import Bounded, Union
from .durations import parse_duration
from .errors import InvalidSchedule
from .jittered import Jittered
from .rule import Schedule, instant_of


def between(inner: Schedule, start: datetime | str | None, end: datetime | str | None) -> Bounded:
    """Bound a schedule; see `Schedule.between`."""
    return Bounded(inner, _bound(start, "the start"), _bound(end, "the end"))


def jittered(inner: Schedule, spread: str | float | timedelta, seed: str | int) -> Jittered:
    """Delay a schedule; see `Schedule.jittered`."""
    return Jittered(inner, parse_duration(spread), seed)


def union(first: Schedule, second: Schedule) -> Union:
    """Join two schedules; one that is joined already takes the other in."""
    parts = [
        part
        for each in (first, second)
        for part in (each.parts if isinstance(each, Union) else (each,))
    ]
    return Union(tuple(dict.fromkeys(parts)))


def _bound(moment: datetime | str | None, what: str) -> int | None:
    if moment is None:
        return None
    if not isinstance(moment, str):
        return instant_of(moment, what)
    try:
        return instant_of(datetime.fromisoformat(moment.strip().upper()), what)
    except (ValueError, OverflowError):
        example = "2026-12-24T18:00:00+01:00"
        raise InvalidSchedule(
            f"{what} is no date and time: {moment!r:.100}; write {example}"
        ) from None
