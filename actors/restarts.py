"""The restart budget: at most so many restarts within so many seconds."""

from collections import Counter, deque

from ..core.clock import SECOND


class RestartBudget:
    """Counts restarts in a sliding window. Its supervisor spends; everybody may look.

    Args:
        intensity: restarts allowed within the period.
        period: the window in seconds.
    """

    def __init__(self, intensity: int, period: float) -> None:
        self._intensity = intensity
        self._period = round(period * SECOND)
        self._spent: deque[tuple[int, str]] = deque()

    def spend(self, now: int, child: str = "") -> int:
        """Note a restart of `child` at monotonic microsecond `now`.

        Returns:
            How many more are allowed; below 0 when this one was not.
        """
        self._spent.append((now, child))
        while now - self._spent[0][0] > self._period:
            self._spent.popleft()
        return self._intensity - len(self._spent)

    def left(self, now: int) -> int:
        """Restarts still allowed at `now`."""
        return max(0, self._intensity - self.recent(now).total())

    def recent(self, now: int) -> Counter[str]:
        """How often each child was restarted within the period before `now`."""
        since = now - self._period
        return Counter(child for at, child in tuple(self._spent) if at >= since)
