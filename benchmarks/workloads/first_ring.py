"""W5: from the start of a process to the first ring of what is overdue."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import recorder
from contender import SECOND, Contender, Order
from figures import Figures, wait_until
from sizes import Sizes

CHILD = Path(__file__).parents[1] / "ring.py"
_AHEAD = 2 * SECOND


def measure(contender: Contender, sizes: Sizes) -> Figures:
    """Seconds, the median of several starts."""
    times = [_ring(contender, n, sizes.patience) for n in range(sizes.rings)]
    came = [seconds for seconds in times if seconds is not None]
    return {
        "first_ring_s": statistics.median(came) if came else None,
        "worst_ring_s": max(came, default=None),
        "rang": len(came),
        "starts": len(times),
    }


def _ring(contender: Contender, number: int, patience: float) -> float | None:
    """Leave one order overdue, then see how soon a new process begins it."""
    contender.open()
    if contender.serves_to_schedule:
        contender.start()
    due = time.time_ns() + _AHEAD
    contender.schedule(Order(number, due))
    contender.stop()
    if time.time_ns() > due or recorder.count():
        raise RuntimeError("it took too long to stop: the order rang before it was overdue")
    time.sleep((due - time.time_ns()) / SECOND + 0.2)
    notes = contender.folder / "ring.notes"
    notes.unlink(missing_ok=True)
    module = type(contender).__module__.rpartition(".")[2]
    began = time.time_ns()
    child = subprocess.Popen(
        [sys.executable, CHILD, module, type(contender).__name__, contender.folder],
        env={**os.environ, "BENCH_RECORDS": str(notes), "BENCH_SERVER": contender.server},
        stdin=subprocess.PIPE,
    )
    wait_until(lambda: any(n.number == number for n in recorder.read(notes)), patience, 0.01)
    child.communicate(timeout=60)
    rings = [n.began - began for n in recorder.read(notes) if n.number == number]
    return min(rings) / SECOND if rings else None
