"""Durations as people write them: "5m", "1h30m", "2 days" <-> microseconds.

A duration is elapsed time of a fixed length. Months and years have none: they belong to cron.
"""

import math
import re
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

from .clock import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND
from .errors import InvalidTime
from .hints import did_you_mean

WEEK = 7 * DAY
LONGEST = 36_525 * DAY
"""One hundred years."""

_LONGEST_TEXT = 100
_EXAMPLES = '"5m" or "1h30m"'
_SHORT = {
    "d": DAY,
    "h": HOUR,
    "m": MINUTE,
    "s": SECOND,
    "ms": MILLISECOND,
    "us": MICROSECOND,
}
_NAMES = {
    WEEK: ("w", "week", "weeks"),
    DAY: ("d", "day", "days"),
    HOUR: ("h", "hr", "hrs", "hour", "hours"),
    MINUTE: ("m", "min", "mins", "minute", "minutes"),
    SECOND: ("s", "sec", "secs", "second", "seconds"),
    MILLISECOND: ("ms", "millisecond", "milliseconds"),
    MICROSECOND: ("us", "microsecond", "microseconds"),
}
_UNITS = {name: size for size, names in _NAMES.items() for name in names}
_CALENDAR = frozenset({"mo", "month", "months", "y", "yr", "yrs", "year", "years"})
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")


def parse_duration(value: str | float | timedelta) -> int:
    """Turn a duration into microseconds.

    Args:
        value: text with units, the largest first ("5m", "90s", "1h30m", "1.5h", "5 minutes",
            "250ms"), a number of seconds, or a `timedelta`. At most 100 years.

    Returns:
        Microseconds, 0 or more.

    Raises:
        InvalidTime: it is not clear, negative, or has no fixed length.
    """
    if isinstance(value, str):
        return _within_bounds(value, _parse_text(value))
    if isinstance(value, timedelta):
        return _within_bounds(value, value // timedelta(microseconds=1))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refusal(type(value), "is not text, a number or a timedelta")
    if not abs(value) < math.inf:  # NaN is not smaller either
        raise _refusal(value, "is not a length of time")
    return _within_bounds(value, round(Fraction(value) * SECOND) if value >= 0 else -1)


def format_duration(us: int) -> str:
    """Write microseconds in few units, the largest first; `parse_duration` reads them back.

    Args:
        us: microseconds, 0 or more.

    Returns:
        Such as "1h30m", "250ms", "2w" or "0s".

    Raises:
        ValueError: `us` is negative.
    """
    if us < 0:
        raise ValueError(f"a duration cannot be negative: {us} microseconds")
    if us and us % WEEK == 0:
        return f"{us // WEEK}w"
    parts = []
    for unit, size in _SHORT.items():
        count, us = divmod(us, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _parse_text(text: str) -> int:
    total = Fraction(0)
    smallest: int | None = None
    for number, unit in _parts(text):
        size = _size(text, number, unit)
        if smallest is not None and size >= smallest:
            raise _refusal(text, "must name each unit once, the largest first")
        smallest = size
        total += Fraction(number) * size
    if total.denominator != 1:
        raise _refusal(text, "is finer than a microsecond")
    return int(total)


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Split "1h 30 minutes" into ("1", "h") and ("30", "minutes")."""
    bare = text.strip()
    if not bare:
        raise _refusal(text, "is empty")
    if len(bare) > _LONGEST_TEXT:
        raise _refusal(text, "is too long")
    if bare.startswith("-"):
        raise _refusal(text, "is negative")
    position = 0
    while position < len(bare):
        part = _PART.match(bare, position)
        if part is None:
            raise _refusal(text, "is not a number with a unit")
        yield part[1], part[2]
        position = part.end()


def _size(text: str, number: str, unit: str) -> int:
    """Return the microseconds in one `unit`, or say what is wrong with it."""
    name = unit.lower()
    if not unit:
        raise _refusal(text, f"has no unit after {number}", f'"{number}s" or "{number}m"')
    if name in _CALENDAR:
        reason = "has no fixed length: months and years differ"
        raise _refusal(text, reason, '"30d" or "52w", or use cron for dates of the calendar')
    if unit == "M":
        raise _refusal(text, "may mean minutes or months", f'"{number}m" for minutes, or "30d"')
    if name not in _UNITS:
        examples = f"{_EXAMPLES}{did_you_mean(name, _UNITS)}"
        raise _refusal(text, f"has an unknown unit {unit!r}", examples)
    return _UNITS[name]


def _within_bounds(value: object, us: int) -> int:
    if us < 0:
        raise _refusal(value, "is negative")
    if us > LONGEST:
        raise _refusal(value, "is longer than 100 years")
    return us


def _refusal(value: object, reason: str, examples: str = _EXAMPLES) -> InvalidTime:
    huge = isinstance(value, int) and abs(value) > LONGEST
    shown = "of a huge number of seconds" if huge else repr(value)
    if len(shown) > 60:
        shown = f"{shown[:57]}..."
    return InvalidTime(f"the duration {shown} {reason}; write {examples}", reason=reason)
