"""Runner: gives claimed attempts to the executors, and watches their time.

It remembers nothing: executors, with all that waits in them, and the book of attempts live outside
it, and what a dead Runner had not handed over is claimed again by the Scheduler.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loguru import logger

from ..core.clock import SECOND
from ..core.errors import InvalidMessage, TocsinError
from ..core.work import Claim, Start
from ..executors.base import Call, Executor, Report
from .attempts import Attempts
from .base import Actor
from .calls import DEFAULT_LANE, Calls, result_of
from .messages import CancelRuns, RunnerStarted, RunsFinished, StartRuns, WhatIsHeld

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
            case CancelRuns(claims=claims):
                self._cancel(claims)
            case WhatIsHeld():
                return self._attempts.alive()
            case _:
                raise InvalidMessage(f"the Runner does not understand {type(message).__name__}")
        return None

    def _admit(self, starts: Sequence[Start]) -> None:
        self._attempts.admit(starts)
        report = self._reporter()
        calls: dict[str, list[Call]] = {}
        for start in starts:
            calls.setdefault(self._calls.lane(start), []).append(self._calls.make(start))
        for name, wanted in calls.items():
            (self._lanes.get(name) or self._lanes[DEFAULT_LANE]).submit_all(wanted, report)

    def _reporter(self) -> Callable[[Report], None]:
        """What the executor's thread does at the end of a call: keep the result, then tell."""
        attempts, announce = self._attempts, self._announcer()

        def report(ended: Report) -> None:
            start = attempts.admitted(ended.claim)
            if start is not None and attempts.finish(result_of(start, ended)):
                announce()

        return report

    def _announcer(self) -> Callable[[], None]:
        """Tells the Scheduler that there are results, once for all that it has not taken yet."""
        scheduler = self.registry.address("scheduler")

        def announce() -> None:
            try:
                scheduler.tell(RunsFinished())
            except TocsinError as error:  # it looks into the book when it is back
                logger.debug("results wait for the scheduler: {}", error)

        return announce

    def _cancel(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            for lane in self._lanes.values():
                lane.cancel(claim)
