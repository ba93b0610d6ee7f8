"""The calls that wait for a slot: the most important first."""

import heapq
import itertools
from collections.abc import Iterator

from .ticket import Ticket


class Waiting:
    """Tickets by rank, then by coming. Guarded by the lock of their desk."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Ticket]] = []
        self._order = itertools.count()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Ticket]:
        return iter([ticket for _, _, ticket in self._heap if ticket.waits])

    def add(self, ticket: Ticket) -> None:
        """Queue a ticket."""
        ticket.waits = True
        heapq.heappush(self._heap, (ticket.call.rank, next(self._order), ticket))
        self._count += 1

    def pop(self) -> Ticket | None:
        """Take out the first one, None when nothing waits."""
        while self._heap:
            ticket = heapq.heappop(self._heap)[-1]
            if ticket.waits:
                self.discard(ticket)
                return ticket
        return None

    def discard(self, ticket: Ticket) -> None:
        """Take out any one; its place in the heap is passed over."""
        if ticket.waits:
            ticket.waits = False
            self._count -= 1
