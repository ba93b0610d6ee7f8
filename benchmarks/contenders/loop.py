"""An asyncio loop in a thread of its own, for peers whose own interface is asynchronous."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Loop:
    """A running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = 600) -> T:
        """Wait for the result."""
        return self.spawn(work).result(timeout)

    def spawn(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start it and go on."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, function: Any, *args: Any) -> None:
        """Call something inside the loop, soon."""
        self._loop.call_soon_threadsafe(function, *args)
