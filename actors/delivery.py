"""Telling listeners what handlers published: in order for each task, and at least once."""

import threading
from collections.abc import Callable, Sequence

from loguru import logger

from ..core.clock import Clock
from ..core.published import Listener, Published, delay_before
from ..storage.deliveries import Deliveries, Missed
from .base import describe

BATCH = 100


class Delivery:
    """Tells each listener what it has not heard yet.

    Args:
        store: how far each has heard.
        listeners: everybody who wants to hear.
        clock: where time comes from.
        alive: called between two calls, as a sign of life.
        may_act: asked before each call; False when somebody else does this now.
    """

    def __init__(
        self,
        store: Deliveries,
        listeners: Sequence[Listener],
        clock: Clock,
        *,
        alive: Callable[[], None] = lambda: None,
        may_act: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._alive = alive
        self._may_act = may_act
        self._listeners = tuple(listeners)
        self._positions: dict[str, int] = {}

    def begin(self) -> None:
        """Find out how far everybody has heard."""
        for listener in self._listeners:
            self._positions[listener.name] = self._store.begin(
                listener.name, replay=listener.replay
            )

    def step(self) -> int:
        """Tell everybody one batch. Returns how many calls were made: 0 when nothing is due."""
        return sum(self._again(each) + self._news(each) for each in self._listeners)

    def next_due(self) -> int | None:
        """When somebody is to be told something again, None for never."""
        return self._store.next_due([each.name for each in self._listeners])

    def _news(self, listener: Listener) -> int:
        news = self._store.new(self._positions[listener.name], BATCH)
        if not news:
            return 0
        behind, missed = self._store.behind(listener.name), list[Missed]()
        calls, position = 0, self._positions[listener.name]
        for event in news:
            if not self._may_act():
                break
            if event.event_type in listener.types:
                failed = (
                    self._wait(event) if event.task_id in behind else self._tell(listener, event)
                )
                calls += event.task_id not in behind
                if failed is not None:
                    behind.add(event.task_id)
                    missed.append(failed)
            position = event.id
        self._store.advance(listener.name, position, missed)
        self._positions[listener.name] = position
        return calls

    def _again(self, listener: Listener) -> int:
        due = self._store.again(listener.name, self._clock.now(), BATCH)
        heard, missed = list[int](), list[Missed]()
        for event in due:
            if not self._may_act():
                break
            failed = self._tell(listener, event)
            if failed is None:
                heard.append(event.id)
            else:
                missed.append(failed)
        if heard or missed:
            self._store.settle(listener.name, heard, missed)
        return len(heard) + len(missed)

    def _wait(self, event: Published) -> Missed:
        """It comes after one of the same task that was not heard."""
        return Missed(event, self._clock.now(), 1)

    def _tell(self, listener: Listener, event: Published) -> Missed | None:
        self._alive()
        try:
            listener.function(event)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and in_main_thread():
                raise
            attempt = event.attempt + 1
            logger.warning(
                "{} failed on event {} ({}), it is told again: {}",
                listener.name, event.id, event.event_type, type(error).__name__,
            )  # fmt: skip
            due_at = self._clock.now() + delay_before(attempt)
            return Missed(event, due_at, attempt, describe(error))
        return None


def in_main_thread() -> bool:
    """Where Ctrl-C arrives; anywhere else somebody raised it."""
    return threading.current_thread() is threading.main_thread()
