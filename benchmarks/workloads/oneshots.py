"""W2: how late one-shots begin that are spread over some seconds."""

import time

import recorder
from contender import SECOND, Contender, Order
from figures import Figures, lateness, order_all, outcome, wait_until
from lead import lead_for
from sizes import Sizes


def measure(contender: Contender, sizes: Sizes) -> Figures:
    """Percentiles of the lateness, in ms."""
    return _measure(contender, sizes, spinning=False)


def measure_spinning(contender: Contender, sizes: Sizes) -> Figures:
    """The same while one callback spins the CPU."""
    return _measure(contender, sizes, spinning=True)


def _measure(contender: Contender, sizes: Sizes, *, spinning: bool) -> Figures:
    contender.open()
    contender.start()
    count, spread = sizes.one_shots, int(sizes.spread * SECOND)
    first = time.time_ns() + lead_for(contender, count)
    orders = [Order(n, first + n * spread // count) for n in range(count)]
    order_all(contender, orders)
    spare = first - time.time_ns()
    if spinning:
        contender.spin()
    patience = spare / SECOND + sizes.spread + sizes.patience
    wait_until(lambda: recorder.count() >= count, patience, 0.05)
    durable = wait_until(lambda: contender.unfinished() <= 0, 10, 0.05)
    contender.stop()
    late = [note.began - note.due for note in recorder.notes()]
    return {
        **lateness(late),
        **outcome(count),
        "all_durable": int(durable),
        "ordered_in_time": int(spare > 0),
    }
