"""Signals of the operating system, as messages to the main thread.

A Python handler alone is not enough: a signal that comes just before the main thread begins to
wait would be noticed when it wakes up for another reason, perhaps never. So the interpreter writes
each signal into a pipe as it arrives, and a thread of its own reads it.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

STOPPING = (signal.SIGTERM, signal.SIGINT)
RECEIVED = (*STOPPING, signal.SIGHUP, signal.SIGUSR1)


@contextmanager
def signals_to(inbox: "SimpleQueue[object]") -> Iterator[None]:
    """Put SIGTERM, SIGINT, SIGHUP and SIGUSR1 into `inbox` while the block runs. Main thread only.

    A second SIGTERM or SIGINT ends the process at once, with 128 plus its number: whoever sends
    it does not want to wait for the first one any more.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    handlers = {each: signal.signal(each, lambda *_: None) for each in RECEIVED}
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    reader = threading.Thread(target=_forward, args=(reading, inbox), name="signals", daemon=True)
    reader.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for each, handler in handlers.items():
            signal.signal(each, handler)
        os.close(writing)
        reader.join()
        os.close(reading)


def _forward(reading: int, inbox: "SimpleQueue[object]") -> None:
    """Hand on what is read, until the other end is closed."""
    asked = False
    while numbers := os.read(reading, 64):
        for number in numbers:
            if number in STOPPING and asked:
                os._exit(128 + number)
            asked = asked or number in STOPPING
            if number in RECEIVED:
                inbox.put(signal.Signals(number))
