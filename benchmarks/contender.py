"""What a scheduler must be able to do to be measured: this project's own, and each peer."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

SECOND = 1_000_000_000
"""Nanoseconds; so are all instants here."""

FAR = 10 * 365 * 86_400 * SECOND
"""How far ahead the tasks lie that are only pending."""


class Order(NamedTuple):
    """A one-shot to schedule: `recorder.note(number, due)`, at `due`."""

    number: int
    due: int

    @property
    def seconds(self) -> float:
        """The due time as others write it."""
        return self.due / SECOND


class Contender(ABC):
    """One scheduler with its durable settings, on one store.

    Args:
        folder: where its files lie.
        server: the URL of its server, empty for those that need none.

    Attributes:
        stored: orders placed.
        far: how many of them are far ahead, and stay.
        has_bulk: whether it can store many orders in one call.
        serves_to_schedule: whether orders go through the running service.
        hears_due: whether recurring callbacks know for when they were planned.
    """

    has_bulk: ClassVar[bool] = False
    serves_to_schedule: ClassVar[bool] = False
    hears_due: ClassVar[bool] = False

    def __init__(self, folder: Path, server: str = "") -> None:
        self.folder = folder
        self.server = server
        self.stored = 0
        self.far = 0
        self._spun = threading.Event()

    @abstractmethod
    def fill(self, pending: int) -> None:
        """Make the store anew, with so many tasks that are due in ten years."""

    @abstractmethod
    def open(self) -> None:
        """Be ready to schedule; nothing rings yet."""

    @abstractmethod
    def start(self) -> None:
        """Ring what is due from now on."""

    @abstractmethod
    def stop(self) -> None:
        """End everything that runs."""

    @abstractmethod
    def schedule(self, order: Order) -> None:
        """Store one order; when this returns, it is durable."""

    def schedule_many(self, orders: Sequence[Order]) -> None:
        """Store many orders in the fastest documented way."""
        for order in orders:
            self.schedule(order)

    @abstractmethod
    def left(self) -> int:
        """How many of the orders placed since `open` the store does not show as done."""

    def unfinished(self) -> int:
        """The same without those that are far ahead."""
        return self.left() - self.far

    def asked(self) -> int | None:
        """What its server was asked so far; None for those without one."""
        return None

    def recur(self, count: int, first: int) -> list[int]:
        """Start `count` tasks, each every second; returns when each is planned first.

        Raises:
            LookupError: it has no recurring tasks.
        """
        raise LookupError(
            f"{type(self).__name__} has no recurring tasks to start {count} of at {first}:"
            " take W7 from its workloads in catalogue.py"
        )

    def recorded(self, begin: int, end: int) -> int | None:
        """How many occurrences of a stretch the store shows as run; None when it keeps none."""
        del begin, end
        return None

    def spin(self) -> None:
        """Keep one thread busy until `stop`, as a callback would that computes all the time."""
        threading.Thread(target=self._spin, daemon=True).start()

    def _spin(self) -> None:
        while not self._spun.is_set():
            sum(range(500))
