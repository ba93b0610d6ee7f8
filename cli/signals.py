"""Signals of the operating system, as messages to the main thread."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def signals_to(inbox: "SimpleQueue[object]") -> Iterator[None]:
    """Put SIGTERM, SIGINT and SIGHUP into `inbox` while the block runs.

    A second SIGTERM or SIGINT ends the process at once, with 128 plus its number: whoever sends
    it does not want to wait for the first one any more.
    """
    asked = False

    def receive(number: int, _: FrameType | None) -> None:
        nonlocal asked
        if number in STOPPING and asked:
            os._exit(128 + number)
        asked = asked or number in STOPPING
        inbox.put(signal.Signals(number))  # a SimpleQueue may be written to in a signal handler

    before = {each: signal.signal(each, receive) for each in (*STOPPING, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
