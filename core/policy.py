"""What happens around a task's occurrences: retries, limits, overlap, catch-up, windows.

A `Policy` is a pure value stored with its task. All durations are integer microseconds.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from .clock import SECOND
from .errors import InvalidTask
from .hints import did_you_mean, require_one_of
from .rate import parse_rate
from .retry import LONGEST_DELAY, Backoff, Retry
from .windows import Windows, parse_window
from .zones import zone

__all__ = ["LONGEST_DELAY", "Backoff", "Policy", "Retry"]

CatchUp = Literal["skip", "one", "all"]
Overlap = Literal["skip", "queue", "allow", "cancel_running"]
OutsideWindow = Literal["defer", "skip"]
OnExhausted = Literal["continue", "disable"]
Delivery = Literal["at_least_once", "at_most_once"]
OnDependencyFailure = Literal["wait", "fail", "run"]

MOST_CAUGHT_UP = 1_000
"""The highest `catch_up_max`: so many occurrences can be listed in no time."""


REMINDER_RETRY = Retry(attempts=8, delay=5 * SECOND)
"""A reminder cannot wait for minutes: it is tried again after 5, 10, 20, ... seconds."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules around one task.

    Attributes:
        retry: what happens after a failed attempt.
        timeout: microseconds an attempt may take, None for no limit. Default 300 s.
        max_runs: occurrences after which the task is completed, None for no limit.
        catch_up: which occurrences missed in a downtime still run: none, the latest, or all.
        catch_up_window: microseconds by which an occurrence may be late and still run; None for
            any time, and for one minute with `catch_up="skip"`.
        catch_up_max: how many occurrences `catch_up="all"` runs at most: the latest. Default 100.
        catch_up_spacing: microseconds between the starts of caught-up runs that may overlap.
            Default 1 s.
        overlap: what an occurrence does while an earlier one is unfinished: `skip` itself,
            `queue` behind it, `allow` both, or `cancel_running`: stop the earlier one.
        max_instances: runs that `overlap="allow"` lets execute together, None for no limit.
        queue_limit: occurrences that may wait behind a running one, for `queue`, and for `allow`
            with `max_instances`. Default 100.
        windows: when runs may start, such as "mon-fri 09:00-17:00"; empty for always.
        window_timezone: IANA name of the zone of the windows; None for the service's.
        outside_window: whether an occurrence outside of them is deferred to the next opening or
            skipped.
        on_exhausted: whether a recurring task goes on after its retries failed.
        delivery: whether an attempt lost in a crash is made again.
        on_dependency_failure: what a failure of a task that it runs after means: wait for its
            next success, fail as well, or run once all of them have ended.
        concurrency: runs of all tasks with the same `limit_key` that execute together, None for
            no limit.
        rate: how often they start, such as "10/minute"; None for as often as they like.
        limit_key: whose limits these are; None for those of the target.
        resources: (name, amount) of what a run holds while it executes.
        priority: higher starts first when runs wait; a minute of waiting outweighs one step.
        notify_failure: the notifiers that hear of a run that failed for good.
    """

    retry: Retry = field(default_factory=Retry)
    timeout: int | None = 300 * SECOND
    max_runs: int | None = None
    catch_up: CatchUp = "one"
    catch_up_window: int | None = None
    catch_up_max: int = 100
    catch_up_spacing: int = SECOND
    overlap: Overlap = "skip"
    max_instances: int | None = None
    queue_limit: int = 100
    windows: tuple[str, ...] = ()
    window_timezone: str | None = None
    outside_window: OutsideWindow = "defer"
    on_exhausted: OnExhausted = "continue"
    delivery: Delivery = "at_least_once"
    on_dependency_failure: OnDependencyFailure = "wait"
    concurrency: int | None = None
    rate: str | None = None
    limit_key: str | None = None
    resources: tuple[tuple[str, int], ...] = ()
    priority: int = 0
    notify_failure: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.timeout is not None and self.timeout <= 0:
            raise InvalidTask("the timeout must be longer than nothing; leave it out for no limit")
        if self.max_runs is not None and self.max_runs < 1:
            raise InvalidTask(f"max_runs must be 1 or more, not {self.max_runs}")
        require_one_of("catch_up", self.catch_up, get_args(CatchUp))
        require_one_of("overlap", self.overlap, get_args(Overlap))
        require_one_of("outside_window", self.outside_window, get_args(OutsideWindow))
        require_one_of("on_exhausted", self.on_exhausted, get_args(OnExhausted))
        require_one_of("delivery", self.delivery, get_args(Delivery))
        allowed = get_args(OnDependencyFailure)
        require_one_of("on_dependency_failure", self.on_dependency_failure, allowed)
        self._check_limits()
        self._check_catch_up()
        self._check_instances()
        for text in self.windows:
            parse_window(text)
        if self.window_timezone is not None:
            zone(self.window_timezone)

    @property
    def execution_windows(self) -> Windows:
        """When runs may start."""
        return Windows(self.windows, self.window_timezone or "UTC")

    def bound(self, timezone: str) -> "Policy":
        """The same policy, its windows in a zone that is named."""
        if not self.windows or self.window_timezone is not None:
            return self
        return replace(self, window_timezone=timezone)

    def _check_limits(self) -> None:
        if self.concurrency is not None and self.concurrency < 1:
            raise InvalidTask(f"concurrency must be 1 or more, not {self.concurrency}")
        if self.rate is not None:
            parse_rate(self.rate)
        for name, amount in self.resources:
            _check_resource(name, amount)

    def _check_catch_up(self) -> None:
        if not 1 <= self.catch_up_max <= MOST_CAUGHT_UP:
            raise InvalidTask(
                f"catch_up_max must be from 1 to {MOST_CAUGHT_UP}, not {self.catch_up_max}"
            )
        if self.catch_up_window is not None and self.catch_up_window < 0:
            raise InvalidTask("catch_up_window cannot be negative; leave it out for no limit")
        if self.catch_up_spacing < 0:
            raise InvalidTask("catch_up_spacing cannot be negative")

    def _check_instances(self) -> None:
        if self.max_instances is not None and self.max_instances < 1:
            raise InvalidTask(f"max_instances must be 1 or more, not {self.max_instances}")
        if self.max_instances is not None and self.overlap != "allow":
            raise InvalidTask('max_instances needs overlap = "allow"; without it there is one')
        if self.queue_limit < 0:
            raise InvalidTask(f"queue_limit must be 0 or more, not {self.queue_limit}")

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: only what differs from the defaults."""
        found = _differences(self, Policy())
        return {**found, "resources": dict(self.resources)} if self.resources else found

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Policy":
        """The value behind `to_dict`; unknown names of newer versions are refused by name."""
        known = _with_tuples(data)
        if "retry" in known:
            known["retry"] = Retry(**_with_tuples(known["retry"]))
        if "resources" in known:
            known["resources"] = tuple(sorted(dict(known["resources"]).items()))
        unknown = set(known) - {f.name for f in fields(cls)}
        if unknown:
            names = [f.name for f in fields(cls)]
            raise InvalidTask(
                "; ".join(f"unknown option {n!r}{did_you_mean(n, names)}" for n in sorted(unknown))
            )
        return replace(cls(), **known)


def _with_tuples(data: dict[str, Any]) -> dict[str, Any]:
    """JSON knows lists only."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}


def _differences(value: Policy | Retry, default: Policy | Retry) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for f in fields(value):
        mine, theirs = getattr(value, f.name), getattr(default, f.name)
        if mine != theirs:
            found[f.name] = _differences(mine, Retry()) if isinstance(mine, Retry) else mine
    return found


def _check_resource(name: object, amount: object) -> None:
    if not isinstance(name, str) or not name:
        raise InvalidTask(f"resources are names with amounts, not {name!r:.100}")
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
        raise InvalidTask(f"of the resource {name} a run takes 1 or more, not {amount!r}")
