"""How much may be done in one go so that nobody waits for it."""

import time
from collections import deque

AIM = 0.010
"""Seconds for which the writer is held by a batch, as far as the disk allows."""

LEAST, MOST = 50, 1_000
"""Fewer would hold it hardly shorter: what is left then is the disk's own time for a commit."""

SHARE = 4
"""The others get so many times as long as a batch took, before the next one begins."""


class Pace:
    """Adapts the size of batches to what they take.

    Attributes:
        size: how much the next batch takes.
        latest: seconds for which the latest batch held the writer.
        held: the same of the latest thousands of batches.
    """

    def __init__(self) -> None:
        self.size = 200
        self.latest = 0.0
        self.held: deque[float] = deque(maxlen=10_000)

    @property
    def rest(self) -> float:
        """Seconds to leave to others before the next batch."""
        return SHARE * self.latest

    def start(self) -> float:
        """A reading of the stopwatch, when the writer was got hold of."""
        return time.perf_counter()

    def finish(self, started: float) -> None:
        """The batch is committed."""
        self.note(time.perf_counter() - started)

    def note(self, seconds: float) -> None:
        """A batch of the present size held the writer for so long."""
        self.latest = seconds
        self.held.append(seconds)
        if seconds > AIM:
            self.size = max(LEAST, round(self.size * max(0.25, AIM / seconds)))
        elif seconds < AIM / 2:
            self.size = min(MOST, self.size * 2)
