"""What becomes of the instants that have come: runs, and skips with their reasons.

Each rule of a task's policy says which instants do not run, and why; what no rule objects to
becomes a run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from . import events as e
from .deferral import closed, deferred_to, planned_outside
from .missed import COALESCED, WHY_DROPPED, Skip, missed, passed_over
from .occurrences import MOST_REMEMBERED, Due, due_occurrences, room_left
from .overlap import overlapping, replace_waiting
from .state import TaskState


def plan(task: TaskState, now: int, ids: Iterator[int]) -> list[e.Event]:
    """Turn what is due into runs and skips, by the task's policy."""
    if task.next_at is None or task.next_at > now:
        return []
    due = due_occurrences(task.schedule, task.next_at, now, task.policy.catch_up_max)
    if is_usual(task, due):
        return [_usual(task, due, now, next(ids))]
    verdict = _judge(task, due, now)
    replaced = replace_waiting(task, verdict.run[-1], now) if verdict.run else []
    skipped = _skipped(task, verdict, now, ids)
    return [*skipped, *replaced, *_planned(task, verdict, now, ids)]


def is_usual(task: TaskState, due: Due) -> bool:
    """Whether no rule can object: one instant, nothing in its way, and the default policy."""
    return len(due.instants) == 1 and not (due.passed or task.runs) and task.policy_json == "{}"


def _usual(task: TaskState, due: Due, now: int, run_id: int) -> e.RunPlanned:
    """What the rules come to for almost every occurrence, without asking each of them."""
    (instant,) = due.instants
    return e.RunPlanned(
        at=now, tenant=task.tenant, task_id=task.id, run_id=run_id, next_at=due.next_at,
        due_at=instant + task.rewinds, ready_at=instant if task.rewinds else None,
    )  # fmt: skip


def exhausted(task: TaskState, instants: Sequence[int], now: int) -> dict[int, str]:  # noqa: ARG001 - all rules are asked alike
    """The instants that come after the last one that `max_runs` allows."""
    used_up = room_left(task) == 0
    return dict.fromkeys(instants if used_up else (), "limit: max_runs is reached")


RULES = (exhausted, planned_outside, missed, closed, overlapping)
"""Each says which of the instants that the ones before it left do not run, and why."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What runs, what does not, what the first run stands for, and what comes next."""

    run: list[int]
    skips: list[Skip]
    missed: tuple[int, ...]
    next_at: int | None


def _judge(task: TaskState, due: Due, now: int) -> _Verdict:
    reasons = _reasons(task, due.instants, now)
    run, next_at = [i for i in due.instants if i not in reasons], due.next_at
    room = room_left(task)
    if room is not None and len(run) >= room:
        run, next_at = run[:room], None
    coalesced = [i for i, reason in sorted(reasons.items()) if reason == COALESCED]
    dropped = WHY_DROPPED[task.policy.catch_up]
    if dropped == COALESCED and not run:
        dropped = reasons[due.instants[-1]]
    skips = [] if due.passed is None else passed_over(task, due.passed, now, dropped)
    skips = _skips(due.instants, reasons, skips)
    return _Verdict(run, skips, tuple(coalesced[-MOST_REMEMBERED:]), next_at)


def _reasons(task: TaskState, instants: Sequence[int], now: int) -> dict[int, str]:
    """Why the instants that do not run do not, as the first rule that objects says."""
    reasons: dict[int, str] = {}
    for rule in RULES:
        left = [i for i in instants if i not in reasons]
        found = rule(task, left, now)
        if left and len(found) == len(left):  # the one that the coalesced ones count on is gone
            last = found[left[-1]]
            reasons = {i: last if why == COALESCED else why for i, why in reasons.items()}
        reasons |= found
    return reasons


def _skips(instants: Sequence[int], reasons: dict[int, str], before: list[Skip]) -> list[Skip]:
    """Join what is skipped for one reason in a row; `before` comes right before the instants."""
    found = list(before)
    goes_on = bool(found)
    for instant in instants:
        reason = reasons.get(instant)
        if reason is not None and goes_on and found[-1].reason == reason:
            found[-1].until = instant
            found[-1].count += 1
        elif reason is not None:
            found.append(Skip(instant, instant, 1, reason))
        goes_on = reason is not None
    return found


def _skipped(
    task: TaskState, verdict: _Verdict, now: int, ids: Iterator[int]
) -> list[e.OccurrenceSkipped]:
    """The skips as events; with the last of them the task may end."""
    over = verdict.next_at is None and not verdict.run and not task.runs
    end: Literal["completed", "failed"] = "completed" if task.schedule.recurring else "failed"
    return [
        e.OccurrenceSkipped(
            at=now, tenant=task.tenant, task_id=task.id, run_id=next(ids),
            due_at=skip.first + task.rewinds, until=skip.until + task.rewinds, count=skip.count,
            reason=skip.reason, next_at=verdict.next_at,
            ends=end if over and skip is verdict.skips[-1] else None,
        )
        for skip in verdict.skips
    ]  # fmt: skip


def _planned(
    task: TaskState, verdict: _Verdict, now: int, ids: Iterator[int]
) -> list[e.RunPlanned]:
    opening = task.policy.execution_windows.opening(now) or now
    starts, reason = _starts(task, verdict.run, opening, now), _why(task, opening, now)
    return [
        e.RunPlanned(
            at=now, tenant=task.tenant, task_id=task.id, run_id=next(ids),
            due_at=instant + task.rewinds, ready_at=ready_at, next_at=verdict.next_at,
            missed=verdict.missed, reason=reason,
        )
        for instant, ready_at in zip(verdict.run, starts, strict=True)
    ]  # fmt: skip


def _starts(task: TaskState, run: list[int], opening: int, now: int) -> list[int | None]:
    """When each run may start, None for its own instant. Those that may overlap are kept apart."""
    if task.policy.overlap != "allow" or (opening == now and len(run) == 1):
        if opening != now:
            return [opening] * len(run)
        return [instant if task.rewinds else None for instant in run]
    step = task.policy.catch_up_spacing
    waiting = [r.ready_at + step for r in task.runs.values() if r.planned and r.ready_at > now]
    first = max([opening, *waiting])
    return [first + number * step for number in range(len(run))]


def _why(task: TaskState, opening: int, now: int) -> str | None:
    """What there is to say about runs that do not simply start."""
    if opening != now:
        return deferred_to(opening)
    stopped = [r.id for r in task.runs.values() if r.status == "executing" and r.planned]
    if stopped and task.policy.overlap == "cancel_running":
        return f"overlap: waits until run {stopped[0]} has stopped"
    return None
