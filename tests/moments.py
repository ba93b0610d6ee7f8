"""What the tests of schedules share."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin.core.clock import to_instant
from tocsin.core.errors import InvalidSchedule
from tocsin.core.schedule import (
    Schedule,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_INSTANT = to_instant(NOON)
BEFORE_ALL_TIME = -(1 << 62)


def fire(schedule: Schedule, start: int, n: int) -> list[int]:
    """The next `n` instants, fewer when the schedule ends."""
    found: list[int] = []
    instant = schedule.next_instant(start)
    while instant is not None and len(found) < n:
        found.append(instant)
        instant = schedule.next_instant(instant)
    return found


def refused(make: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(InvalidSchedule) as error:
        make(*args, **kwargs)
    return str(error.value)
