"""How long to wait before a child that died is started again."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from ..core.errors import InvalidSupervisor


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponentially longer pauses between the restarts of a child that keeps dying.

    Attributes:
        min: seconds before the first restart. Default 0.1.
        max: the longest pause, in seconds, before chance changes it. Default 30.
        factor: by how much each pause is longer than the one before. Default 2.
        jitter: share of the pause by which chance changes it, in both directions. Default 0.2.
        reset_after: seconds of life after which the pauses begin with `min` again. Default 30.
    """

    min: float = 0.1
    max: float = 30.0
    factor: float = 2.0
    jitter: float = 0.2
    reset_after: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 <= self.min <= self.max:
            raise InvalidSupervisor(f"backoff goes from 0 <= min to max: {self.min} to {self.max}")
        if self.factor < 1:
            raise InvalidSupervisor(f"a backoff factor is 1 or more, not {self.factor}")
        if not 0 <= self.jitter < 1:
            raise InvalidSupervisor(f"backoff jitter is at least 0 and below 1, not {self.jitter}")
        if self.reset_after < 0:
            raise InvalidSupervisor("backoff reset_after cannot be negative")

    def delay(self, failures: int, chance: Callable[[], float] = random.random) -> float:
        """Seconds to wait after `failures` earlier deaths in a row.

        Args:
            failures: 0 for the first death.
            chance: a number from 0 to 1.
        """
        try:
            pause = min(self.max, self.min * self.factor**failures)
        except OverflowError:
            pause = self.max
        return pause * (1 + self.jitter * (2 * chance() - 1))
