"""Waiting until others have brought something about, and no longer."""

import time
from collections.abc import Callable

PAUSE = 0.02
"""Seconds between two looks."""


def wait_for(true: Callable[[], object], limit: float) -> bool:
    """Wait until it is true, or should have become so; whether it has."""
    end = time.monotonic() + limit
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(PAUSE)
    return True
