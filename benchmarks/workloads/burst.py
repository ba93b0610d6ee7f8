"""W3: many due at one instant, until all are finished and the store says so."""

import time

import recorder
from contender import SECOND, Contender, Order
from figures import Figures, lateness, order_all, outcome, wait_until
from lead import lead_for
from sizes import Sizes


def measure(contender: Contender, sizes: Sizes) -> Figures:
    """How many a second, from the instant to the last durable end."""
    return _measure(contender, sizes, sizes.burst)


def measure_small(contender: Contender, sizes: Sizes) -> Figures:
    """The same with fewer, for the lateness of those at the end of the queue."""
    return _measure(contender, sizes, sizes.small_burst)


def measure_spinning(contender: Contender, sizes: Sizes) -> Figures:
    """The rate while one callback spins the CPU."""
    return _measure(contender, sizes, sizes.burst, spinning=True)


def _measure(contender: Contender, sizes: Sizes, count: int, *, spinning: bool = False) -> Figures:
    contender.open()
    contender.start()
    instant = time.time_ns() + lead_for(contender, count) + SECOND
    order_all(contender, [Order(n, instant) for n in range(count)])
    spare = instant - time.time_ns()
    if spinning:
        contender.spin()
    time.sleep(max(0, instant - time.time_ns()) / SECOND)
    cpu = time.process_time()
    rang = wait_until(lambda: recorder.count() >= count, sizes.patience, 0.01)
    durable = wait_until(lambda: contender.unfinished() <= 0, 30 if rang else 5, 0.002)
    seconds = (time.time_ns() - instant) / SECOND
    cpu = time.process_time() - cpu
    contender.stop()
    late = [note.began - note.due for note in recorder.notes()]
    return {
        "finished_s": count / seconds if rang and durable else None,
        "cpu_us_each": None if spinning else cpu / count * 1e6,
        "began_s": len(late) / (max(late) / SECOND) if late else None,
        **lateness(late),
        **outcome(count),
        "all_durable": int(rang and durable),
        "ordered_in_time": int(spare > 0),
    }
