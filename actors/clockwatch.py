"""Notices when the wall clock was set: by comparing it with the time that has really passed."""

import threading

from loguru import logger

from ..core.clock import SECOND, Clock

LEAST = SECOND
"""A difference that counts as a step; slower corrections are just time."""


class ClockWatch:
    """The offset between the wall clock and elapsed time, and how often it jumped.

    It is kept outside the actors, so that no restart hides a step. Safe to use from every thread.

    Args:
        clock: the clock to watch.

    Attributes:
        steps: how often the wall clock was set so far.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._offset = clock.now() - clock.monotonic()
        self._open = 0
        self.steps = 0

    def look(self) -> int:
        """By how many microseconds the clock was set and nobody has planned again; 0 for not."""
        with self._lock:
            offset = self._clock.now() - self._clock.monotonic()
            step = offset - self._offset
            if abs(step) >= LEAST:
                self._offset, self._open, self.steps = offset, self._open + step, self.steps + 1
                logger.warning("the wall clock was set by {:+.3f} s", step / SECOND)
            return self._open

    def settle(self, step: int) -> None:
        """Everything is planned again after a step that `look` returned."""
        with self._lock:
            self._open -= step
