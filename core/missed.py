"""Occurrences that came while nobody looked: which of them still run."""

from collections.abc import Sequence
from dataclasses import dataclass

from .clock import MINUTE
from .durations import format_duration
from .occurrences import Passed, last_before, part
from .state import TaskState

GRACE = MINUTE
"""How late an occurrence may be before `catch_up = "skip"` calls it missed."""

COALESCED = "coalesced"
MISSED = "missed"
TOO_MANY = "missed: too many to catch up"

WHY_DROPPED = {"one": COALESCED, "all": TOO_MANY, "skip": MISSED}
"""The reason of those that are so many that they are not even listed, by `catch_up`."""


INEXACT = " (more of them, in fact: so many could be counted)"
"""What the reason of a row of occurrences says besides when they are more than its count."""


@dataclass(slots=True)
class Skip:
    """Neighbouring instants that do not run and share their reason.

    Attributes:
        first: the first of them.
        until: the last of them.
        count: how many they are.
        reason: why they do not run.
    """

    first: int
    until: int
    count: int
    reason: str


def missed(task: TaskState, instants: Sequence[int], now: int) -> dict[int, str]:
    """The instants that do not run because they were missed, each with the reason.

    A single instant is never given up for being late, unless its policy says how late it may be.
    """
    policy, recurring = task.policy, task.schedule.recurring
    late, reason = _too_late(task)
    lost = {i: reason for i in instants if late is not None and now - i > late}
    if not recurring:
        return lost
    kept = [i for i in instants if i not in lost]
    most = policy.catch_up_max if policy.catch_up == "all" else 1
    return lost | dict.fromkeys(kept[:-most], WHY_DROPPED[policy.catch_up])


def passed_over(task: TaskState, passed: Passed, now: int, why: str) -> list[Skip]:
    """The skips behind occurrences that are too many to be listed.

    Args:
        task: the task.
        passed: the occurrences.
        now: the present instant.
        why: the reason of those that are not too late.
    """
    late, reason = _too_late(task)
    latest = now if late is None else now - late - 1
    if late is None or reason == why or latest < passed.first:
        return [_skip(task, passed, why)]
    if passed.until <= latest:
        return [_skip(task, passed, reason)]
    until = last_before(task.schedule, passed.first, latest + 1)
    following = task.schedule.next_instant(until) or passed.until
    return [
        _skip(task, part(task.schedule, passed.first, until), reason),
        _skip(task, part(task.schedule, following, passed.until), why),
    ]


def _too_late(task: TaskState) -> tuple[int | None, str]:
    """How late an occurrence may be, None for any time, and the reason of those that are later."""
    policy = task.policy
    if policy.catch_up_window is not None:
        allowed = format_duration(policy.catch_up_window)
        return policy.catch_up_window, f"missed: more than {allowed} late"
    return (GRACE if policy.catch_up == "skip" and task.schedule.recurring else None), MISSED


def _skip(task: TaskState, passed: Passed, reason: str) -> Skip:
    policy = task.policy
    if policy.windows and policy.outside_window == "skip":
        reason = f"{reason}, or window: outside of {policy.execution_windows}"
    exactly = reason if passed.exact else reason + INEXACT
    return Skip(passed.first, passed.until, passed.count, exactly)
