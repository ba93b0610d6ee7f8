"""Which planned instants have come, in bounded time however long nobody looked."""

from dataclasses import dataclass

from .schedule import Schedule
from .state import TaskState

MOST_WALKED = 1_000
"""Occurrences of one downtime that are looked at one by one; the rest is counted as a range."""

MOST_REMEMBERED = 100
"""Instants of one downtime that the run that stands for them is told of: the latest ones."""

BEFORE_ALL_TIME = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Due:
    """The occurrences that have come.

    Attributes:
        instants: all of them in order, or the latest ones of a longer range: at least
            as many as were wanted, if there are so many.
        dropped: how many came before those, 0 for none; at least so many when the rule is one
            that can only be walked.
        first: the very first one.
        next_at: the first one that has not come yet.
    """

    instants: list[int]
    dropped: int
    first: int
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
        wanted: how many of the latest are listed at least.
    """
    first, instants, at = next_at, [next_at], schedule.next_instant(next_at)
    while at is not None and at <= now:
        if len(instants) >= MOST_WALKED:
            spacing = (at - first) // len(instants) + 1
            latest = _latest(schedule, at - 1, now, max(wanted, MOST_REMEMBERED), spacing)
            known = schedule.count(first, latest[0])
            dropped = len(instants) if known is None else known - 1
            return Due(latest, dropped, first, schedule.next_instant(now))
        instants.append(at)
        at = schedule.next_instant(at)
    return Due(instants, 0, first, at)


def _latest(schedule: Schedule, after: int, now: int, wanted: int, spacing: int) -> list[int]:
    """The last occurrences in (after, now]: so many or some more, if there are.

    Where they begin is guessed by how far apart the first ones were: each look at the rule costs,
    and there may be millions in between.
    """
    enough, crowded, scarce = 2 * wanted, after, now
    start = max(after, now - wanted * spacing * 3 // 2)
    while True:
        found = _walk(schedule, start, now, enough)
        if len(found) > enough:
            crowded = start
        elif len(found) < wanted and start > after:
            scarce = start
        else:
            return found
        if scarce - crowded <= 1:
            return _walk(schedule, crowded, now, enough)
        further = max(after, now - 3 * (now - scarce))
        start = further if crowded < further < scarce else (crowded + scarce) // 2


def _walk(schedule: Schedule, after: int, now: int, enough: int) -> list[int]:
    """The first occurrences in (after, now]: all of them, or one more than enough."""
    found: list[int] = []
    at = schedule.next_instant(after)
    while at is not None and at <= now and len(found) <= enough:
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
