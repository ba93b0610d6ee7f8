"""Where an asker waits for the answer."""

import queue
import threading
from typing import Any

import pykka


class Reply(pykka.Future[Any]):
    """A future of pykka's kind with two locks and no condition: one is made for every question."""

    def __init__(self) -> None:
        super().__init__()
        self._first = threading.Lock()
        self._pending = threading.Lock()
        self._pending.acquire()
        self._value: Any = None
        self._error: BaseException | None = None

    def get(self, *, timeout: float | None = None) -> Any:
        """Wait for the answer.

        Args:
            timeout: seconds to wait, None for ever.

        Raises:
            pykka.Timeout: there is no answer yet.
            BaseException: the one that was given instead of an answer.
        """
        if self._get_hook is not None:
            return super().get(timeout=timeout)
        if not self._pending.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            raise pykka.Timeout(f"{timeout} seconds")
        self._pending.release()  # it may be asked for again
        if self._error is not None:
            raise self._error
        return self._value

    def set(self, value: Any = None) -> None:
        """Answer.

        Raises:
            queue.Full: it is answered already.
        """
        self._take_place()
        self._value = value
        self._pending.release()

    def set_exception(self, exc_info: Any = None) -> None:
        """Raise an error where the asker waits; `exc_info` as `sys.exc_info()` gives it.

        Raises:
            queue.Full: it is answered already.
        """
        self._take_place()
        self._error = exc_info[1]
        self._pending.release()

    def _take_place(self) -> None:
        if self._get_hook is not None or not self._first.acquire(blocking=False):
            raise queue.Full
