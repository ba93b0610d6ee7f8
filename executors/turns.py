"""Turns at the interpreter: short ones beside a thread that computes all the time, long ones else.

Whoever waits for the interpreter asks for it again after each turn, so short turns wake up all who
wait, ten thousand times a second: 64 callers who were answered together pay half as much again for
each order. But beside a thread that never waits for anything, whoever comes back from the disk
waits a whole turn for each step, and then short ones are what keeps a service punctual.
"""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from .interpreter import TURN, TURNS

LONG_TURN = 0.001
"""Seconds for which a thread keeps the interpreter as long as each of them waits now and then."""

BETWEEN = 0.1
"""Seconds from one look to the next one, at least; and a look may take a hundredth of them."""

HOG = 0.4
"""From this share of the time on, a thread is said to compute all the time. Callers of a busy
service, its executors and its other actors take a fifth at most, one that computes half or more."""

MEMORY = 1.0
"""Seconds for which turns stay short when nobody computes all the time any more."""

CLOCK_OF_A_THREAD = 6
"""What Linux reads as "the CPU time of the thread whose inverted id precedes these three bits"."""


def cpu_times() -> dict[int, float]:
    """Seconds that each thread of this process has computed, by its id; empty if not on Linux.

    The C library's way from a thread to its clock must not be asked for one that ends meanwhile;
    the system answers for any id.
    """
    if sys.platform != "linux":
        return {}
    times: dict[int, float] = {}
    for thread in [t.native_id for t in threading.enumerate() if t.native_id]:
        with suppress(OSError):  # it has ended
            times[thread] = time.clock_gettime(~thread << 3 | CLOCK_OF_A_THREAD)
    return times


class Turns:
    """Chooses how long turns are, by what the other threads of the process did since it looked.

    Args:
        clock: seconds that never step.
        computed: seconds that each thread has computed, by its id; empty where nobody can tell.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        computed: Callable[[], dict[int, float]] = cpu_times,
    ) -> None:
        self._clock = clock
        self._computed = computed
        self._before: dict[int, float] = {}
        self._looked = self._hog_at = clock()
        self._next = self._looked

    def look(self) -> None:
        """Look at the other threads, if it is time to; called by one that has much to do itself."""
        now = self._clock()
        if now < self._next:
            return
        if self._anybody_computes(now):
            self._hog_at = now
        turn = LONG_TURN if now - self._hog_at > MEMORY else TURN
        TURNS.adjust(lambda before: min(turn, before))
        self._next = now + max(BETWEEN, 100 * (self._clock() - now))

    def _anybody_computes(self, now: float) -> bool:
        computed = self._computed()
        computed.pop(threading.get_native_id(), None)
        used = [seconds - self._before.get(thread, seconds) for thread, seconds in computed.items()]
        known, self._before = bool(self._before), computed
        past, self._looked = now - self._looked, now
        return not known or max(used, default=0.0) > HOG * past
