"""What happens around a task's occurrences: retries, time limits, overlap, catch-up.

A `Policy` is a pure value stored with its task. All durations are integer microseconds.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from .clock import MINUTE, SECOND
from .errors import InvalidTask
from .hints import did_you_mean

Backoff = Literal["fixed", "linear", "exponential"]
CatchUp = Literal["skip", "one", "all"]
Overlap = Literal["skip", "allow"]
OnExhausted = Literal["continue", "disable"]
Delivery = Literal["at_least_once", "at_most_once"]

LONGEST_DELAY = 366 * 24 * 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and how far apart, a failed run is tried again.

    Attributes:
        attempts: tries after the first one; 0 means never again. Default 3.
        delay: microseconds before the first retry. Default one minute.
        backoff: `fixed` (1, 1, 1), `linear` (1, 2, 3) or `exponential` (1, 2, 4 minutes).
    """

    attempts: int = 3
    delay: int = MINUTE
    backoff: Backoff = "exponential"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.attempts < 0:
            raise InvalidTask(f"retry attempts must be 0 or more, not {self.attempts}")
        if self.delay < 0:
            raise InvalidTask("the retry delay cannot be negative")
        _require("backoff", self.backoff, get_args(Backoff))

    def delay_before(self, attempt: int) -> int | None:
        """Microseconds to wait before attempt number `attempt` (2 is the first retry).

        Returns:
            None when the attempts are used up.
        """
        retry = attempt - 1
        if retry > self.attempts:
            return None
        factor = {"fixed": 1, "linear": retry, "exponential": 1 << min(retry - 1, 40)}[self.backoff]
        return min(self.delay * factor, LONGEST_DELAY)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules around one task.

    Attributes:
        retry: what happens after a failed attempt.
        timeout: microseconds an attempt may take, None for no limit. Default 300 s.
        max_runs: occurrences after which the task is completed, None for no limit.
        catch_up: which occurrences missed in a downtime still run: none, the latest, or all.
        overlap: whether an occurrence runs while an earlier one is unfinished.
        on_exhausted: whether a recurring task goes on after its retries failed.
        delivery: whether an attempt lost in a crash is made again.
        priority: higher starts first when runs wait for a slot.
        notify_failure: the notifiers that hear of a run that failed for good.
    """

    retry: Retry = field(default_factory=Retry)
    timeout: int | None = 300 * SECOND
    max_runs: int | None = None
    catch_up: CatchUp = "one"
    overlap: Overlap = "skip"
    on_exhausted: OnExhausted = "continue"
    delivery: Delivery = "at_least_once"
    priority: int = 0
    notify_failure: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.timeout is not None and self.timeout <= 0:
            raise InvalidTask("the timeout must be longer than nothing; leave it out for no limit")
        if self.max_runs is not None and self.max_runs < 1:
            raise InvalidTask(f"max_runs must be 1 or more, not {self.max_runs}")
        _require("catch_up", self.catch_up, get_args(CatchUp))
        _require("overlap", self.overlap, get_args(Overlap))
        _require("on_exhausted", self.on_exhausted, get_args(OnExhausted))
        _require("delivery", self.delivery, get_args(Delivery))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: only what differs from the defaults."""
        return _differences(self, Policy())

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Policy":
        """The value behind `to_dict`; unknown names of newer versions are refused by name."""
        known = dict(data)
        if "retry" in known:
            known["retry"] = Retry(**known["retry"])
        if "notify_failure" in known:
            known["notify_failure"] = tuple(known["notify_failure"])
        unknown = set(known) - {f.name for f in fields(cls)}
        if unknown:
            names = [f.name for f in fields(cls)]
            raise InvalidTask(
                "; ".join(f"unknown option {n!r}{did_you_mean(n, names)}" for n in sorted(unknown))
            )
        return replace(cls(), **known)


def _differences(value: Policy | Retry, default: Policy | Retry) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for f in fields(value):
        mine, theirs = getattr(value, f.name), getattr(default, f.name)
        if mine != theirs:
            found[f.name] = _differences(mine, Retry()) if isinstance(mine, Retry) else mine
    return found


def _require(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        choices = ", ".join(allowed)
        hint = did_you_mean(value, allowed)
        raise InvalidTask(f"{name} must be one of {choices}, not {value!r}{hint}")
