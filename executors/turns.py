"""How long a thread keeps the interpreter while others wait for it."""

import sys
import threading

TURN = 0.0001
"""Seconds. Python's own 5 ms are too long: whoever waits for the disk loses its turn, and beside a
call that computes each commit would wait that long to go on."""


class Turns:
    """Short turns while anybody needs them; afterwards the host's own setting comes back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = TURN

    def shorten(self) -> None:
        """Ask for short turns, unless they are shorter already."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(min(TURN, self._before))

    def restore(self) -> None:
        """Need them no longer; what somebody else set meanwhile stays."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and abs(sys.getswitchinterval() - TURN) < TURN / 100:
                sys.setswitchinterval(self._before)


TURNS = Turns()
"""Of this interpreter."""
