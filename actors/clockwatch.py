"""Notices what happens to time itself: the wall clock is set, the whole process stands still."""

import threading
from collections.abc import Sequence

from loguru import logger

from ..core.clock import MINUTE, SECOND, Clock
from ..core.commands import ClockStepped, Suspended

LEAST = SECOND
"""A difference that counts as a step; slower corrections are just time."""

AT_ONCE = SECOND // 10
"""Both clocks are read within this time, or again: who is held up in between would take that for a
step."""

LEAST_BETWEEN_LIVES = MINUTE
"""Likewise since an earlier life; the clocks of those who write to one database may differ."""

News = ClockStepped | Suspended


class ClockWatch:
    """The offset between the wall clock and elapsed time, and what is not recorded of it yet.

    It is kept outside the actors, so that no restart hides anything. Safe to use from every
    thread.

    Args:
        clock: the clock to watch.
        recorded: the instant of the last thing that was recorded before, None when there is none.
            A clock that shows less was set back in between.

    Attributes:
        steps: how often the wall clock was set so far.
        suspends: how often the process stood still so far.
    """

    def __init__(self, clock: Clock, recorded: int | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._offset = self._ahead()
        self._open_step = 0
        self._open_suspends: list[Suspended] = []
        self.steps = 0
        self.suspends = 0
        if recorded is not None:
            self._compare(recorded)

    def look(self) -> list[News]:
        """What is not recorded yet; steps of the clock that came together are one."""
        with self._lock:
            offset = self._ahead()
            step = offset - self._offset
            if abs(step) >= LEAST:
                self._offset, self.steps = offset, self.steps + 1
                self._open_step += step
                logger.warning("the wall clock was set by {:+.3f} s", step / SECOND)
            stepped = [ClockStepped(self._open_step)] if self._open_step else []
            return [*self._open_suspends, *stepped]

    def moment(self) -> tuple[int, list[News]]:
        """What the clock shows now, and what is not recorded yet of how it came to that."""
        news = self.look()
        while True:
            now = self._clock.now()
            latest = self.look()
            if latest == news:
                return now, news
            news = latest

    def note_suspend(self, duration: int) -> None:
        """Somebody found that nothing ran for so many microseconds."""
        with self._lock:
            self.suspends += 1
            self._open_suspends.append(Suspended(duration))
            logger.warning("nothing ran for {:.3g} s", duration / SECOND)

    def settle(self, news: Sequence[News]) -> None:
        """What `look` returned is recorded, and everything is planned again."""
        with self._lock:
            self._open_step -= sum(each.step for each in news if isinstance(each, ClockStepped))
            del self._open_suspends[: sum(isinstance(each, Suspended) for each in news)]

    def _ahead(self) -> int:
        """By how much the wall clock is ahead of the time that has passed."""
        while True:
            before = self._clock.monotonic()
            shown = self._clock.now()
            if self._clock.monotonic() - before < AT_ONCE:
                return shown - before

    def _compare(self, recorded: int) -> None:
        """Take what was recorded in the future for what it is: the work of a clock that was ahead.

        By how much at least it was set back is known, and that is enough to plan again.
        """
        step = self._clock.now() - recorded
        if step <= -LEAST_BETWEEN_LIVES:
            self.steps, self._open_step = 1, step
            logger.warning(
                "what was recorded last lies {:.3f} s ahead: the wall clock was set back",
                -step / SECOND,
            )
