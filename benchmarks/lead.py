"""How long before the first one is due the orders must be placed, for each as long as it needs."""

import time

from contender import FAR, SECOND, Contender, Order
from figures import order_all

_TRIED = 40


def lead_for(contender: Contender, count: int) -> int:
    """Nanoseconds from now that are enough to place `count` orders: tried with some far ahead."""
    far = time.time_ns() + FAR
    orders = [Order(-n, far + n * SECOND) for n in range(1, _TRIED + 1)]
    begun = time.time_ns()
    order_all(contender, orders)
    each = (time.time_ns() - begun) / _TRIED
    contender.far += _TRIED
    return 2 * SECOND + round(2 * each * count)
