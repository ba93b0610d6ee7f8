"""Where time comes from: one small protocol, passed in, so that tests own time.

Inside Tocsin an instant is an integer: microseconds since 1970-01-01 UTC. Outside it is an aware
`datetime`. This module holds the protocol, the real clock and the two conversions.
"""

import time
from datetime import UTC, datetime, timedelta
from threading import Condition
from typing import Protocol

MICROSECOND = 1
MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT = timedelta(microseconds=1)


class Clock(Protocol):
    """A source of time. The service never reads time from anywhere else."""

    def now(self) -> int:
        """Wall clock: microseconds since the epoch, UTC. May step in both directions."""
        ...

    def monotonic(self) -> int:
        """Microseconds that never run backwards; only differences mean something."""
        ...

    def wait(self, condition: Condition, timeout: float | None) -> None:
        """Wait on `condition` (lock held) for at most `timeout` seconds of this clock's time.

        Args:
            condition: returns early when it is notified.
            timeout: seconds, None to wait for a notification only.
        """
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        return time.time_ns() // 1_000

    def monotonic(self) -> int:
        """Microseconds since some fixed point; time that the machine slept counts, if it can."""
        return time.clock_gettime_ns(_ELAPSED) // 1_000

    def wait(self, condition: Condition, timeout: float | None) -> None:
        """Wait on `condition` for at most `timeout` real seconds."""
        condition.wait(timeout)


def to_instant(moment: datetime) -> int:
    """Turn an aware datetime into microseconds since the epoch.

    Raises:
        ValueError: the datetime has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone: use an aware datetime")
    return (moment - _EPOCH) // _UNIT


def from_instant(instant: int) -> datetime:
    """Turn microseconds since the epoch into an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=instant)
