"""The near-term window: what rings soon, in a heap; everything else stays in storage."""

import heapq
from collections.abc import Iterable

from ..core.work import Alarm


class Window:
    """Alarms by due time. An alarm that moves is pushed again; the stale copy is passed over."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []
        self._alarms: dict[int, Alarm] = {}

    def __len__(self) -> int:
        return len(self._alarms)

    def replace(self, alarms: Iterable[Alarm]) -> None:
        """Forget everything and hold these instead."""
        self._alarms = {a.id: a for a in alarms if a.due_at is not None}
        self._heap = [(a.due_at, a.id) for a in self._alarms.values() if a.due_at is not None]
        heapq.heapify(self._heap)

    def put(self, alarm: Alarm) -> None:
        """Add an alarm, move it, or take it out when it has no due time."""
        if alarm.due_at is None:
            self._alarms.pop(alarm.id, None)
            return
        self._alarms[alarm.id] = alarm
        heapq.heappush(self._heap, (alarm.due_at, alarm.id))

    def discard(self, alarm_id: int) -> None:
        """Take an alarm out."""
        self._alarms.pop(alarm_id, None)

    def next_due(self) -> int | None:
        """When the first one rings, None when there is none."""
        while self._heap:
            due_at, alarm_id = self._heap[0]
            alarm = self._alarms.get(alarm_id)
            if alarm is not None and alarm.due_at == due_at:
                return due_at
            heapq.heappop(self._heap)
        return None

    def pop_due(self, now: int, limit: int) -> list[Alarm]:
        """Take out up to `limit` alarms that are due, in order."""
        due: list[Alarm] = []
        while len(due) < limit:
            first = self.next_due()
            if first is None or first > now:
                break
            due.append(self._alarms.pop(heapq.heappop(self._heap)[1]))
        return due
