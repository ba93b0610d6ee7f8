"""How often rules written in wall time fire, counted and not walked, exact at every clock change.

Between two changes of the clock a wall is UTC and an offset, so that times on it are counted by
the calendar. What a change adds or takes away is counted apart, by the rules in `walls.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from .clock import SECOND
from .offsets import Change, changes, offset
from .rule import FIRST_INSTANT, LAST_INSTANT
from .walls import LARGEST_CHANGE, Habit
from .walltimes import WallTimes, count_walls

_LARGEST = LARGEST_CHANGE // SECOND


@dataclass(frozen=True, slots=True)
class WallRule:
    """Times on the wall, and what happens to them when clocks change."""

    times: WallTimes
    habit: Habit


def count_on_wall(rules: Sequence[WallRule], where: ZoneInfo, after: int, until: int) -> int:
    """How many instants in (after, until] fire by at least one of the rules.

    Args:
        rules: the rules.
        where: the zone of their walls.
        after: microseconds.
        until: microseconds.
    """
    start = max(after, FIRST_INSTANT) // SECOND + 1
    end = min(until, LAST_INSTANT) // SECOND + 1
    total, at, ahead = 0, start - _LARGEST, offset(start - _LARGEST, where)
    for change in changes(where, start - _LARGEST, end):
        total += _shown(rules, max(at, start), change.at, ahead)
        total += _moved(rules, change) if change.at >= start else 0
        at, ahead = change.at, change.after
        repeated = change.before - change.after
        if 0 < repeated <= _LARGEST:
            at += repeated
            again = [rule for rule in rules if rule.habit.repeats]
            total += _shown(again, max(change.at, start), min(at, end), ahead)
    return total + _shown(rules, max(at, start), end, ahead)


def _shown(rules: Sequence[WallRule], start: int, end: int, ahead: int) -> int:
    """How often they fire in [start, end) in UTC, where the wall is always so far ahead."""
    if start >= end or not rules:
        return 0
    return count_walls([rule.times for rule in rules], start + ahead, end + ahead)


def _moved(rules: Sequence[WallRule], change: Change) -> int:
    """1 if skipped times make the end of a gap fire that would not fire by itself."""
    skipped = change.at + change.before, change.at + change.after
    if not 0 < skipped[1] - skipped[0] <= _LARGEST:
        return 0
    moving = [rule.times for rule in rules if rule.habit.moves]
    if not moving or not count_walls(moving, *skipped):
        return 0
    return 0 if count_walls([r.times for r in rules], skipped[1], skipped[1] + 1) else 1
