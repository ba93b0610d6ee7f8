"""A supervisor's flags, and which children a death concerns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ..core.errors import InvalidSupervisor
from ..core.hints import did_you_mean
from .backoff import Backoff

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"]
AutoShutdown = Literal["never", "any_significant", "all_significant"]


@dataclass(frozen=True, slots=True)
class Flags:
    """How a supervisor treats its children.

    Attributes:
        strategy: which children are restarted when one dies: `one_for_one` that one,
            `one_for_all` every one, `rest_for_one` that one and those started after it;
            `simple_one_for_one` is for any number of children made from one template.
        intensity: restarts allowed within `period`; one more, and the supervisor gives up.
        period: seconds.
        auto_shutdown: whether the supervisor ends when `any_significant` or `all_significant`
            children have ended by themselves.
        backoff: pauses between restarts; None to restart at once, as OTP does.

    Raises:
        InvalidSupervisor: a flag is wrong; the message says which.
    """

    strategy: Strategy = "one_for_one"
    intensity: int = 1
    period: float = 5.0
    auto_shutdown: AutoShutdown = "never"
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _require_choice("strategy", self.strategy, get_args(Strategy))
        _require_choice("auto_shutdown", self.auto_shutdown, get_args(AutoShutdown))
        _require_intensity(self.intensity)
        if not is_seconds(self.period) or self.period == 0:
            raise InvalidSupervisor(f"period is a number of seconds above 0, not {self.period!r}")
        _require_backoff(self.backoff)

    @property
    def is_dynamic(self) -> bool:
        """Whether all children are made from one template."""
        return self.strategy == "simple_one_for_one"

    @property
    def restarts_groups(self) -> bool:
        """Whether one death can concern several children."""
        return self.strategy in ("one_for_all", "rest_for_one")


def concerned(strategy: Strategy, ids: Sequence[str], failed: str) -> list[str]:
    """The children that are replaced when `failed` died, in start order.

    Args:
        strategy: the supervisor's.
        ids: all children in start order, `failed` among them.
        failed: the one that died.
    """
    if strategy == "one_for_all":
        return list(ids)
    if strategy == "rest_for_one":
        return list(ids[ids.index(failed) :])
    return [failed]


def _require_choice(field: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        choices, hint = ", ".join(allowed), did_you_mean(value, allowed)
        raise InvalidSupervisor(f"{field} is one of {choices}, not {value!r}{hint}")


def _require_intensity(value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidSupervisor(f"intensity is a whole number, 0 or more, not {value!r}")


def _require_backoff(value: object) -> None:
    if value is not None and not isinstance(value, Backoff):
        raise InvalidSupervisor(f"backoff is a Backoff or None, not {value!r}")


def is_seconds(value: object) -> bool:
    """Whether this is a duration: a finite number, 0 or more."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0  # type: ignore[operator,arg-type]
