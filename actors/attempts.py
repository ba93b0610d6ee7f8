"""Attempts on their way: admitted, running, or ended but not recorded yet.

This book is kept outside the actors, because an attempt may outlive the Runner that started it,
and its result may be on its way while the Scheduler is being replaced.
"""

import threading
from collections.abc import Collection, Iterable

from ..core.commands import Outcome, RunFinished
from ..core.work import Claim, Start


class Attempts:
    """Every attempt that is alive, by claim. All methods may be called from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._admitted: dict[Claim, Start] = {}
        self._results: dict[Claim, RunFinished] = {}
        self._fresh: list[RunFinished] = []
        self._enough = threading.Condition(self._lock)
        self._wanted = 0

    def admit(self, starts: Iterable[Start]) -> None:
        """Attempts were taken on."""
        with self._lock:
            for start in starts:
                self._admitted[start.claim] = start

    def admitted(self, claim: Claim) -> Start | None:
        """What was admitted under this claim and has not ended."""
        return self._admitted.get(claim)

    def finish(self, result: RunFinished) -> bool:
        """An attempt has ended; keep its result until it is confirmed.

        Returns:
            Whether it is the first one since the fresh ones were taken.
        """
        claim = (result.run_id, result.fence)
        with self._lock:
            self._admitted.pop(claim, None)
            self._results[claim] = result
            self._fresh.append(result)
            if len(self._fresh) == self._wanted:
                self._enough.notify()
            return len(self._fresh) == 1

    def fresh(self) -> list[RunFinished]:
        """What has ended since this was last asked."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
            return fresh

    def recall(self) -> bool:
        """Count everything as fresh that is not confirmed; whether there is any."""
        with self._lock:
            self._fresh = list(self._results.values())
            return bool(self._fresh)

    def wait(self, count: int, step: int, patience: float) -> bool:
        """Wait until so many have ended, as long as they end fast enough.

        Args:
            count: fresh results to wait for.
            step: so many more must end in each span of patience.
            patience: seconds.

        Returns:
            Whether so many have ended.
        """
        with self._lock:
            self._wanted = count
            while True:
                before = len(self._fresh)
                if self._enough.wait_for(lambda: len(self._fresh) >= count, patience):
                    return True
                if len(self._fresh) - before < step:
                    return False

    def confirm(self, claims: Iterable[Claim]) -> None:
        """These results are recorded, or were stale."""
        with self._lock:
            for claim in claims:
                self._results.pop(claim, None)

    def retain(self, claims: Collection[Claim], now: int) -> None:
        """Of what was admitted, only these are still worked on; the others were never called."""
        with self._lock:
            lost = [start for claim, start in self._admitted.items() if claim not in claims]
        for start in lost:
            self.finish(unfinished(start, "interrupted", now, "never called: its queue was lost"))

    def results(self) -> list[RunFinished]:
        """What has ended and is not recorded yet."""
        with self._lock:
            return list(self._results.values())

    def alive(self) -> frozenset[Claim]:
        """Every attempt that is admitted, or ended and not recorded."""
        with self._lock:
            return frozenset(self._admitted) | frozenset(self._results)

    def interrupt(self, now: int) -> None:
        """The service stops: what has not ended counts as interrupted."""
        with self._lock:
            admitted = list(self._admitted.values())
        for start in admitted:
            self.finish(unfinished(start, "interrupted", now))


def unfinished(start: Start, outcome: Outcome, now: int, error: str | None = None) -> RunFinished:
    """The result of an attempt that was never called, or not to its end."""
    return RunFinished(
        run_id=start.run_id,
        task_id=start.task_id,
        fence=start.fence,
        outcome=outcome,
        started_at=None,
        finished_at=now,
        error=error,
    )
