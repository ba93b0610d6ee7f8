"""Schedules, all of them: the kinds, the functions that make them, and the way back from JSON.

A schedule is only the rule *when next*. `cron`, `every`, `at`, `now` and `after` make the simple
ones; their methods `between`, `excluding`, `jittered` and the operator `|` wrap them.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from .clock import SECOND
from .compound import Bounded, Union
from .cron import Cron, Dst
from .errors import InvalidSchedule
from .every import Every, parse_interval
from .excluding import Excluding
from .hints import did_you_mean
from .jittered import Jittered
from .once import After, Now, Once
from .rule import Schedule, instant_of

__all__ = [
    "After",
    "Bounded",
    "Cron",
    "Every",
    "Excluding",
    "Jittered",
    "Now",
    "Once",
    "Schedule",
    "Union",
    "after",
    "at",
    "cron",
    "every",
    "now",
    "schedule_from_dict",
]

_KINDS: dict[str, type[Schedule]] = {
    kind.kind: kind for kind in (Once, Cron, Every, Now, After, Bounded, Jittered, Excluding, Union)
}
KINDS: frozenset[type[Schedule]] = frozenset(_KINDS.values())
_DEEPEST = 16


def cron(expr: str, tz: str | None = None, dst: Dst = "debian") -> Cron:
    """Fire when the clock on the wall matches a cron expression.

    Args:
        expr: 5 fields (minute hour day-of-month month day-of-week), 6 with seconds first, or
            "@hourly", "@daily", "@weekly", "@monthly", "@yearly".
        tz: IANA name of the time zone. Default: the app's zone, or UTC without an app.
        dst: for tasks at a fixed time. "debian" (default) runs a skipped time when the gap ends
            and a repeated time once; "skip" leaves skipped times out; "both" runs a repeated
            time twice.

    Raises:
        InvalidSchedule: the expression is wrong (see `field`, `position`, `reason`), can never
            fire, or the zone is unknown.
    """
    return Cron(expr, tz, dst)


def every(interval: str | float | timedelta, anchor: datetime | None = None) -> Every:
    """Fire at regular slots: anchor, anchor + interval, anchor + 2 x interval, ...

    Args:
        interval: "5m", "1h30m", "250ms", a number of seconds or a timedelta: elapsed time; or
            calendar time, such as "1 month" or "2 years". From 1 millisecond to 100 years.
        anchor: an aware datetime, slot 0. Default: when the task is scheduled, so that the first
            occurrence comes one interval later.

    Raises:
        InvalidSchedule: the interval is not clear, or the anchor has no time zone.
    """
    microseconds, months = parse_interval(interval)
    if anchor is None:
        return Every(microseconds, months)
    tz = _zone_of(anchor) if months else None
    return Every(microseconds, months, instant_of(anchor, "the anchor"), tz, aligned=True)


def at(when: datetime | float | str) -> Once:
    """Fire once.

    Args:
        when: an aware datetime, seconds since 1970, or a phrase such as "10:30pm", "in 5 minutes"
            or "2026-12-24T18:00:00+01:00"; a phrase is read when the task is scheduled.

    Raises:
        InvalidSchedule: it is not a clear moment.
    """
    if isinstance(when, str):
        return Once(phrase=when)
    if isinstance(when, datetime):
        return Once(instant_of(when, "the moment"))
    return Once(_from_seconds(when))


def now() -> Now:
    """Fire once, as soon as the task is scheduled."""
    return Now()


def after(*tasks: object) -> After:
    """Fire when other tasks have succeeded.

    Args:
        tasks: their keys or ids, or the tasks themselves; at least one.

    Raises:
        InvalidSchedule: nothing, or something that is no task.
    """
    return After(tuple(dict.fromkeys(_name_of(task) for task in tasks)))


def schedule_from_dict(data: Mapping[str, Any]) -> Schedule:
    """Read a schedule back from its JSON form.

    Raises:
        InvalidSchedule: an unknown kind, an unknown or missing value, or one that makes no sense.
    """
    return _read(data, _DEEPEST)


def _read(data: object, depth: int) -> Schedule:
    if not isinstance(data, Mapping):
        raise InvalidSchedule(f"a schedule must be a table with a kind, not {data!r:.100}")
    if depth == 0:
        raise InvalidSchedule(f"schedules are nested more than {_DEEPEST} deep")
    values = dict(data)
    name = values.pop("kind", None)
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise InvalidSchedule(f"unknown kind of schedule {name!r:.100}{did_you_mean(name, _KINDS)}")
    _check_names(kind, values)
    if "inner" in values:
        values["inner"] = _read(values["inner"], depth - 1)
    if isinstance(values.get("parts"), list):
        values["parts"] = tuple(_read(part, depth - 1) for part in values["parts"])
    return kind.from_values(values)


def _check_names(kind: type[Schedule], values: dict[str, Any]) -> None:
    known, needed = _names(kind)
    for name in values:
        if name not in known:
            hint = did_you_mean(name, known)
            raise InvalidSchedule(f"{kind.kind} has no {name!r:.100}{hint}")
    for name in needed:
        if name not in values:
            raise InvalidSchedule(f"{kind.kind} needs {name!r}")


@cache
def _names(kind: type[Schedule]) -> tuple[dict[str, None], list[str]]:
    """The names of a kind's values, and those without a default."""
    found = fields(kind)  # type: ignore[arg-type]
    return {f.name: None for f in found}, [f.name for f in found if f.default is MISSING]


def _from_seconds(value: object) -> int:
    if isinstance(value, bool):
        pass
    elif isinstance(value, int):
        return value * SECOND
    elif isinstance(value, float) and math.isfinite(value):
        numerator, denominator = value.as_integer_ratio()
        whole, rest = divmod(numerator * SECOND, denominator)
        return whole + (2 * rest + whole % 2 > denominator)  # exact, a half goes to the even one
    raise InvalidSchedule(f"a moment is a datetime, seconds since 1970 or text, not {value!r}")


def _zone_of(moment: datetime) -> str | None:
    """The name of a datetime's zone, None when it has only an offset."""
    name = "UTC" if moment.tzinfo is UTC else getattr(moment.tzinfo, "key", None)
    return name if isinstance(name, str) else None


def _name_of(task: object) -> str | int:
    if isinstance(task, str | int) and not isinstance(task, bool):
        return task
    for attribute in ("key", "id"):
        name = getattr(task, attribute, None)
        if isinstance(name, str | int) and not isinstance(name, bool):
            return name
    raise InvalidSchedule(f"after needs tasks, or their keys or ids, not {task!r}")
