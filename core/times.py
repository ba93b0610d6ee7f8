"""Time phrases: "10:30pm", "in 10 minutes", "tomorrow 9am", "2026-03-01T09:00Z" -> an instant.

The grammar is strict: what could mean two things is refused with a hint, never guessed. Whatever
was decided for the reader (tomorrow, because today's 22:30 has passed) is said in a note.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .clock import SECOND, to_instant
from .durations import parse_duration
from .errors import InvalidTime
from .zones import resolve_wall, wall, zone


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a phrase means.

    Attributes:
        instant: microseconds since the epoch, UTC.
        note: what the reader should know about it, None when the phrase says it all.
    """

    instant: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class _Here:
    """Where and when the phrase is read."""

    now: int
    tz: str
    zone: ZoneInfo

    @property
    def today(self) -> date:
        return wall(self.now, self.zone).date()

    def describe(self, instant: int) -> str:
        return describe_instant(instant, self.tz)


def parse_time(text: str, *, now: int, tz: str = "UTC") -> Resolved:
    """Turn a time phrase into an instant.

    A time of day is the next one; a weekday is the next such day at that time; without "am" or
    "pm" the clock has 24 hours; "in 2 days" is elapsed time. A time that clocks skip is the end
    of the gap, a time that they show twice is the first. A date in the past is due at once.

    Args:
        text: the phrase; case and surrounding white space do not matter.
        now: the present instant in microseconds.
        tz: IANA name of the time zone in which the phrase is meant. Default UTC.

    Returns:
        The instant, with a note when something was decided for the reader.

    Raises:
        InvalidTime: the phrase is not clear; the message says what to write.
        InvalidSchedule: there is no such time zone.
    """
    here = _Here(now, tz, zone(tz))
    phrase = " ".join(text.split())
    try:
        resolved = _resolve(phrase, here)
        wall(resolved.instant, here.zone)  # an instant that no calendar can show is of no use
    except OverflowError as error:
        raise _out_of_range(phrase) from error
    if resolved.instant < 0:
        raise _out_of_range(phrase)
    return resolved


def describe_instant(instant: int, tz: str) -> str:
    """Write an instant for a person: "Thu 2026-12-24 18:00 Europe/Berlin".

    Args:
        instant: microseconds since the epoch.
        tz: IANA name of the time zone to show it in.

    Returns:
        The text; seconds are shown when they are not zero, fractions never.
    """
    shown = wall(instant, zone(tz))
    precision = "seconds" if shown.second else "minutes"
    return f"{_DAYS[shown.weekday()]} {shown.isoformat(' ', precision)} {tz}"


# ---------------------------------------------------------------- the grammar

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEKDAY = (
    r"mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?"
    r"|sun(?:day)?"
)
_CLOCK = (
    r"(?P<clock>(?P<word>noon|midnight)"
    r"|(?P<hour>\d{1,2})(?:(?P<mark>[:.])(?P<minute>\d{1,2})(?::(?P<second>\d{1,2}))?)?"
    r"(?: ?(?P<half>[ap])(?:m|\.m\.))?)"
)
_ISO = (
    r"(?:\d{4}-\d\d-\d\d[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:[.,]\d{1,6})?)?"
    r"|\d{8}T(?:[01]\d|2[0-3])\d\d(?:\d\d(?:[.,]\d{1,6})?)?)"
    r"(?:Z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)?"
)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.ASCII)


def _resolve(phrase: str, here: _Here) -> Resolved:
    if len(phrase) <= 100:
        for pattern, read in _GRAMMAR:
            if match := pattern.fullmatch(phrase):
                return read(match, here)
        for pattern, reason, examples in _MISTAKES:
            if pattern.fullmatch(phrase):
                raise _refusal(phrase, reason, examples.format(phrase))
    raise _refusal(phrase, "is not a time that can be read safely", '"tomorrow 9am" or "22:30"')


def _now(_match: re.Match[str], here: _Here) -> Resolved:
    return Resolved(here.now)


def _after(match: re.Match[str], here: _Here) -> Resolved:
    """Read "in 10 minutes"."""
    try:
        return Resolved(here.now + parse_duration(match["duration"]))
    except InvalidTime as error:
        examples = '"in 10 minutes" or "2026-12-24 18:00"'
        raise _refusal(match.string, f"is not clear: it {error.reason}", examples) from error


def _unix(match: re.Match[str], here: _Here) -> Resolved:
    """Read "1790000000.25"."""
    fraction = (match["fraction"] or "").ljust(6, "0")
    return _dated(int(match["seconds"]) * SECOND + int(fraction), here)


def _iso(match: re.Match[str], here: _Here) -> Resolved:
    """Read "2026-12-24T18:00:00.5+01:00", and the same without an offset."""
    try:
        moment = datetime.fromisoformat(match.string.upper())
    except ValueError as error:
        raise _no_such_date(match.string) from error
    if moment.tzinfo is None:
        return _on_wall(moment, here)
    return _dated(to_instant(moment), here)


def _on_date(match: re.Match[str], here: _Here) -> Resolved:
    """Read "2026-12-24 6pm"."""
    clock = _clock_of_day(match)
    try:
        day = date.fromisoformat(match["date"])
    except ValueError as error:
        raise _no_such_date(match.string) from error
    return _on_wall(datetime.combine(day, clock), here)


def _at_clock(match: re.Match[str], here: _Here) -> Resolved:
    """Read "10:30pm": the next one."""
    clock = _clock(match)
    days, instant, note = _next(clock, here, first=0, step=1)
    if match["word"] and clock == time(0):
        note = _join(f"the coming midnight: {here.describe(instant)}", note)
    elif days:
        tomorrow = "tomorrow, " if days == 1 else ""
        passed = f"{match['clock']} has passed today: {tomorrow}{here.describe(instant)}"
        note = _join(passed, note)
    return Resolved(instant, note)


def _on_day(match: re.Match[str], here: _Here) -> Resolved:
    """Read "today 18:00" or "tomorrow at 9am"."""
    clock = _clock_of_day(match)
    days = 1 if match["day"].lower() == "tomorrow" else 0
    day = here.today + timedelta(days=days)
    instant, note = _at(datetime.combine(day, clock), here)
    if instant <= here.now:
        examples = f'"tomorrow {match["clock"]}" or "in 10 minutes"'
        raise _refusal(match.string, "has passed", examples)
    return Resolved(instant, note)


def _on_weekday(match: re.Match[str], here: _Here) -> Resolved:
    """Read "mon 08:00": the next Monday on which it is still ahead."""
    clock = _clock_of_day(match)
    wanted = _DAYS.index(match["day"][:3].title())
    first = (wanted - here.today.weekday()) % 7
    _, instant, note = _next(clock, here, first=first, step=7)
    return Resolved(instant, _join(here.describe(instant), note))


_GRAMMAR: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], _Here], Resolved]], ...] = (
    (_pattern(r"now"), _now),
    (_pattern(r"in (?P<duration>\d.*)"), _after),
    (_pattern(r"(?P<seconds>\d{9,11})(?:\.(?P<fraction>\d{1,6}))?"), _unix),
    (_pattern(_ISO), _iso),
    (_pattern(rf"(?P<date>\d{{4}}-\d\d-\d\d)(?:T| at | ){_CLOCK}"), _on_date),
    (_pattern(rf"(?:at )?{_CLOCK}"), _at_clock),
    (_pattern(rf"(?P<day>today|tomorrow)(?: at)? {_CLOCK}"), _on_day),
    (_pattern(rf"(?P<day>{_WEEKDAY})(?: at)? {_CLOCK}"), _on_weekday),
)

# ---------------------------------------------------------------- clocks and calendars


def _clock(match: re.Match[str]) -> time:
    """Read the time of day in `match`, which is any pattern around `_CLOCK`."""
    if match["word"]:
        return time(12) if match["word"].lower() == "noon" else time(0)
    phrase, hour, half = match.string, int(match["hour"]), match["half"]
    minute, second = match["minute"] or "00", match["second"] or "00"
    if match["mark"] == ".":
        raise _refusal(phrase, "needs a colon", f'"{hour}:{minute:0>2}" or "10:30pm"')
    if len(minute) < 2 or len(second) < 2:
        raise _refusal(phrase, "needs two digits after the colon", '"08:05" or "8:05pm"')
    if half is None and match["minute"] is None:
        raise _refusal(phrase, "may be morning or evening", '"08:00" or "8pm"')
    if half is not None and not 1 <= hour <= 12:
        reason = "does not exist: with am or pm, hours go from 1 to 12"
        raise _refusal(phrase, reason, '"1:00pm" or "13:00"')
    if half is not None:
        hour = hour % 12 + (12 if half in "pP" else 0)
    if hour > 23 or int(minute) > 59 or int(second) > 59:
        raise _refusal(phrase, "does not exist: a day ends at 23:59:59", '"22:30" or "10:30pm"')
    return time(hour, int(minute), int(second))


def _clock_of_day(match: re.Match[str]) -> time:
    """Read the time of day that follows a date, a day or a weekday."""
    clock = _clock(match)
    if match["word"] and clock == time(0):
        reason = "may mean the start or the end of that day"
        raise _refusal(match.string, reason, '"tomorrow 00:00" or "midnight"')
    return clock


def _next(clock: time, here: _Here, *, first: int, step: int) -> tuple[int, int, str | None]:
    """Find the first day, from `first` days on in steps, on which `clock` is still ahead.

    Returns:
        How many days ahead it is, the instant, and a note about the clocks of that day.
    """
    days = first
    while True:
        day = here.today + timedelta(days=days)
        instant, note = _at(datetime.combine(day, clock), here)
        if instant > here.now:
            return days, instant, note
        days += step


def _on_wall(naive: datetime, here: _Here) -> Resolved:
    instant, note = _at(naive, here)
    dated = _dated(instant, here)
    return Resolved(instant, _join(dated.note, note))


def _dated(instant: int, here: _Here) -> Resolved:
    """Resolve a full date, which may lie in the past."""
    past = instant < here.now
    return Resolved(
        instant, f"{here.describe(instant)} lies in the past: it is due now" if past else None
    )


def _at(naive: datetime, here: _Here) -> tuple[int, str | None]:
    """Find the instant of a wall time, and a note when clocks skip or repeat it."""
    instant, found = resolve_wall(naive, here.zone)
    shown = f"{naive:%H:%M}"
    if found == "gap":
        return instant, f"clocks skip {shown} that day: {here.describe(instant)}"
    if found == "fold":
        return instant, f"clocks show {shown} twice that day: the first is meant"
    return instant, None


def _join(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None


# ---------------------------------------------------------------- refusals

_MISTAKES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (_pattern(r""), "is empty", '"tomorrow 9am" or "22:30"'),
    (_pattern(r".*\d[.,]\d{7,}.*"), "is finer than a microsecond", '"22:30:15" or "1790000000.25"'),
    (
        _pattern(rf"today|tomorrow|{_WEEKDAY}|\d{{4}}-\d\d-\d\d"),
        "has no time of day",
        '"{0} 9am" or "{0} 18:00"',
    ),
    (
        _pattern(rf"(?:next|this|coming|last) (?:{_WEEKDAY})\b.*"),
        "may mean two different days",
        '"monday 8am" or "2026-12-24 18:00"',
    ),
    (
        _pattern(rf".*[\dmn.] (?:on )?(?:today|tomorrow|{_WEEKDAY})"),
        "names the day last",
        '"tomorrow 9am" or "monday 08:00"',
    ),
    (
        _pattern(r".*\b(?:morning|afternoon|evening|night|tonight)\b.*"),
        "leaves the hour open",
        '"10:30pm" or "tomorrow 08:00"',
    ),
    (
        _pattern(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?!\d).*"),
        "is not the full form of a date and a time",
        '"2026-12-24 18:00" or "2026-12-24T18:00:00Z"',
    ),
    (
        _pattern(r"\d{1,2}[-/.]\d{1,2}(?:[-/.]\d{2,4})?\b.*"),
        "has a date that can be read in two ways",
        '"2026-12-24 18:00" or "2026-12-24 6pm"',
    ),
    (
        _pattern(r"\d{12,14}(?:\.\d*)?"),
        "looks like milliseconds: seconds are meant here",
        '"1790000000" or "2026-12-24 18:00"',
    ),
    (_pattern(r"[\d.]+"), "is only a number", '"22:30" or "in 10 minutes"'),
    (
        _pattern(
            r"\d+(?:\.\d+)? ?(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)"
        ),
        "is a length of time, not a time",
        '"in {0}" or "22:30"',
    ),
    (_pattern(r"in\b.*"), "needs a number and a unit", '"in 10 minutes" or "in 1h30m"'),
)


def _no_such_date(phrase: str) -> InvalidTime:
    reason = "does not exist"
    return _refusal(phrase, reason, '"2026-12-24 18:00" or "2026-12-24T18:00:00Z"')


def _out_of_range(phrase: str) -> InvalidTime:
    reason = "lies outside the years 1970 to 9999"
    return _refusal(phrase, reason, '"2026-12-24 18:00" or "tomorrow 9am"')


def _refusal(phrase: str, reason: str, examples: str) -> InvalidTime:
    shown = repr(phrase) if len(phrase) <= 60 else f"{phrase[:57]!r}..."
    return InvalidTime(f"{shown} {reason}; write {examples}", reason=reason)
