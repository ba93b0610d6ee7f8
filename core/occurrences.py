"""Which planned instants are due, which of them run, and why the others do not."""

from collections.abc import Iterator
from dataclasses import dataclass

from . import events as e
from .clock import MINUTE
from .schedule import Schedule
from .state import TaskState

GRACE = MINUTE
"""How late an occurrence may be before `catch_up = "skip"` calls it missed."""

MOST_WALKED = 1_000
"""Occurrences of one downtime that are looked at one by one; the rest is counted as a range."""

MOST_CAUGHT_UP = 100
"""Occurrences of one downtime that `catch_up = "all"` runs: the latest ones."""

ENOUGH = 2 * MOST_CAUGHT_UP
"""Of a range that is not walked to its end, about so many of the latest are looked at."""

BEFORE_ALL_TIME = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Due:
    """The occurrences that have come.

    Attributes:
        instants: all of them in order, or the latest ones of a longer range: at least
            `MOST_CAUGHT_UP`, if there are so many.
        dropped: how many came before those (at least), 0 for none.
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


def due_occurrences(schedule: Schedule, next_at: int, now: int) -> Due:
    """List what has come between `next_at` and `now`, both included, in bounded time."""
    first, instants, at = next_at, [next_at], schedule.next_instant(next_at)
    while at is not None and at <= now:
        if len(instants) >= MOST_WALKED:
            latest = _latest(schedule, at - 1, now)
            return Due(latest, len(instants), first, schedule.next_instant(now))
        instants.append(at)
        at = schedule.next_instant(at)
    return Due(instants, 0, first, at)


def _latest(schedule: Schedule, after: int, now: int) -> list[int]:
    """The last occurrences in (after, now], by halving: some hundred, or all if there are fewer."""
    found, late = _walk(schedule, after, now), now
    while len(found) > ENOUGH and late - after > 1:
        middle = (after + late) // 2
        closer = _walk(schedule, middle, now)
        if len(closer) < MOST_CAUGHT_UP:
            late = middle
        else:
            after, found = middle, closer
    return found


def _walk(schedule: Schedule, after: int, now: int) -> list[int]:
    """The first occurrences in (after, now]: all of them, or one more than enough."""
    found: list[int] = []
    at = schedule.next_instant(after)
    while at is not None and at <= now and len(found) <= ENOUGH:
        found.append(at)
        at = schedule.next_instant(at)
    return found


def plan(task: TaskState, now: int, ids: Iterator[int]) -> list[e.Event]:
    """Turn what is due into runs and skips, each with its reason, by the task's policy."""
    if task.next_at is None or task.next_at > now:
        return []
    policy = task.policy
    due = due_occurrences(task.schedule, task.next_at, now)
    room = _room(task)
    next_at = due.next_at
    run, skipped, reason = _choose(due, policy.catch_up, now, recurring=task.schedule.recurring)
    if run and policy.overlap == "skip" and task.runs:
        skipped, run, reason = skipped + run, [], "overlap: the previous run is not finished"
    if room is not None and len(run) >= room:
        if room == 0:
            skipped, reason = skipped + run, "limit: max_runs is reached"
        run, next_at = run[:room], None
    events: list[e.Event] = []
    if skipped or due.dropped:
        over = next_at is None and not run and not task.runs
        events.append(
            e.OccurrenceSkipped(
                at=now, tenant=task.tenant, task_id=task.id, run_id=next(ids),
                due_at=(due.first if due.dropped else skipped[0]) + task.rewinds,
                until=(skipped[-1] if skipped else max(due.first, run[0] - 1)) + task.rewinds,
                count=len(skipped) + due.dropped,
                reason=reason, next_at=next_at, ends="completed" if over else None,
            )
        )  # fmt: skip
    missed = tuple(skipped[-MOST_CAUGHT_UP:]) if reason == "coalesced" else ()
    events.extend(
        e.RunPlanned(
            at=now, tenant=task.tenant, task_id=task.id, run_id=next(ids),
            due_at=instant + task.rewinds, ready_at=instant if task.rewinds else None,
            next_at=next_at, missed=missed,
        )
        for instant in run
    )  # fmt: skip
    return events


def _choose(
    due: Due, catch_up: str, now: int, *, recurring: bool
) -> tuple[list[int], list[int], str]:
    """Split the due instants into those that run and those that do not, with the reason."""
    instants = due.instants
    if not recurring:
        return instants, [], ""
    if catch_up == "all":
        return (
            instants[-MOST_CAUGHT_UP:],
            instants[:-MOST_CAUGHT_UP],
            "missed: too many to catch up",
        )
    if catch_up == "skip":
        fresh = [i for i in instants[-1:] if now - i <= GRACE]
        return fresh, instants[: len(instants) - len(fresh)], "missed"
    return instants[-1:], instants[:-1], "coalesced"


def _room(task: TaskState) -> int | None:
    """How many more occurrences `max_runs` allows, None for no limit."""
    limit = task.policy.max_runs
    if limit is None:
        return None
    planned = sum(1 for r in task.runs.values() if r.cause == "schedule")
    return max(0, limit - task.run_count - planned)
