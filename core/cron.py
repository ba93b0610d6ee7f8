"""Cron: croniter reads the expression, our rules decide about days, and about clock changes."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, Literal, get_args
from zoneinfo import ZoneInfo

from .crondays import CronDays
from .cronfields import read_fields, refuse
from .errors import InvalidSchedule
from .hints import did_you_mean
from .rule import FIRST_INSTANT, LAST_INSTANT, Count, Schedule, checked_zone
from .wallcount import WallRule, count_on_wall
from .walls import Habit, next_on_wall, note_on_wall
from .walltimes import WallTimes
from .zones import zone

Dst = Literal["debian", "skip", "both"]

_FOLLOWS_THE_WALL = Habit(moves=False, repeats=True)
_FIXED: dict[str, Habit] = {
    "debian": Habit(moves=True, repeats=False),
    "skip": Habit(moves=False, repeats=False),
    "both": Habit(moves=True, repeats=True),
}
_ANY = -1
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
        _parse(self.expr)

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
        return next_on_wall(_parse(self.expr).times.next, self.zone, self.habit, start)

    def count(self, after: int, until: int) -> Count:
        """Counted by the calendar, exact also where clocks change."""
        return Count(count_on_wall([self.wall_rule], self.zone, after, until))

    def note_at(self, instant: int) -> str | None:
        """Such as "moved: 02:30 does not exist on that day" or "first of two 02:30"."""
        return note_on_wall(_parse(self.expr).times.next, self.zone, self.habit, instant)

    @property
    def follows_clock(self) -> bool:
        """A task whose minute or hour starts with `*` does, as in Debian's cron."""
        return _parse(self.expr).wildcard

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
    def zone(self) -> ZoneInfo:
        """Where its walls are."""
        return zone(self.tz or "UTC")

    @property
    def habit(self) -> Habit:
        """What it does when clocks change."""
        return _FOLLOWS_THE_WALL if self.follows_clock else _FIXED[self.dst]

    @property
    def wall_rule(self) -> WallRule:
        """What it says about walls, wherever they are."""
        return WallRule(_parse(self.expr).times, self.habit)

    def to_dict(self) -> dict[str, Any]:
        """`{"kind": "cron", "expr": text, "tz": zone, "dst": rule}`."""
        dst = None if self.dst == "debian" else self.dst
        return self._with_kind(expr=self.expr, tz=self.tz, dst=dst)

    def describe(self) -> str:
        """Such as "cron 0 9 * * 1-5 (Europe/Berlin)"."""
        return f"cron {' '.join(self.expr.split())}" + (f" ({self.tz})" if self.tz else "")


@dataclass(frozen=True, slots=True)
class _Parsed:
    """An expression, read once and shared.

    Attributes:
        times: when it fires on the wall.
        wildcard: whether its minute or hour starts with `*`.
    """

    times: WallTimes
    wildcard: bool


@lru_cache(maxsize=1024)
def _parse(expr: str) -> _Parsed:
    from croniter import croniter  # noqa: PLC0415 - a program without cron does not wait for it

    fields = read_fields(expr)
    minute, hour, day, _, weekday = fields[-5:]
    read: Any = croniter(" ".join(fields), _SOME_DAY, second_at_beginning=True)
    minutes, hours, days, months, weekdays, *seconds = read.expanded
    starred = day.startswith("*") or weekday.startswith("*")
    times = WallTimes(
        CronDays(
            months=frozenset(_values(months, 1, 12)),
            of_month=frozenset(_values(days, 1, 31)),
            of_week=frozenset(number % 7 for number in _values(weekdays, 0, 6)),
            either=not starred,  # a day field that starts with "*" joins by AND, as in Debian
            nth={d: [*map(_number, nth)] for d, nth in read.nth_weekday_of_month.items()},
            nearest=frozenset(read.nearest_weekday),
        ),
        hours=_values(hours, 0, 23),
        minutes=_values(minutes, 0, 59),
        seconds=_values(seconds[0], 0, 59) if seconds else (0,),
    )
    if times.next(_SOME_DAY) is None:
        raise refuse(
            expr, "day-of-month", len(fields) - 3, "never comes in the months that are given"
        )
    return _Parsed(times, minute.startswith("*") or hour.startswith("*"))


def _values(read: Iterable[int | str], low: int, high: int) -> tuple[int, ...]:
    """The numbers that a field stands for."""
    found = set(map(_number, read))
    return tuple(range(low, high + 1)) if _ANY in found else tuple(sorted(found))


def _number(read: int | str) -> int:
    """One of croniter's values: a number, "*" for any, "l" for the last one."""
    if read == "*":
        return _ANY
    return 0 if read == "l" else int(read)
