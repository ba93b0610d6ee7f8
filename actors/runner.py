"""Runner: gives claimed attempts to the executors, the most important first, and watches the time.

It remembers nothing that it could not lose: executors and the book of attempts live outside it,
and what a dead Runner had not handed over is claimed again by the Scheduler.
"""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from loguru import logger

from ..core.clock import SECOND
from ..core.errors import InvalidMessage, TocsinError
from ..core.limits import rank
from ..core.work import Claim, Start
from ..executors.base import Executor, Report
from .attempts import Attempts, unfinished
from .base import Actor
from .calls import DEFAULT_LANE, Calls, result_of
from .messages import CancelRuns, RunnerStarted, SlotFreed, StartRuns, WhatIsHeld

LONGEST_WAIT = SECOND


class Runner(Actor):
    """Admits attempts to the executors.

    Args:
        calls: makes calls of attempts.
        lanes: the executors by name.
        attempts: the book of everything that is alive.
    """

    batch = 100

    def __init__(self, calls: Calls, lanes: Mapping[str, Executor], attempts: Attempts) -> None:
        super().__init__()
        self._calls = calls
        self._lanes = lanes
        self._attempts = attempts
        self._waiting: dict[str, list[tuple[int, int, Start]]] = defaultdict(list)
        self._order = itertools.count()

    def on_start(self) -> None:
        """Tell the Scheduler, if there is one already, that an earlier Runner's queue is gone."""
        held = {claim for lane in self._lanes.values() for claim in lane.holding()}
        self._attempts.retain(held, self.clock.now())
        try:
            self.registry.address("scheduler").tell(RunnerStarted())
        except TocsinError:
            logger.debug("the runner starts before the scheduler")

    def patience(self) -> float | None:
        """Seconds to the next time limit, one at most while anything runs."""
        limits = [lane.next_deadline() for lane in self._lanes.values()]
        due = min((limit for limit in limits if limit is not None), default=None)
        if due is None:
            return None
        return max(0, min(LONGEST_WAIT, due - self.clock.monotonic())) / SECOND

    def idle(self) -> None:
        """End the calls whose time is up."""
        for lane in self._lanes.values():
            for claim in lane.overdue():
                logger.warning("run {} took longer than its timeout and is ended", claim[0])
                lane.expire(claim)

    def handle(self, message: Any) -> Any:
        """Act on one message."""
        match message:
            case StartRuns(starts=starts):
                self._admit(starts)
            case SlotFreed(lane=lane):
                self._dispatch(lane)
            case CancelRuns(claims=claims):
                self._cancel(claims)
            case WhatIsHeld():
                return self._attempts.alive()
            case _:
                raise InvalidMessage(f"the Runner does not understand {type(message).__name__}")
        return None

    def _admit(self, starts: Sequence[Start]) -> None:
        touched = set()
        for start in starts:
            self._attempts.admit(start)
            lane = self._calls.lane(start)
            lane = lane if lane in self._lanes else DEFAULT_LANE
            place = (rank(start.priority, start.due_at), next(self._order), start)
            heapq.heappush(self._waiting[lane], place)
            touched.add(lane)
        for lane in touched:
            self._dispatch(lane)

    def _dispatch(self, lane: str) -> None:
        """Fill the free slots of a lane."""
        executor, waiting = self._lanes[lane], self._waiting[lane]
        free = executor.free() if waiting else 0
        while waiting and free > 0:
            start = heapq.heappop(waiting)[-1]
            executor.submit(self._calls.make(start), self._reporter(start, lane))
            free -= 1

    def _reporter(self, start: Start, lane: str) -> Any:
        """What the executor's thread does at the end of a call: keep the result, then tell."""
        scheduler, runner = self.registry.address("scheduler"), self.registry.address("runner")

        def report(ended: Report) -> None:
            result = result_of(start, ended)
            self._attempts.finish(result)
            try:
                scheduler.tell(result)
                runner.tell(SlotFreed(lane))
            except TocsinError as error:  # both look into the book when they are back
                logger.debug("the result of run {} waits: {}", start.run_id, error)

        return report

    def _cancel(self, claims: Sequence[Claim]) -> None:
        wanted = set(claims)
        for waiting in self._waiting.values():
            for place in [p for p in waiting if p[-1].claim in wanted]:
                waiting.remove(place)
                self._never_started(place[-1])
            heapq.heapify(waiting)
        for claim in claims:
            for lane in self._lanes.values():
                lane.cancel(claim)

    def _never_started(self, start: Start) -> None:
        result = unfinished(start, "cancelled", self.clock.now())
        self._attempts.finish(result)
        self.registry.address("scheduler").tell(result)
