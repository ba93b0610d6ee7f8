"""What is set otherwise in this process while a service runs, and back when it has stopped."""

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

TURN = 0.0001
"""Seconds for which a thread keeps the interpreter while others wait for it, until `turns` knows
better. Python's own 5 ms are too long: whoever waits for the disk loses its turn, and beside a call
that computes each commit would wait that long to go on."""

YOUNG = 10_000
"""New containers after which the garbage collector looks at them. With Python's own 700 it looks
fifty times at a burst of runs, and several times at everything else: for tens of milliseconds."""


class Setting(Generic[T]):
    """A setting of the host, changed as long as anybody needs that.

    Args:
        read: the present value.
        write: sets another one.
        wanted: what is needed, given the host's own value.
    """

    def __init__(
        self, read: Callable[[], T], write: Callable[[T], object], wanted: Callable[[T], T]
    ) -> None:
        self._read = read
        self._write = write
        self._wanted = wanted
        self._lock = threading.Lock()
        self._users = 0
        self._before = self._ours = read()

    def change(self) -> None:
        """Need it; until `restore` was called as often."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._before = self._read()
                self._write(self._wanted(self._before))
                self._ours = self._read()

    def adjust(self, wanted: Callable[[T], T]) -> None:
        """Need something else; not if nobody needs anything, or somebody else has set it."""
        with self._lock:
            if self._users and self._read() == self._ours:
                self._write(wanted(self._before))
                self._ours = self._read()

    def restore(self) -> None:
        """Need it no longer; what somebody else set meanwhile stays."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._read() == self._ours:
                self._write(self._before)


def _fewer_looks(before: tuple[int, int, int]) -> tuple[int, int, int]:
    young, middle, old = before
    return (max(young, YOUNG) if young else 0, middle, old)  # 0: the host collects by itself


TURNS = Setting(sys.getswitchinterval, sys.setswitchinterval, lambda before: min(TURN, before))
"""How long a thread keeps the interpreter."""

LOOKS = Setting(gc.get_threshold, lambda limits: gc.set_threshold(*limits), _fewer_looks)
"""How often the garbage collector looks for garbage."""

SETTINGS: tuple[Setting[Any], ...] = (TURNS, LOOKS)


@contextmanager
def punctual_threads() -> Iterator[None]:
    """Let the threads that are started meanwhile, and those that they start, wake up in time.

    Linux adds 50 µs to whatever a thread waits for by the clock, so that it can wake several at
    once: to each alarm, and to each wait for a turn of the interpreter. A thread begins with the
    slack of the one that starts it. Elsewhere nothing happens.
    """
    slack = Path(f"/proc/{threading.get_native_id()}/timerslack_ns")
    before = None
    with suppress(OSError, ValueError):
        before = slack.read_text()
        slack.write_text("1")
    try:
        yield
    finally:
        if before is not None:
            with suppress(OSError):
                slack.write_text(before)
