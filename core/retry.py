"""How often, how far apart and after which errors a failed run is tried again. Pure values."""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, get_args

from .clock import MINUTE
from .errors import InvalidTask
from .hints import require_one_of

Backoff = Literal["fixed", "linear", "exponential"]

LONGEST_DELAY = 366 * 24 * 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and how far apart, a failed run is tried again.

    Attributes:
        attempts: tries after the first one; 0 means never again. Default 3.
        delay: microseconds before the first retry. Default one minute.
        backoff: `fixed` (1, 1, 1), `linear` (1, 2, 3) or `exponential` (1, 2, 4 minutes).
        max_delay: microseconds that no delay exceeds, None for no limit.
        jitter: the share of each delay, 0 to 1, up to which it is shortened, so that runs which
            failed together do not come back together. The same run and attempt always wait for
            the same time. Default 0.
        retry_on: names of exception classes; only after these it is tried again. Empty for all.
        give_up_on: names of exception classes after which it is not tried again.
    """

    attempts: int = 3
    delay: int = MINUTE
    backoff: Backoff = "exponential"
    max_delay: int | None = None
    jitter: float = 0
    retry_on: tuple[str, ...] = ()
    give_up_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.attempts < 0:
            raise InvalidTask(f"retry attempts must be 0 or more, not {self.attempts}")
        if self.delay < 0:
            raise InvalidTask("the retry delay cannot be negative")
        if self.max_delay is not None and self.max_delay < 0:
            raise InvalidTask("max_delay cannot be negative; leave it out for no limit")
        if not 0 <= self.jitter <= 1:
            raise InvalidTask(f"jitter is a share from 0 to 1, such as 0.2, not {self.jitter}")
        require_one_of("backoff", self.backoff, get_args(Backoff))
        both = sorted({*self.retry_on} & {*self.give_up_on})
        if both:
            raise InvalidTask(f"{both[0]} stands in retry_on and in give_up_on: choose one")

    def delay_before(self, attempt: int, seed: int = 0) -> int | None:
        """Microseconds to wait before attempt number `attempt` (2 is the first retry).

        Args:
            attempt: the one to come.
            seed: what the jitter depends on besides: the run's id.

        Returns:
            None when the attempts are used up.
        """
        retry = attempt - 1
        if retry > self.attempts:
            return None
        factor = {"fixed": 1, "linear": retry, "exponential": 1 << min(retry - 1, 40)}[self.backoff]
        longest = LONGEST_DELAY if self.max_delay is None else min(self.max_delay, LONGEST_DELAY)
        delay = min(self.delay * factor, longest)
        return delay - int(delay * self.jitter * _share(seed, attempt)) if self.jitter else delay

    def objection(self, kinds: Collection[str]) -> str | None:
        """Why an error is not worth another try, None when it is.

        Args:
            kinds: the names of its class and of that one's bases; none when it is not known.
        """
        bad = next((kind for kind in kinds if kind in self.give_up_on), None)
        if bad is not None:
            return f"{bad} is in give_up_on"
        if self.retry_on and not any(kind in self.retry_on for kind in kinds):
            return f"{next(iter(kinds), 'the error')} is not in retry_on"
        return None


def _share(seed: int, attempt: int) -> float:
    """A number from 0 to below 1 that looks random and is always the same."""
    digest = blake2b(f"{seed}:{attempt}".encode(), digest_size=6).digest()
    return int.from_bytes(digest) / (1 << 48)
