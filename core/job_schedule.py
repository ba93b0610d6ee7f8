"""The keys of a `[jobs.*]` table that say when: one rule, and what belongs to it."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BeforeValidator

from .calendars import Calendars, read_excluded
from .clock import to_instant
from .config_fields import NameOrNames, Names, TimeZone
from .config_toml import KeyPath
from .cron import Dst
from .durations import parse_duration
from .errors import InvalidTime
from .every import parse_interval
from .excluding import excluding
from .problems import Problems, Table, show
from .schedule import After, Bounded, Cron, Every, Jittered, Now, Once, Schedule, Union
from .zones import resolve_wall, zone

_RULES = ("cron", "every", "at", "now", "after")
_RECURRING = ("cron", "every")
_BELONGS = {
    "timezone": ("cron", "every", "at"),
    "dst": ("cron",),
    "anchor": ("every",),
    "start": _RECURRING,
    "end": _RECURRING,
    "exclude": _RECURRING,
    "jitter": (*_RECURRING, "at"),
}


def _cron_texts(value: object) -> object:
    if isinstance(value, str | list):
        return value
    raise ValueError(f"must be text in quotes, not {show(value)}")


class _When(Table):
    cron: Annotated[NameOrNames, BeforeValidator(_cron_texts)] = ()
    every: Any = None
    at: Any = None
    now: bool | None = None
    after: Names | None = None
    timezone: TimeZone | None = None
    dst: Dst = "debian"
    anchor: Any = None
    start: Any = None
    end: Any = None
    exclude: Any = None
    jitter: Any = None


SCHEDULE_KEYS = frozenset(_When.model_fields)


def read_schedule(
    table: dict[str, Any],
    path: KeyPath,
    timezone: str,
    problems: Problems,
    calendars: Calendars = MappingProxyType({}),
) -> Schedule | None:
    """Read when a job is due.

    Args:
        table: the job's keys that say when.
        path: where the job is.
        timezone: the zone of jobs that name none.
        problems: takes the mistakes.
        calendars: the days off that have a name.

    Returns:
        The schedule, or None when there are mistakes. Rules that depend on a zone carry it.
    """
    rule = problems.one_of(_RULES, table, path, "schedule")
    when = problems.read(_When, path, table)
    if rule is None:
        return None
    problems.check_company(rule, _BELONGS, table, path)
    if when is None:
        return None
    single = not isinstance(table.get("cron"), list)
    return _Reader(when, path, when.timezone or timezone, problems).read(rule, calendars, single)


@dataclass(frozen=True, slots=True)
class _Reader:
    """One job's keys that say when, and where they are."""

    when: _When
    path: KeyPath
    here: str
    problems: Problems

    def read(self, rule: str, calendars: Calendars, single: bool) -> Schedule | None:
        """The rule, its bounds, its days off, its jitter; None when there are mistakes."""
        found = self._crons(single) if rule == "cron" else self._rule(rule)
        start, end, anchor = (self._moment(key) for key in ("start", "end", "anchor"))
        if isinstance(found, Every) and anchor is not None:
            found = replace(found, anchor=anchor, aligned=True)
        if found is not None and (start is not None or end is not None):
            last = "start" if end is None else "end"
            found = self.problems.attempt((*self.path, last), Bounded, found, start, end)
        return self._delayed(self._without_days(found, calendars))

    def _rule(self, rule: str) -> Schedule | None:
        return self.problems.attempt((*self.path, rule), _rule, rule, self.when, self.here)

    def _crons(self, single: bool) -> Schedule | None:
        """One expression, or a list of them: whenever one of them matches."""
        parts = [
            self.problems.attempt(
                (*self.path, "cron", *(() if single else (at,))),
                Cron, expr, self.here, self.when.dst,
            )
            for at, expr in enumerate(self.when.cron)
        ]  # fmt: skip
        sound = tuple(dict.fromkeys(part for part in parts if part is not None))
        if None in parts or not sound:
            return None
        return sound[0] if len(sound) == 1 else Union(sound)

    def _moment(self, key: str) -> int | None:
        return self.problems.attempt((*self.path, key), _moment, getattr(self.when, key), self.here)

    def _without_days(self, found: Schedule | None, calendars: Calendars) -> Schedule | None:
        """Leave days out before the jitter comes: a delay never depends on a calendar."""
        if self.when.exclude is None:
            return found
        path = (*self.path, "exclude")
        days = read_excluded(self.when.exclude, path, calendars, self.problems)
        if days is None or found is None:
            return None
        return self.problems.attempt(path, excluding, found, days, self.here)

    def _delayed(self, found: Schedule | None) -> Schedule | None:
        if self.when.jitter is None:
            return found
        path = (*self.path, "jitter")
        spread = self.problems.attempt(path, parse_duration, self.when.jitter)
        if spread is None or found is None:
            return None
        return self.problems.attempt(path, Jittered, found, spread, str(self.path[-1]))


def _rule(rule: str, when: _When, here: str) -> Schedule:
    if rule == "every":
        interval, months = parse_interval(when.every)
        return Every(interval, months, tz=here if months else None)
    if rule == "at":
        return _once(when.at, here, when.timezone)
    if rule == "after":
        return After(tuple(dict.fromkeys(when.after or ())))
    if not when.now:
        raise InvalidTime("can only be true; take the line out and write a schedule")
    return Now()


def _once(value: object, here: str, named: str | None) -> Once:
    """Read `at`: a phrase stays a phrase until the task is created, a full date is an instant."""
    if isinstance(value, str):
        moment = _with_offset(value)
        return Once(phrase=value, tz=here) if moment is None else Once(to_instant(moment), tz=named)
    if isinstance(value, time):
        raise InvalidTime(f'{value} names no day; write "{value:%H:%M}" in quotes for the next one')
    return Once(_instant(value, here), tz=named)


def _moment(value: object, here: str) -> int | None:
    """Read `start`, `end` or `anchor`: a date and time, in quotes or not."""
    if value is None:
        return None
    return _instant(_from_text(value) if isinstance(value, str) else value, here)


def _instant(value: object, here: str) -> int:
    """Turn a TOML date and time into an instant; without an offset it is meant in `here`."""
    if isinstance(value, datetime):
        try:
            return to_instant(value) if value.tzinfo else resolve_wall(value, zone(here))[0]
        except OverflowError:
            raise InvalidTime(f"{show(value)} lies outside the calendar") from None
    if isinstance(value, date):
        raise InvalidTime(f"{value} has no time of day; write {value}T18:00:00")
    raise InvalidTime(f"{show(value)} is no date and time; write 2026-12-24T18:00:00")


def _from_text(text: str) -> date:
    """Read ISO 8601; a date alone stays a date."""
    for kind in (date, datetime):
        try:
            return kind.fromisoformat(text.strip())
        except ValueError:
            continue
    raise InvalidTime(f"{show(text)} is no date and time; write 2026-12-24T18:00:00")


def _with_offset(text: str) -> datetime | None:
    """Read "2026-12-24T18:00:00+01:00", which means the same everywhere; None for other phrases."""
    try:
        moment = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        return None
    return moment if moment.tzinfo else None
