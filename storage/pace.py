"""How much may be done in one go so that nobody waits for it."""

import time

AIM = 0.010
"""Seconds for which the writer is held by a batch, as far as the disk allows."""

LEAST, MOST = 10, 1_000

SHARE = 4
"""The others get so many times as long as a batch took, before the next one begins."""


class Pace:
    """Adapts the size of batches to what they take.

    Attributes:
        size: how much the next batch takes.
        latest: seconds for which the latest batch held the writer.
        longest: the same of the longest one so far.
        batches: how many there were.
    """

    def __init__(self) -> None:
        self.size = 100
        self.latest = 0.0
        self.longest = 0.0
        self.batches = 0

    @property
    def rest(self) -> float:
        """Seconds to leave to others before the next batch."""
        return SHARE * self.latest

    @staticmethod
    def start() -> float:
        """A reading of the stopwatch, when the writer was got hold of."""
        return time.perf_counter()

    def finish(self, started: float) -> None:
        """The batch is committed."""
        self.note(time.perf_counter() - started)

    def note(self, seconds: float) -> None:
        """A batch of the present size held the writer for so long."""
        self.latest, self.longest = seconds, max(self.longest, seconds)
        self.batches += 1
        if seconds > AIM:
            self.size = max(LEAST, round(self.size * max(0.25, AIM / seconds)))
        elif seconds < AIM / 2:
            self.size = min(MOST, self.size * 2)
