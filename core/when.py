"""What people write for "when", as a schedule."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .errors import InvalidSchedule
from .schedule import KINDS, Schedule, at, schedule_from_dict


def to_schedule(when: Any) -> Schedule:
    """Turn a schedule, a phrase, an aware datetime or unix seconds into a schedule.

    Raises:
        InvalidSchedule: anything else, or a value that makes no sense.
    """
    if type(when) in KINDS:
        known: Schedule = when
        return known
    if isinstance(when, Mapping):
        return schedule_from_dict(dict(when))
    if isinstance(when, str | datetime | int | float) and not isinstance(when, bool):
        return at(when)
    if hasattr(when, "next_instant") and hasattr(when, "bind"):
        schedule: Schedule = when
        return schedule
    raise InvalidSchedule(
        f"{when!r} is no time: write a phrase such as '10:30pm' or 'in 5 minutes', an aware"
        " datetime, unix seconds, or cron(...), every(...), at(...), now(), after(...)"
    )
