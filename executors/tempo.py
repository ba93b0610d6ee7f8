"""How long calls take lately: whether one thread after the other, or many at once, serve them best.

Threads share one interpreter. Calls of microseconds end sooner when one thread makes them all: ten
would pass the interpreter around and wait for each other. Calls that wait for something else end
sooner when all are made at once.

From within, the two look alike: a short call takes long, too, when ten threads or somebody who
computes want the interpreter as well. So one thread tries to make the calls alone when they end
often enough, and the more often that failed, the later it tries again.
"""

from ..core.clock import SystemClock

LOOK = 0.002
"""Seconds. When no call began or ended for so long, the calls of now are not short."""

BRIEF = 1_000
"""Microseconds. Calls that take less on average are short."""

FEWEST, MOST = 4, 4_096
"""Calls that are made at once before one thread tries again: twice `FEWEST` after its first
failure, twice as many after each other one, up to `MOST`."""

LASTING = 256
"""Calls after which one thread has not failed: the next failure counts as the first."""

_SHARE = 8
"""One call counts an eighth of the average, so that a turn lost to another thread does not."""

_REAL_TIME = SystemClock()


class Tempo:
    """The average of the latest calls. Guarded by the lock of their desk.

    Attributes:
        brief: whether calls are short; so they are taken for until one is not.
    """

    def __init__(self) -> None:
        self.brief = True
        self._average = 0.0
        self._calls = 0
        self._at_once = FEWEST

    def ended(self, began: int, beside: int = 0) -> None:
        """A call ended.

        Args:
            began: when, by the monotonic clock.
            beside: so many others were being made.
        """
        took = (_REAL_TIME.monotonic() - began) / (1 + beside)
        self._average += (took - self._average) / _SHARE
        self._calls += 1
        if not self.brief:
            if self._calls >= self._at_once and self._average < BRIEF:
                self.brief, self._average, self._calls = True, 0.0, 0
            return
        if self._calls == LASTING:
            self._at_once = FEWEST
        if self._average >= BRIEF:
            self._fail()

    def stuck(self) -> None:
        """No call began or ended for `LOOK` seconds."""
        if self.brief:
            self._fail()
            self._average = max(self._average, 2.0 * BRIEF)

    def _fail(self) -> None:
        self.brief, self._calls = False, 0
        self._at_once = min(2 * self._at_once, MOST)
