"""How long calls take lately: whether one thread after the other, or many at once, serve them best.

Threads share one interpreter. Calls of microseconds end sooner when one thread makes them all: ten
would pass the interpreter around and wait for each other. Calls that wait for something else end
sooner when all are made at once.
"""

from ..core.clock import SystemClock

LOOK = 0.002
"""Seconds. When no call began or ended for so long, the calls of now are not short."""

BRIEF = 1_000
"""Microseconds. Calls that take less on average are short."""

_SHARE = 8
"""One call counts an eighth of the average, so that a turn lost to another thread does not."""

_REAL_TIME = SystemClock()


class Tempo:
    """The average of the latest calls. Guarded by the lock of their desk."""

    def __init__(self) -> None:
        self._average = 0.0

    @property
    def brief(self) -> bool:
        """Whether calls are short; so they are taken for until one is not."""
        return self._average < BRIEF

    def ended(self, began: int) -> None:
        """A call ended that began at this instant of the monotonic clock."""
        self._average += (_REAL_TIME.monotonic() - began - self._average) / _SHARE

    def stuck(self) -> None:
        """No call began or ended for `LOOK` seconds."""
        self._average = max(self._average, 2.0 * BRIEF)
