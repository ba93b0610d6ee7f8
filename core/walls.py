"""Where daylight saving meets a rule written in wall time: what is skipped, what comes twice.

A rule such as cron knows walls only: "the next time the clock shows 02:30". This module turns
its answers into instants, around the moments at which clocks change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from .clock import HOUR, SECOND, to_instant
from .offsets import stretch_at
from .zones import wall

LARGEST_CHANGE = 3 * HOUR
"""A larger step of the clock is not daylight saving but a new calendar: it is followed as it is."""

_MOST_GAPS = 32
"""Skipped times in a row after which a rule is given up: its time is skipped every year."""

_TICK = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the wall's own epoch has no zone

NextWall = Callable[[datetime], datetime | None]
"""The first matching wall time, on a whole second, strictly later than the given one."""


@dataclass(frozen=True, slots=True)
class Habit:
    """What a rule does when clocks change.

    Attributes:
        moves: whether a skipped time runs when the gap ends, or not at all.
        repeats: whether a time shown twice runs both times, or only the first.
    """

    moves: bool
    repeats: bool


def next_on_wall(next_wall: NextWall, where: ZoneInfo, habit: Habit, after: int) -> int | None:
    """Return the first instant strictly later than `after` at which the rule fires.

    Args:
        next_wall: the rule.
        where: the zone of the walls.
        habit: what happens when clocks change.
        after: microseconds.
    """
    near = _nearby(next_wall, where, after)
    if near is not None:
        return near
    here = wall(after, where)
    first, second = _showings(here, where)
    if first < second:
        here = _start_in_fold(next_wall, where, habit, after, here)
    for _ in range(_MOST_GAPS):
        shown = next_wall(here)
        if shown is None:
            return None
        first, second = _showings(shown, where)
        if first > second:
            change = _change(where, second, first)
            if habit.moves and first - second <= LARGEST_CHANGE:
                return change
            here = wall(change, where) - _TICK
        elif first > after:
            return first
        elif second > after:
            return second
        else:
            here = shown
    return None


def _nearby(next_wall: NextWall, where: ZoneInfo, after: int) -> int | None:
    """The same in a fraction of the time, None where a change of the clock may have a say."""
    second = after // SECOND
    stretch = stretch_at(where, second)
    if second < stretch.start + LARGEST_CHANGE // SECOND:
        return None
    shown = next_wall(_EPOCH + timedelta(seconds=second + stretch.ahead))
    if shown is None:
        return None
    since = shown - _EPOCH
    found = since.days * 86_400 + since.seconds - stretch.ahead
    return found * SECOND if found < stretch.end else None


def note_on_wall(next_wall: NextWall, where: ZoneInfo, habit: Habit, instant: int) -> str | None:
    """Say what clocks did to the occurrence at `instant`, None for a usual one.

    Args:
        next_wall: the rule.
        where: the zone of the walls.
        habit: what happens when clocks change.
        instant: microseconds, one at which the rule fires.
    """
    shown, before = wall(instant, where), wall(instant - SECOND, where)
    skipped = next_wall(before) if habit.moves and shown - before > _TICK else None
    if skipped is None or skipped >= shown:
        return fold_note(where, instant)
    missing = clock_text(skipped)
    if next_wall(shown - _TICK) == shown:
        return f"also for {missing}, which does not exist on that day"
    return f"moved: {missing} does not exist on that day"


def fold_note(where: ZoneInfo, instant: int) -> str | None:
    """Say which one it is when clocks show the time at `instant` twice, such as "first of two"."""
    shown = wall(instant, where)
    first, second = _showings(shown, where)
    if first >= second:
        return None
    return f"{'first' if instant == first else 'second'} of two {clock_text(shown)}"


def clock_text(shown: datetime) -> str:
    """The time of day, with seconds if there are any."""
    return f"{shown:%H:%M:%S}" if shown.second else f"{shown:%H:%M}"


def _start_in_fold(
    next_wall: NextWall, where: ZoneInfo, habit: Habit, after: int, here: datetime
) -> datetime:
    """Return the wall time to search from, `here` being one that is shown twice."""
    first, second = _showings(here, where)
    change = _change(where, first, second)
    repeats = habit.repeats or second - first > LARGEST_CHANGE
    end = wall(change, where) + timedelta(microseconds=second - first)
    if after >= change:
        return here if repeats else end - _TICK
    if not repeats:
        return here
    shown = next_wall(here)
    return here if shown is not None and shown < end else wall(change, where) - _TICK


def _showings(shown: datetime, where: ZoneInfo) -> tuple[int, int]:
    """The instants of a wall time before and after a change of the clock, else twice the same.

    The first is the earlier one when the time comes twice, and the later one when it is skipped.
    """
    aware = shown.replace(tzinfo=where, fold=0)
    return to_instant(aware), to_instant(aware.replace(fold=1))


def _change(where: ZoneInfo, before: int, after: int) -> int:
    """The instant at which the clock is changed: later than `before`, `after` at the latest."""
    low, high = before // SECOND, -(-after // SECOND)  # clocks change on whole seconds
    start, shown = low, wall(low * SECOND, where)
    while high - low > 1:
        middle = (low + high) // 2
        if wall(middle * SECOND, where) - shown == timedelta(seconds=middle - start):
            low = middle
        else:
            high = middle
    return high * SECOND
