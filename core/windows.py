"""Execution windows: "mon-fri 09:00-17:00" -> when a run may start.

A window opens once on each of its days and belongs to the day on which it opens, also when it
closes after midnight. Where clocks change, the one rule for walls holds: a time that is skipped
means the end of the gap, a time that comes twice means its first coming.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from .clock import HOUR, MINUTE
from .errors import InvalidTask
from .hints import did_you_mean
from .zones import resolve_wall, wall, zone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_HOURS = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")
_EXAMPLES = 'write "mon-fri 09:00-17:00", "22:00-06:00" or "sat,sun"'
_WHOLE_DAY = (0, 24 * HOUR)
_LONGEST_SEARCH = 22
"""Days: a weekly window whose hours a change of the clock swallows opens a week later."""


@dataclass(frozen=True, slots=True)
class Window:
    """One window on the wall.

    Attributes:
        days: 0 for Monday to 6 for Sunday: when it opens.
        opens: microseconds after midnight.
        closes: microseconds after the same midnight; beyond 24 hours when it closes the day after.
    """

    days: frozenset[int]
    opens: int
    closes: int

    def on(self, day: date, where: ZoneInfo) -> tuple[int, int] | None:
        """The instants at which it opens and closes on a day, None when it stays closed."""
        if day.weekday() not in self.days:
            return None
        midnight = datetime.combine(day, time())
        start, end = (
            resolve_wall(midnight + timedelta(microseconds=us), where)[0]
            for us in (self.opens, self.closes)
        )
        return (start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class Windows:
    """When runs of a task may start.

    Attributes:
        texts: the windows as they were written; none at all is always open.
        timezone: IANA name of the zone of their walls.
    """

    texts: tuple[str, ...]
    timezone: str

    def __str__(self) -> str:
        """Such as "mon-fri 09:00-17:00, sat 10:00-12:00 Europe/Berlin"."""
        return f"{', '.join(self.texts)} {self.timezone}"

    def is_open(self, at: int) -> bool:
        """Whether a run may start at this instant."""
        return self.opening(at) == at

    def opening(self, at: int) -> int | None:
        """The first instant from `at` on at which a run may start; None when there is none."""
        if not self.texts:
            return at
        where = zone(self.timezone)
        windows = [parse_window(text) for text in self.texts]
        first = wall(at, where).date() - timedelta(days=2)
        for number in range(_LONGEST_SEARCH):
            day = first + timedelta(days=number)
            spans = [span for window in windows if (span := window.on(day, where))]
            found = [max(start, at) for start, end in spans if end > at]
            if found:
                return min(found)
        return None


@lru_cache(maxsize=1024)
def parse_window(text: str) -> Window:
    """The window behind its text.

    Args:
        text: days, hours or both: "mon-fri 09:00-17:00", "daily 22:00-06:00", "sat,sun". Hours
            that end before they begin end the day after.

    Raises:
        InvalidTask: it is not understood.
    """
    if not isinstance(text, str):
        raise InvalidTask(f"a window is a text, not {text!r}: {_EXAMPLES}")
    words = text.strip().lower()
    found = _HOURS.search(words)
    days = words[: found.start()] if found else words
    if not words or (found and words[found.end() :].strip()):
        raise InvalidTask(f"the window {text!r:.60} is not understood: {_EXAMPLES}")
    opens, closes = _hours(found, text) if found else _WHOLE_DAY
    return Window(_days(days.strip(), text), opens, closes)


def _hours(found: re.Match[str], text: str) -> tuple[int, int]:
    hours = [int(part) for part in found.groups()]
    opens, closes = (h * HOUR + m * MINUTE for h, m in (hours[:2], hours[2:]))
    if max(hours[1], hours[3]) > 59 or opens >= 24 * HOUR or closes > 24 * HOUR:
        raise InvalidTask(f"the window {text!r:.60} names a time that no clock shows")
    if opens == closes:
        raise InvalidTask(
            f"the window {text!r:.60} ends as it begins: leave the hours out for a whole day"
        )
    return opens, closes if closes > opens else closes + 24 * HOUR


def _days(words: str, text: str) -> frozenset[int]:
    if words in {"", "daily"}:
        return frozenset(range(7))
    days: set[int] = set()
    for part in words.split(","):
        first, dash, last = (name.strip() for name in part.partition("-"))
        start = _day(first, text)
        end = _day(last, text) if dash else start
        days.update((start + n) % 7 for n in range((end - start) % 7 + 1))
    return frozenset(days)


def _day(name: str, text: str) -> int:
    short = name[:3]
    if short not in DAYS or not _LONG_NAMES[short].startswith(name):
        hint = did_you_mean(name, [*DAYS, *_LONG_NAMES.values()])
        raise InvalidTask(f"the window {text!r:.60} has no day {name!r}{hint}; {_EXAMPLES}")
    return DAYS.index(short)


_LONG_NAMES = {
    name[:3]: name
    for name in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}
