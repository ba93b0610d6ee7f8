"""What a workload returns, and how notes become figures."""

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

import recorder
from contender import Contender, Order
from limits import percentile

Figures: TypeAlias = dict[str, float | int | None]
"""Name -> value; a name ends in its unit."""

_MILLISECOND = 1e6


def lateness(late: Sequence[float]) -> Figures:
    """Percentiles of how late callbacks began, from nanoseconds."""
    values = [value / _MILLISECOND for value in late]
    if not values:
        return {}
    return {f"p{share}_ms": percentile(values, share) for share in (50, 90, 99, 100)}


def outcome(ordered: int) -> Figures:
    """How many of the orders ran, never ran, and ran more than once."""
    notes = recorder.notes()
    different = len({note.number for note in notes})
    return {"ran": different, "lost": ordered - different, "repeated": len(notes) - different}


def order_all(contender: Contender, orders: Sequence[Order]) -> None:
    """Schedule in the fastest way that the contender has."""
    if contender.has_bulk:
        contender.schedule_many(orders)
        return
    for order in orders:
        contender.schedule(order)


def wait_until(holds: Callable[[], bool], seconds: float, every: float) -> bool:
    """Look again and again, for so long at most."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
