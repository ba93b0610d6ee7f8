"""When the clocks of a zone are changed, and by how much. All in whole seconds."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from .clock import SECOND
from .rule import FIRST_INSTANT, LAST_INSTANT

_FIRST, _LAST = FIRST_INSTANT // SECOND, LAST_INSTANT // SECOND
_STEP = 2 * 86_400
"""No zone's clock was ever changed twice in so short a time: four days at least lie between."""

_FARTHEST = 2 * 86_400
"""No wall is farther from UTC."""

_SEASON = 128 * _STEP


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the clock.

    Attributes:
        at: the first second of the new time.
        before: seconds that the wall was ahead of UTC until then.
        after: seconds that it is ahead from then on.
    """

    at: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time without a change of the clock.

    Attributes:
        start: its first second.
        end: the first second after it.
        ahead: seconds that the wall is ahead of UTC.
    """

    start: int
    end: int
    ahead: int


def offset(at: int, where: ZoneInfo) -> int:
    """Seconds that the wall is ahead of UTC."""
    delta = datetime.fromtimestamp(min(max(at, _FIRST), _LAST), where).utcoffset()
    return 0 if delta is None else delta.days * 86_400 + delta.seconds


def stretch_at(where: ZoneInfo, at: int) -> Stretch:
    """A stretch around a second; it may end before the clock is changed."""
    season = _season(where, at // _SEASON)
    return season[bisect_right(season, at, key=_start) - 1]


def stretches(where: ZoneInfo, start: int, end: int) -> list[Stretch]:
    """All stretches that overlap [start, end), in order."""
    return [
        stretch
        for number in range(start // _SEASON, -(-end // _SEASON))
        for stretch in _season(where, number)
        if stretch.start < end and start < stretch.end
    ]


def changes(where: ZoneInfo, start: int, end: int) -> list[Change]:
    """The changes of a zone's clock in [start, end), in order."""
    return [
        Change(later.start, earlier.ahead, later.ahead)
        for earlier, later in pairwise(stretches(where, start - 1, end))
        if earlier.ahead != later.ahead and start <= later.start
    ]


def shown_between(where: ZoneInfo, start: int, end: int) -> list[tuple[int, int]]:
    """The seconds in UTC, as half-open spans, in which clocks show [start, end).

    Args:
        where: the zone.
        start: a second on the wall, counted from 1970 there.
        end: another.
    """
    spans = [
        (max(each.start, start - each.ahead), min(each.end, end - each.ahead))
        for each in stretches(where, start - _FARTHEST, end + _FARTHEST)
    ]
    return [span for span in spans if span[0] < span[1]]


def _start(stretch: Stretch) -> int:
    return stretch.start


@lru_cache(maxsize=8_192)
def _season(where: ZoneInfo, number: int) -> list[Stretch]:
    """The stretches of some months: remembered, for the look at each day takes a while."""
    start, end = number * _SEASON, (number + 1) * _SEASON
    found: list[Stretch] = []
    ahead = offset(start, where)
    for low in range(start, end, _STEP):
        following = offset(low + _STEP, where)
        if following != ahead:
            change = _moment(where, low, low + _STEP, ahead)
            found.append(Stretch(start, change, ahead))
            start, ahead = change, following
    if start < end:
        found.append(Stretch(start, end, ahead))
    return found


def _moment(where: ZoneInfo, low: int, high: int, before: int) -> int:
    """The first second in (low, high] with another offset than `before`, by halving."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(middle, where) == before else (low, middle)
    return high
