"""The restart budget: at most so many restarts within so many seconds."""

from collections import deque

from ..core.clock import SECOND


class RestartBudget:
    """Counts restarts in a sliding window.

    Args:
        intensity: restarts allowed within the period.
        period: the window in seconds.
    """

    def __init__(self, intensity: int, period: float) -> None:
        self._intensity = intensity
        self._period = round(period * SECOND)
        self._spent: deque[int] = deque()

    def spend(self, now: int) -> bool:
        """Note a restart at monotonic microsecond `now`; False when that is one too many."""
        self._spent.append(now)
        return self._within(now) <= self._intensity

    def left(self, now: int) -> int:
        """Restarts still allowed at `now`."""
        return max(0, self._intensity - self._within(now))

    def _within(self, now: int) -> int:
        while self._spent and now - self._spent[0] > self._period:
            self._spent.popleft()
        return len(self._spent)
