"""How far long work is: one line on standard error that is written over, on a terminal only."""

import sys
import time

EVERY = 0.2
"""Seconds between two lines."""


class Progress:
    """Shows what is done, how much of it, and how much there is; quick work shows nothing."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty()
        self._next_at = time.monotonic() + EVERY
        self._width = 0

    def __call__(self, doing: str, done: int, total: int) -> None:
        """It went on."""
        if not self._shows or time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + EVERY
        share = f" {min(100, 100 * done // total)} %" if total and done else ""
        line = f"{doing}{share}"
        sys.stderr.write(f"\r{line:<{self._width}}")
        sys.stderr.flush()
        self._width = len(line)

    def end(self) -> None:
        """Leave no trace."""
        if self._width:
            sys.stderr.write(f"\r{'':<{self._width}}\r")
            sys.stderr.flush()
