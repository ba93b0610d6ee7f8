"""Cron: croniter walks the wall clock, our rules decide about days, and about clock changes."""

import copy
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, Literal, get_args

from .cronfields import read_fields, refuse
from .errors import InvalidSchedule
from .hints import did_you_mean
from .rule import FIRST_INSTANT, LAST_INSTANT, Schedule, checked_zone
from .walls import Habit, next_on_wall, note_on_wall
from .zones import zone

Dst = Literal["debian", "skip", "both"]

_FOLLOWS_THE_WALL = Habit(moves=False, repeats=True)
_FIXED: dict[str, Habit] = {
    "debian": Habit(moves=True, repeats=False),
    "skip": Habit(moves=False, repeats=False),
    "both": Habit(moves=True, repeats=True),
}
_SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall has no zone


@dataclass(frozen=True, slots=True)
class Cron(Schedule):
    """A cron expression in a time zone, with the rules of Debian's cron.

    Day-of-month and day-of-week, when neither starts with `*`, are alternatives; otherwise both
    must match. A task whose minute or hour starts with `*` follows the clock on the wall: skipped
    times do not run, and times shown twice run twice. Any other task is fixed: `dst` rules.

    Attributes:
        expr: 5 fields (minute hour day-of-month month day-of-week), 6 with seconds first, or a
            nickname such as "@daily".
        tz: the zone, None for the app's zone (UTC while not bound).
        dst: for fixed tasks. "debian": a skipped time runs when the gap ends, a time that comes
            twice runs the first time. "skip": a skipped time does not run. "both": a time that
            comes twice runs twice.
    """

    kind: ClassVar[str] = "cron"

    expr: str
    tz: str | None = None
    dst: Dst = "debian"

    def __post_init__(self) -> None:
        """Refuse what cannot be read or can never fire."""
        if self.dst not in get_args(Dst):
            choices = ", ".join(get_args(Dst))
            hint = did_you_mean(self.dst, get_args(Dst))
            raise InvalidSchedule(f"dst must be one of {choices}, not {self.dst!r}{hint}")
        checked_zone(self.tz)
        if not isinstance(self.expr, str):
            raise InvalidSchedule(f"a cron expression must be text, not {self.expr!r}")
        _walker(self.expr)

    @property
    def recurring(self) -> bool:
        """Always."""
        return True

    @property
    def timezone(self) -> str | None:
        """Its own zone."""
        return self.tz

    def next_instant(self, after: int) -> int | None:
        """The first instant after `after` at which the clock in the zone matches."""
        if after >= LAST_INSTANT:
            return None
        start = max(after, FIRST_INSTANT)
        return next_on_wall(_walker(self.expr).next, zone(self.tz or "UTC"), self._habit, start)

    def note_at(self, instant: int) -> str | None:
        """Such as "moved: 02:30 does not exist on that day" or "first of two 02:30"."""
        return note_on_wall(_walker(self.expr).next, zone(self.tz or "UTC"), self._habit, instant)

    @property
    def follows_clock(self) -> bool:
        """A task whose minute or hour starts with `*` does, as in Debian's cron."""
        return _walker(self.expr).wildcard

    def bind(self, now: int, tz: str) -> "Cron":
        """Give it the zone `tz` if it has none.

        Raises:
            InvalidSchedule: the clock of the zone always skips the time that is given.
        """
        bound = self if self.tz is not None else replace(self, tz=tz)
        if bound.next_instant(now) is None:
            raise InvalidSchedule(f"cron expression {self.expr!r} never fires in {bound.tz}")
        return bound

    @property
    def _habit(self) -> Habit:
        return _FOLLOWS_THE_WALL if self.follows_clock else _FIXED[self.dst]

    def to_dict(self) -> dict[str, Any]:
        """`{"kind": "cron", "expr": text, "tz": zone, "dst": rule}`."""
        dst = None if self.dst == "debian" else self.dst
        return self._with_kind(expr=self.expr, tz=self.tz, dst=dst)

    def describe(self) -> str:
        """Such as "cron 0 9 * * 1-5 (Europe/Berlin)"."""
        return f"cron {' '.join(self.expr.split())}" + (f" ({self.tz})" if self.tz else "")


class _Walker:
    """One parsed expression, walking naive wall time. It is shared, so it keeps no position."""

    def __init__(self, expr: str) -> None:
        from croniter import croniter  # noqa: PLC0415 - a program without cron does not wait for it

        fields = read_fields(expr)
        minute, hour = fields[-5:-3]
        self.wildcard = minute.startswith("*") or hour.startswith("*")
        self._parsed = croniter(
            " ".join(fields),
            _SOME_DAY,
            ret_type=datetime,
            implement_cron_bug=True,  # a day field that starts with "*" joins by AND, as in Debian
            second_at_beginning=True,
        )
        if self.next(_SOME_DAY) is None:
            at = len(fields) - 3
            raise refuse(expr, "day-of-month", at, "never comes in the months that are given")

    def next(self, shown: datetime) -> datetime | None:
        """Return the first matching wall time later than `shown`, None if there is none."""
        walk = copy.copy(self._parsed)
        try:
            return walk.get_next(datetime, start_time=shown.replace(microsecond=0))
        except (ValueError, OverflowError):  # no such date, or none before the year 10000
            return None


@lru_cache(maxsize=1024)
def _walker(expr: str) -> _Walker:
    return _Walker(expr)
