"""How long the history of runs and the log are kept."""

import re
from dataclasses import dataclass
from datetime import timedelta

from .clock import DAY
from .durations import format_duration, parse_duration
from .errors import InvalidConfig, InvalidTime

FOREVER = "forever"
HISTORY = "90d"
EVENTS = "1y"

_YEARS = re.compile(r"\s*([0-9]{1,3})\s*(?:y|year|years)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept for how long, in microseconds; None for ever.

    Attributes:
        history: the records of finished runs, from their end on.
        events: the log. At least as long as the history, which is folded from it.

    Raises:
        InvalidConfig: the log would be shorter than the history.
    """

    history: int | None
    events: int | None

    def __post_init__(self) -> None:
        """Refuse a history that could not be folded again."""
        if self.events is not None and (self.history is None or self.history > self.events):
            history = FOREVER if self.history is None else format_duration(self.history)
            raise InvalidConfig(
                f"events are kept for {format_duration(self.events)} and the history for {history},"
                " but the history follows from the events: keep those at least as long"
            )


def parse_keep(value: str | float | timedelta | None) -> int | None:
    """How long something is kept, in microseconds; None for ever.

    Args:
        value: a duration such as "90d", years of 365 days such as "1y", "forever" or None.

    Raises:
        InvalidTime: it is not clear, or no time at all.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() == FOREVER):
        return None
    years = _YEARS.fullmatch(value) if isinstance(value, str) else None
    kept = int(years[1]) * 365 * DAY if years else parse_duration(value)
    if kept == 0:
        raise InvalidTime(f'{value!r} keeps nothing; write such as "90d", "1y" or "forever"')
    return kept
