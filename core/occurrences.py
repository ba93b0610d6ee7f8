"""Which planned instants have come, in bounded time however long nobody looked."""

from dataclasses import dataclass

from msgspec import Struct

from .schedule import Schedule
from .state import TaskState

MOST_LISTED = 1_000
"""Occurrences of one downtime that are looked at one by one; of more, the latest ones are."""

MOST_REMEMBERED = 100
"""Instants of one downtime that the run that stands for them is told of: the latest ones."""

BEFORE_ALL_TIME = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Passed:
    """Occurrences in a row that are too many to be listed.

    Attributes:
        first: the first of them.
        until: the last of them.
        count: how many they are.
        exact: whether that is all; else there are more, between the same ends.
    """

    first: int
    until: int
    count: int
    exact: bool


class Due(Struct, frozen=True):
    """The occurrences that have come.

    Attributes:
        instants: all of them in order, or as many of the latest as were wanted.
        passed: those before, None when there are none.
        next_at: the first one that has not come yet.
    """

    instants: list[int]
    passed: Passed | None
    next_at: int | None


def first_occurrence(schedule: Schedule, now: int, planned_until: int | None = None) -> int | None:
    """When a new or changed task first runs.

    A single instant in the past is due at once, not lost. Nothing up to `planned_until` is ever
    planned again: a recurring rule goes on after it, a single instant comes right after it.
    """
    past = BEFORE_ALL_TIME if planned_until is None else planned_until
    if schedule.recurring:
        return schedule.next_instant(max(now, past))
    only = schedule.next_instant(BEFORE_ALL_TIME)
    return only if only is None or only > past else max(now, past + 1)


def due_occurrences(
    schedule: Schedule, next_at: int, now: int, wanted: int = MOST_REMEMBERED
) -> Due:
    """List what has come between `next_at` and `now`, both included, in bounded time.

    Args:
        schedule: the rule.
        next_at: its first occurrence that was not looked at yet.
        now: the present instant.
        wanted: how many of the latest are listed at least, if there are so many.
    """
    following = schedule.next_instant(next_at)
    if following is None or following > now:
        return Due([next_at], None, following)
    later = schedule.count(next_at, now)
    wanted = max(wanted, MOST_REMEMBERED)
    if later.exact and later.number < max(MOST_LISTED, wanted + 2):
        instants = [next_at, *_walk(schedule, following, now)]
        return Due(instants, None, schedule.next_instant(instants[-1]))
    until, *latest = _latest(schedule, next_at, now, wanted + 1)
    passed = part(schedule, next_at, until)
    return Due(latest, passed, schedule.next_instant(latest[-1]))


def part(schedule: Schedule, first: int, until: int) -> Passed:
    """The row of occurrences from one to another, both included."""
    later = schedule.count(first, until)
    return Passed(first, until, 1 + later.number, later.exact)


def last_before(schedule: Schedule, first: int, end: int) -> int:
    """The last occurrence from `first`, which is one, to before `end`; found by halving."""
    late = end - 1  # there is none after it and before the end
    while first < late:
        middle = (first + late + 1) // 2
        found = schedule.next_instant(middle - 1)
        if found is not None and found < end:
            first = found
        else:
            late = middle - 1
    return first


def _latest(schedule: Schedule, after: int, now: int, wanted: int) -> list[int]:
    """The last `wanted` occurrences in (after, now], which has as many; found by halving."""
    enough, late = wanted + wanted // 8, now
    while late - after > 1:
        middle = (after + late) // 2
        found = schedule.count(middle, now)
        if found.exact and found.number < wanted:
            late = middle
            continue
        after = middle
        if found.exact and found.number <= enough:
            break
    following = schedule.next_instant(after)
    return [] if following is None else _walk(schedule, following, now)[-wanted:]


def _walk(schedule: Schedule, at: int | None, now: int) -> list[int]:
    """The occurrences from `at`, which is one, to `now`."""
    found: list[int] = []
    while at is not None and at <= now:
        found.append(at)
        at = schedule.next_instant(at)
    return found


def room_left(task: TaskState) -> int | None:
    """How many more occurrences `max_runs` allows, None for no limit."""
    limit = task.policy.max_runs
    if limit is None:
        return None
    planned = sum(1 for r in task.runs.values() if r.planned)
    return max(0, limit - task.run_count - planned)
