"""The grammar of cron expressions: strict, and it says which field is wrong and why.

What passes is written in the form that croniter reads without surprises. Alone, croniter takes
`5-5` for "always" and miscounts the steps of ranges that run backwards.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import InvalidSchedule
from .hints import did_you_mean

LONGEST_EXPRESSION = 256

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

_SHAPE = re.compile(r"(\*|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/([0-9]+))?", re.ASCII)
_NEAREST = re.compile(r"([0-9]+)w|w([0-9]+)", re.ASCII)
_NTH = re.compile(r"([0-9a-z]+)#([0-9]+)", re.ASCII)
_LAST = re.compile(r"([0-9])l|l([0-9])", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)


_SECOND = _Field("second", 0, 59)
_DAY = _Field("day-of-month", 1, 31)
_WEEKDAY = _Field("day-of-week", 0, 7, {name: i for i, name in enumerate(_WEEKDAYS)})
_FIVE = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _DAY,
    _Field("month", 1, 12, {name: i for i, name in enumerate(_MONTHS, 1)}),
    _WEEKDAY,
)


class _Refused(Exception):
    """Why a field is wrong."""


def read_fields(expr: str) -> list[str]:
    """Check an expression and return its 5 fields, or 6 with seconds first.

    Args:
        expr: such as "0 9 * * mon-fri", "*/30 * * * * *" or "@daily"; case does not matter.

    Raises:
        InvalidSchedule: with the name of the wrong field, its position and the bare reason.
    """
    if len(expr) > LONGEST_EXPRESSION:
        raise InvalidSchedule(
            f"a cron expression has at most {LONGEST_EXPRESSION} characters, not {len(expr)}",
            field="expression",
            position=0,
            reason="too long",
        )
    texts = [text for text in re.split(r"[ \t]+", expr.lower()) if text]
    if texts and texts[0].startswith("@"):
        texts = _nickname(expr, texts)
    fields = _layout(expr, texts)
    read = [_read(expr, fields[i], i, text) for i, text in enumerate(texts)]
    _check_days(expr, read)
    return read


def refuse(expr: str, name: str, position: int, reason: str, hint: str = "") -> InvalidSchedule:
    """Return the error for one field of `expr`."""
    return InvalidSchedule(
        f"cron expression {expr!r}: {name} {reason}{hint}",
        field=name,
        position=position,
        reason=reason,
    )


def _nickname(expr: str, texts: list[str]) -> list[str]:
    if len(texts) == 1 and texts[0] in _NICKNAMES:
        return _NICKNAMES[texts[0]].split()
    hints = {"@reboot": "; use now()", "@every": "; use every('5m')"}
    hint = hints.get(texts[0]) or did_you_mean(texts[0], _NICKNAMES)
    raise refuse(expr, "nickname", 0, f"{' '.join(texts)!r} is unknown", hint)


def _layout(expr: str, texts: list[str]) -> tuple[_Field, ...]:
    """Five fields, or six with seconds first; never guess which one is missing."""
    if len(texts) == len(_FIVE):
        return _FIVE
    if len(texts) == len(_FIVE) + 1:
        return (_SECOND, *_FIVE)
    hint = ": write minute hour day-of-month month day-of-week, and seconds before them if any"
    if len(texts) < len(_FIVE):
        raise refuse(expr, _FIVE[len(texts)].name, len(texts), "is missing", hint)
    raise refuse(expr, "year", 6, "is one field too many", hint)


def _read(expr: str, kind: _Field, position: int, text: str) -> str:
    try:
        return "*" if text == "?" and kind in (_DAY, _WEEKDAY) else _list(kind, text)
    except _Refused as reason:
        raise refuse(expr, kind.name, position, str(reason)) from None


def _list(kind: _Field, text: str) -> str:
    parts = text.split(",")
    if text == "?":
        raise _Refused("'?' stands only for day-of-month or day-of-week: write '*'")
    if kind is _DAY and len(parts) > 1 and any("w" in part for part in parts):
        raise _Refused("takes 'W' with a single day only, not in a list")
    return ",".join(_part(kind, part) for part in parts)


def _part(kind: _Field, part: str) -> str:
    if kind is _DAY and (special := _special_day(part)):
        return special
    if kind is _WEEKDAY and (special := _special_weekday(part)):
        return special
    found = _SHAPE.fullmatch(part)
    if found is None:
        raise _Refused(f"{part!r} is not a value, a range such as 1-5 or a step such as */15")
    base, low, high, step = found.groups()
    by = 1 if step is None else int(step)
    if by == 0:
        raise _Refused(f"{part!r} has a step of 0: it starts at 1")
    if base == "*":
        return part
    if high is not None:
        return _range(kind, part, low, high, by)
    value = _value(kind, low)
    return str(value % 7 if kind is _WEEKDAY else value) + (f"/{by}" if step else "")


def _range(kind: _Field, part: str, low: str, high: str, by: int) -> str:
    first, last = _value(kind, low), _value(kind, high)
    if kind is _WEEKDAY and last == 0 < first and high == "sun":
        last = 7  # fri-sun: the week may end with Sunday
    if first > last:
        top = 6 if kind is _WEEKDAY else kind.high
        hint = f"{low}-{top},{kind.low}-{high}" if first <= top else str(first % 7)
        raise _Refused(f"{part!r} runs backwards: write it in two ranges, {hint}")
    return str(first) if first == last else f"{first}-{last}/{by}"


def _value(kind: _Field, text: str) -> int:
    if text.isdigit():
        number = int(text)
        if not kind.low <= number <= kind.high:
            raise _Refused(f"{text!r} is out of range, {kind.low}-{kind.high}")
        return number
    if text not in kind.names:
        names = f" or a name, such as {next(iter(kind.names))!r}" if kind.names else ""
        raise _Refused(f"{text!r} is not a number{names}{did_you_mean(text, kind.names)}")
    return kind.names[text]


def _special_day(part: str) -> str | None:
    """`L`: the last day; `LW`: the last weekday; `15W`: the weekday nearest to the 15th."""
    if part == "l":
        return part
    if part == "lw":
        return "31w"  # which croniter moves to the last day that the month has
    found = _NEAREST.fullmatch(part)
    if found is None:
        return None
    day = _value(_DAY, found[1] or found[2])
    if day > 28:
        raise _Refused(f"{part!r} names a day that some months lack: write LW for the last weekday")
    return f"{day}w"


def _special_weekday(part: str) -> str | None:
    """`5#3`: the third Friday; `5L`: the last Friday of the month."""
    if found := _NTH.fullmatch(part):
        if not 1 <= int(found[2]) <= 5:
            raise _Refused(f"{part!r} is not the 1st to 5th of a weekday")
        return f"{_value(_WEEKDAY, found[1]) % 7}#{int(found[2])}"
    if found := _LAST.fullmatch(part):
        return f"l{_value(_WEEKDAY, found[1] or found[2]) % 7}"
    return None


def _check_days(expr: str, read: list[str]) -> None:
    """Refuse what programs read differently: special days joined with other days."""
    day, weekday = read[-3], read[-1]
    special = ["#" in part or "l" in part for part in weekday.split(",")]
    at = len(read) - 1
    if any(special) and not all(special):
        raise refuse(expr, "day-of-week", at, "mixes plain days with '#' or 'L'")
    if any(special) and day != "*":
        reason = "with '#' or 'L' cannot be combined with a day-of-month"
        raise refuse(expr, "day-of-week", at, reason, ": make two schedules")
    if "w" in day and weekday != "*":
        reason = "with 'W' cannot be combined with a day-of-week"
        raise refuse(expr, "day-of-month", at - 2, reason, ": make two schedules")
