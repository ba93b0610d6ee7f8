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
    one = _Call(lambda: contender.schedule(orders.next()))
    figures = {
        **one.rate("single", sizes.seconds),
        **one.rate("callers_64", sizes.seconds, CALLERS),
    }
    if contender.has_bulk:
        many = _Call(lambda: contender.schedule_many(orders.together(BULK)), BULK)
        figures |= many.rate("bulk", sizes.seconds)
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


class _Call:
    """Something that is called for a while.

    Args:
        call: does it.
        orders: how many orders each call places.
    """

    def __init__(self, call: Callable[[], None], orders: int = 1) -> None:
        self._call = call
        self._orders = orders

    def rate(self, name: str, seconds: float, callers: int = 1) -> Figures:
        """Orders a second of all callers together, and what each costs this process.

        The CPU time tells more than the rate on a machine that others use at the same time.
        """
        done = [0] * callers
        begun, cpu = time.perf_counter(), time.process_time()

        def work(caller: int) -> None:
            while time.perf_counter() - begun < seconds:
                self._call()
                done[caller] += 1

        threads = [threading.Thread(target=work, args=(n,)) for n in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken, cpu = time.perf_counter() - begun, time.process_time() - cpu
        orders = sum(done) * self._orders
        return {f"{name}_s": orders / taken, f"{name}_cpu_us": cpu / orders * 1e6}
