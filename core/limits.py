"""How much may run at once, and how often: what a run has to wait for. Pure.

A run that may not start now waits in the database under the name of what it waits for. It is
looked at again when a run ends that used the same, or at the instant that the rate allows.
"""

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .clock import MINUTE
from .errors import InvalidTask
from .hints import did_you_mean
from .policy import Policy
from .rate import Rate, parse_rate

AGEING = MINUTE
"""One minute of waiting outweighs one step of priority: nothing waits for ever."""

HIGHEST = 1_000_000_000
"""Priorities beyond this count as this."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing that a run needs before it may start.

    Attributes:
        name: what is counted, in words: "rate limit 10/minute of mail.send", "resource gpu".
        most: how much there is.
        amount: how much the run needs of it.
        period: microseconds in which `most` starts are allowed; 0 for what is given back at the
            end of the run.
    """

    name: str
    most: int
    amount: int = 1
    period: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a run may not start.

    Attributes:
        limit: what it waits for.
        until: the instant from which it may start; None when another run has to end first.
    """

    limit: Limit
    until: int | None = None


@dataclass(slots=True)
class Usage:
    """What is in use now.

    Attributes:
        held: name of a limit -> how much of it executing runs hold.
        starts: name of a rate -> when the latest runs under it started, in order.
        behind: names of limits for which a run of higher rank waits already.
    """

    held: Counter[str] = field(default_factory=Counter)
    starts: dict[str, list[int]] = field(default_factory=dict)
    behind: set[str] = field(default_factory=set)

    def wait(self, limits: Iterable[Limit], now: int) -> Wait | None:
        """What keeps a run from starting, None when nothing does.

        Ask in the order of rank: whoever has to wait for something holds it for itself.
        """
        for limit in limits:
            found = self._wait(limit, now)
            if found is not None:
                if limit.amount <= limit.most:  # else it would hold it for ever
                    self.behind.add(limit.name)
                return found
        return None

    def free(self, limit: Limit, now: int) -> int:
        """How many runs could start at most."""
        if limit.period:
            recent = [at for at in self.starts.get(limit.name, ()) if at > now - limit.period]
            return max(0, limit.most - len(recent))
        return max(0, limit.most - self.held[limit.name])

    def take(self, limits: Iterable[Limit], now: int) -> None:
        """Note that a run starts."""
        for limit in limits:
            if limit.period:
                insort(self.starts.setdefault(limit.name, []), now)
            else:
                self.held[limit.name] += limit.amount

    def _wait(self, limit: Limit, now: int) -> Wait | None:
        if limit.period:
            rate = Rate(limit.most, limit.period)
            until = rate.next_start(self.starts.get(limit.name, ()), now)
            return Wait(limit, until) if until > now else None
        taken = limit.name in self.behind or self.held[limit.name] + limit.amount > limit.most
        return Wait(limit) if taken else None


def limits_of(policy: Policy, target: str, capacities: Mapping[str, int]) -> tuple[Limit, ...]:
    """Everything that a run of a task needs.

    Args:
        policy: the task's.
        target: what it calls; tasks that name no `limit_key` share their limits by it.
        capacities: how much there is of each resource; of one that is not named there is none.
    """
    found = []
    key = policy.limit_key or target
    if policy.concurrency is not None:
        found.append(Limit(f"concurrency limit of {key}", policy.concurrency))
    for resource, amount in policy.resources:
        found.append(Limit(f"resource {resource}", capacities.get(resource, 0), amount))
    if policy.rate is not None:
        rate = parse_rate(policy.rate)
        name = f"rate limit {policy.rate.strip()} of {key}"
        found.append(Limit(name, rate.amount, period=rate.period))
    return tuple(found)


def checked_capacities(resources: Mapping[Any, Any]) -> dict[str, int]:
    """The same capacities, when they are numbers.

    Raises:
        InvalidTask: one is not.
    """
    for name, most in resources.items():
        if not isinstance(name, str) or isinstance(most, bool) or not isinstance(most, int):
            raise InvalidTask(f"a resource is a name with a whole number, not {name!r}: {most!r}")
        if most < 0:
            raise InvalidTask(f"there cannot be {most} of the resource {name}")
    return dict(resources)


def check_resources(policy: Policy, capacities: Mapping[str, int]) -> None:
    """See that a run can ever have what it needs.

    Raises:
        InvalidTask: a resource is not there, or there is too little of it.
    """
    for name, amount in policy.resources:
        if name not in capacities:
            hint = did_you_mean(name, capacities)
            raise InvalidTask(
                f"there is no resource {name!r}{hint}: say how much of it there is,"
                f" under [resources] or as resources={{{name!r}: 1}}"
            )
        if amount > capacities[name]:
            raise InvalidTask(f"{amount} of {name} are needed, there are {capacities[name]}")


def rank(priority: int, ready_at: int) -> int:
    """The place among those that wait: lower is first.

    It does not change while a run waits, and yet what waits rises: who comes later needs a
    priority that is higher by one for every minute.
    """
    return ready_at - max(-HIGHEST, min(priority, HIGHEST)) * AGEING
