"""W1: schedule, each acknowledged durable: one caller, 64 callers, bulk of 1,000."""

import threading
import time
from collections.abc import Callable

from contender import FAR, SECOND, Contender, Order
from figures import Figures
from sizes import Sizes

CALLERS = 64
BULK = 1_000


def measure(contender: Contender, sizes: Sizes) -> Figures:
    """Rates of acknowledged orders a second."""
    contender.open()
    if contender.serves_to_schedule:
        contender.start()
    orders = _Orders()
    for _ in range(20):
        contender.schedule(orders.next())
    figures: Figures = {
        "single_s": _rate(lambda: contender.schedule(orders.next()), sizes.seconds),
        "callers_64_s": _rate(lambda: contender.schedule(orders.next()), sizes.seconds, CALLERS),
    }
    if contender.has_bulk:
        figures["bulk_s"] = BULK * _rate(
            lambda: contender.schedule_many(orders.together(BULK)), sizes.seconds
        )
    contender.stop()
    return figures


class _Orders:
    """Orders far ahead, a second apart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first = time.time_ns() + FAR
        self._index = 0

    def next(self) -> Order:
        with self._lock:
            self._index += 1
            return Order(self._index, self._first + self._index * SECOND)

    def together(self, count: int) -> list[Order]:
        """Orders of one instant, for some peers take no others in one call."""
        due = self.next().due
        return [Order(self.next().number, due) for _ in range(count)]


def _rate(call: Callable[[], None], seconds: float, callers: int = 1) -> float:
    """Calls a second of all callers together; the last call of each counts to its end."""
    done = [0] * callers
    begun = time.perf_counter()

    def work(caller: int) -> None:
        while time.perf_counter() - begun < seconds:
            call()
            done[caller] += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - begun)
