"""The `[calendars.*]` tables: days that have a name, for jobs that leave them out."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from .config_toml import KeyPath
from .errors import InvalidSchedule
from .excluding import read_day
from .hints import did_you_mean
from .problems import Problems, Table, show

Days = tuple[date | str, ...]
"""Dates, and days of every year such as "12-25"."""

Calendars = Mapping[str, Days]

_EXAMPLE = 'dates = ["2026-12-25", "01-01"]'


class _Calendar(Table):
    dates: Any = None


def read_calendars(tables: object, problems: Problems) -> dict[str, Days]:
    """Read all calendars; those with mistakes are noted and have the days that could be read.

    Args:
        tables: the value of `calendars`.
        problems: takes the mistakes.

    Returns:
        Name -> its days.
    """
    if not isinstance(tables, dict):
        problems.add(("calendars",), f"must be a table; write [calendars.holidays] and {_EXAMPLE}")
        return {}
    return {name: _days(name, table, problems) for name, table in tables.items()}


def read_excluded(
    value: object, path: KeyPath, calendars: Calendars, problems: Problems
) -> Days | None:
    """Read a job's `exclude`: names of calendars, and days.

    Args:
        value: what is written; a single one needs no list.
        path: where it is.
        calendars: those that there are.
        problems: takes the mistakes.

    Returns:
        The days; None when there are mistakes.
    """
    found: list[date | str] = []
    sound = True
    for at, each in enumerate(value if isinstance(value, list) else [value]):
        place = (*path, at) if isinstance(value, list) else path
        days = _excluded(each, place, calendars, problems)
        sound = sound and days is not None
        found += days or ()
    if sound and not found and not value:
        problems.add(path, 'must not be empty; write exclude = ["2026-12-25"]')
    return tuple(found) if sound and value else None


def _days(name: str, table: object, problems: Problems) -> Days:
    path: KeyPath = ("calendars", name)
    calendar = problems.read(_Calendar, path, table)
    if calendar is None:
        return ()
    if not isinstance(calendar.dates, list) or not calendar.dates:
        problems.add(
            (*path, "dates"), f"must be a list of days that is not empty; write {_EXAMPLE}"
        )
        return ()
    read = [
        problems.attempt((*path, "dates", at), read_day, day)
        for at, day in enumerate(calendar.dates)
    ]
    return tuple(day for day in read if day is not None)


def _excluded(
    value: object, path: KeyPath, calendars: Calendars, problems: Problems
) -> Days | None:
    if isinstance(value, str) and value in calendars:
        return calendars[value]
    if isinstance(value, str) and not value[:1].isdigit():
        hint = did_you_mean(value, calendars) or "; write [calendars.holidays] for one, or a date"
        problems.add(path, f"there is no calendar {show(value)}{hint}")
        return None
    try:
        return (read_day(value),)
    except InvalidSchedule as error:
        problems.add(path, str(error))
        return None
