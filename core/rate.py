"""Rates, such as "10/minute": how many starts any stretch of time may see.

Why this is not the `limits` package: its storages count in memory or in servers of their own, by
the wall clock, while our starts must be rows of the transaction that claims a run, by a clock that
is passed in. What would be left is its parser, and `limits.parse` does not know "1/10s" and
"10/m", takes "0/minute" for a rate, drops the second half of "10/minute;5/second" without a word,
and says of "10/fortnight" that "no granularity matched for fortnight".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .durations import parse_duration
from .errors import InvalidTask, TocsinError

MOST_COUNTED = 100_000
"""Starts that one rate may have to remember."""

_WRITTEN = re.compile(r"\s*(\d{1,6})\s*(?:/|per\b)\s*(\S.*)")
_LONE_UNIT = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many starts in any stretch of so long.

    Attributes:
        amount: starts, 1 or more.
        period: microseconds, longer than nothing.
    """

    amount: int
    period: int

    def next_start(self, starts: Sequence[int], now: int) -> int:
        """When another start is allowed: now, or when enough of the earlier ones are old.

        Args:
            starts: when earlier ones were, in order; those that the clock has not reached, for it
                was set back, count as of now.
            now: the present instant.
        """
        if len(starts) < self.amount:
            return now
        return max(now, min(starts[-self.amount], now) + self.period)


def parse_rate(text: object) -> Rate:
    """Read "10/minute", "1/10s" or "5 per 2 hours".

    Raises:
        InvalidTask: it is no rate; the message shows one.
    """
    written = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    period = 0
    if written is not None:
        unit = written[2]
        try:
            period = parse_duration(f"1 {unit}" if _LONE_UNIT.match(unit) else unit)
        except TocsinError as error:
            raise InvalidTask(f"{text!r} is no rate: {error}") from error
    if written is None or period <= 0 or not 1 <= int(written[1]) <= MOST_COUNTED:
        raise InvalidTask(f'a rate is written "10/minute" or "1/10s", not {text!r:.100}')
    return Rate(int(written[1]), period)
