"""Occurrences that came while nobody looked: which of them still run."""

from collections.abc import Sequence

from .clock import MINUTE
from .durations import format_duration
from .state import TaskState

GRACE = MINUTE
"""How late an occurrence may be before `catch_up = "skip"` calls it missed."""

COALESCED = "coalesced"
MISSED = "missed"
TOO_MANY = "missed: too many to catch up"

WHY_DROPPED = {"one": COALESCED, "all": TOO_MANY, "skip": MISSED}
"""The reason of those that are so many that they are not even listed, by `catch_up`."""


def missed(task: TaskState, instants: Sequence[int], now: int) -> dict[int, str]:
    """The instants that do not run because they were missed, each with the reason.

    A single instant is never given up for being late, unless its policy says how late it may be.
    """
    policy, recurring = task.policy, task.schedule.recurring
    late, reason = policy.catch_up_window, MISSED
    if late is not None:
        reason = f"missed: more than {format_duration(late)} late"
    elif policy.catch_up == "skip" and recurring:
        late = GRACE
    lost = {i: reason for i in instants if late is not None and now - i > late}
    if not recurring:
        return lost
    kept = [i for i in instants if i not in lost]
    most = policy.catch_up_max if policy.catch_up == "all" else 1
    return lost | dict.fromkeys(kept[:-most], WHY_DROPPED[policy.catch_up])
