"""Moments for people: in one zone, which is named once, and as a distance from now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from ..core.clock import DAY, HOUR, MINUTE, SECOND, from_instant, to_instant
from ..core.zones import zone

_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))
_MANY = 10
"""From so many of a unit on, the next smaller one tells nobody anything."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Writes moments as they are seen at one time in one zone.

    Attributes:
        now: the present, in microseconds.
        tz: IANA name of the zone.
    """

    now: int
    tz: str

    def exact(self, moment: datetime | None) -> str:
        """Such as "Mon 2026-11-23 08:50:00"."""
        if moment is None:
            return "-"
        return f"{moment.astimezone(zone(self.tz)):%a} {self.dated(moment)}"

    def dated(self, moment: datetime) -> str:
        """Such as "2026-11-23 08:50:00", for columns of them."""
        return f"{moment.astimezone(zone(self.tz)):%Y-%m-%d %H:%M:%S}"

    def brief(self, moment: datetime | None) -> str:
        """Such as "08:50:00" today, "Mon 08:50" this week, else "2026-12-24"."""
        if moment is None:
            return "-"
        here = zone(self.tz)
        shown, today = moment.astimezone(here), from_instant(self.now).astimezone(here)
        days = (shown.date() - today.date()).days
        if days == 0:
            return f"{shown:%H:%M:%S}"
        return f"{shown:%a %H:%M}" if 0 < days < 7 else f"{shown:%Y-%m-%d}"

    def distance(self, moment: datetime) -> str:
        """Such as "in 5m", "3h ago" or "now"."""
        away = to_instant(moment) - self.now
        length = _length(abs(away))
        if length == "0s":
            return "now"
        return f"in {length}" if away > 0 else f"{length} ago"

    def ahead(self, moment: datetime | None) -> str:
        """A brief planned moment with its distance: "Mon 08:50, in 2d"."""
        if moment is None:
            return "-"
        away = self.distance(moment)
        late = away.endswith(" ago")
        return f"{self.brief(moment)}, " + (
            f"overdue {away.removesuffix(' ago')}" if late else away
        )

    def full(self, moment: datetime | None) -> str:
        """An exact moment with its distance: "Mon 2026-11-23 08:50:00 (in 2d)"."""
        return "-" if moment is None else f"{self.exact(moment)} ({self.distance(moment)})"

    def noted(self, moment: datetime, note: str | None) -> str:
        """A full moment, and what is odd about it."""
        return self.full(moment) + (f"  {note}" if note else "")


def _length(us: int) -> str:
    """The length in one unit, or in two when there is little of the larger one: "3d", "1h30m"."""
    us = round(us / SECOND) * SECOND
    for (size, unit), (smaller, small) in pairwise(_UNITS):
        if us >= size:
            large, rest = divmod(round(us / smaller), size // smaller)
            return f"{large}{unit}{rest}{small}" if rest and large < _MANY else f"{large}{unit}"
    return f"{us // SECOND}s"


def brief_length(length: timedelta | None) -> str:
    """How long something took: "0.24 s", "12 s", "3m", or "-"."""
    if length is None:
        return "-"
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 10:
        return f"{seconds:.2f}s"
    return _length(round(seconds * SECOND))
