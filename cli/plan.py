"""What a configuration will do: its jobs with their next times, and notifiers that are stood in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..core.clock import from_instant
from ..core.commands import NewEntry
from ..core.occurrences import first_occurrence
from ..core.task import iso
from ..core.when import to_schedule

if TYPE_CHECKING:
    from ..core.config import Config
    from ..core.reconcile import Step
    from ..service import Tocsin


@dataclass(frozen=True, slots=True)
class StandIn:
    """A notifier that another one stands in for, because secrets are missing.

    Attributes:
        name: the notifier.
        fallback: who stands in.
        missing: the environment variables that are not set.
    """

    name: str
    fallback: str
    missing: tuple[str, ...]

    def __str__(self) -> str:
        """What is so, and how to change it."""
        variables = " and ".join(self.missing)
        return f"{self.name} goes to {self.fallback}: set {variables} to switch it on"


def stand_ins(config: "Config | None") -> list[StandIn]:
    """The notifiers that are not what they are called, for now."""
    if config is None:
        return []
    return [
        StandIn(name, config.notifier_for(name), notify.missing)
        for name, notify in config.notify.items()
        if config.notifier_for(name) != name
    ]


@dataclass(frozen=True, slots=True)
class Planned:
    """A step with the time at which its job runs next, None for never or not by itself."""

    step: "Step"
    next_run_at: datetime | None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "action": self.step.verb,
            "key": self.step.key,
            "reason": self.step.reason,
            "next_run_at": iso(self.next_run_at),
        }


def planned(app: "Tocsin") -> list[Planned]:
    """What the configuration would change now."""
    return [Planned(step, _next_run_at(app, step)) for step in app.plan_config()]


def _next_run_at(app: "Tocsin", step: "Step") -> datetime | None:
    if step.verb in {"keep", "update"}:
        task = app.get(step.key)
        if step.verb == "keep" or task.status in {"paused", "quarantined"}:
            return task.next_run_at
    order = next((each for each in step.commands if isinstance(each, NewEntry)), None)
    if order is None or order.paused:
        return None
    now = app.clock.now()
    instant = first_occurrence(to_schedule(order.when).bind(now, app.timezone), now)
    return None if instant is None else from_instant(instant)


def summary(steps: "Sequence[Step]") -> dict[str, int]:
    """How many jobs are created, updated, cancelled, kept, or in conflict."""
    verbs = ("create", "update", "cancel", "keep", "conflict")
    return {verb: sum(step.verb == verb for step in steps) for verb in verbs}
