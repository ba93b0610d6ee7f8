"""The `[jobs.*]` tables: each is one task, and the table's name is its key."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .calendars import Calendars
from .config_notify import NotifyConfig
from .config_sections import SchedulerConfig
from .config_toml import KeyPath
from .entry import Entry
from .hints import did_you_mean
from .job_entry import ENTRY_KEYS, read_entry
from .job_policy import POLICY_KEYS, default_policy, read_policy
from .job_schedule import SCHEDULE_KEYS, read_schedule
from .policy import Policy
from .problems import Problems, Table
from .schedule import After, Schedule


@dataclass(frozen=True, slots=True)
class Job:
    """A task as the configuration wants it.

    Attributes:
        key: the table's name, and the task's key.
        schedule: when, not bound yet; a rule that depends on a time zone carries it.
        entry: what.
        policy: how.
        enabled: False keeps the task, paused.
        description: a note for people.
    """

    key: str
    schedule: Schedule
    entry: Entry
    policy: Policy
    enabled: bool = True
    description: str | None = None

    def fingerprint(self) -> str:
        """Return a hash of the job's meaning: equal for equal tables, however they are written.

        The description is no part of it.
        """
        meaning = {
            "schedule": self.schedule.to_dict(),
            "entry": self.entry.to_map(),
            "policy": self.policy.to_dict(),
            "enabled": self.enabled,
        }
        text = json.dumps(meaning, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


class _About(Table):
    enabled: bool = True
    description: str | None = None


_ABOUT_KEYS = frozenset(_About.model_fields)
_KEYS = sorted(SCHEDULE_KEYS | ENTRY_KEYS | POLICY_KEYS | _ABOUT_KEYS)


@dataclass(frozen=True, slots=True)
class _Reader:
    """What the tables of all jobs are read with."""

    scheduler: SchedulerConfig
    notifiers: Mapping[str, NotifyConfig]
    problems: Problems
    calendars: Calendars

    def read(self, key: str, table: dict[str, Any]) -> Job | None:
        """Read one table; each group of its keys on its own, so that no mistake hides another."""
        path: KeyPath = ("jobs", key)
        for name in table:
            if name not in _KEYS:
                self.problems.unknown((*path, name), _KEYS)
        when, what, how, about = (
            {name: value for name, value in table.items() if name in keys}
            for keys in (SCHEDULE_KEYS, ENTRY_KEYS, POLICY_KEYS, _ABOUT_KEYS)
        )
        default = default_policy(self.scheduler, reminder="remind" in table)
        notes = self.problems.read(_About, path, about)
        schedule = read_schedule(when, path, self.scheduler.timezone, self.problems, self.calendars)
        entry = read_entry(what, path, self.notifiers, self.scheduler.allow, self.problems)
        policy = read_policy(how, path, default, self.notifiers, self.problems)
        if schedule is None or entry is None or policy is None or notes is None:
            return None
        policy = policy.bound(schedule.timezone or self.scheduler.timezone)
        return Job(key, schedule, entry, policy, notes.enabled, notes.description)


def read_jobs(
    tables: object,
    scheduler: SchedulerConfig,
    notifiers: Mapping[str, NotifyConfig],
    problems: Problems,
    calendars: Calendars = MappingProxyType({}),
) -> dict[str, Job]:
    """Read all jobs; those with mistakes are noted and left out.

    Args:
        tables: the value of `jobs`.
        scheduler: the defaults.
        notifiers: the channels that jobs may name.
        problems: takes the mistakes.
        calendars: the days off that jobs may name.

    Returns:
        Key -> job, in the order of the file.
    """
    if not isinstance(tables, dict):
        problems.add(("jobs",), "must be a table; write [jobs.hello] and its schedule")
        return {}
    reader = _Reader(scheduler, notifiers, problems, calendars)
    jobs: dict[str, Job] = {}
    for key, table in tables.items():
        if not key.strip():
            problems.add(("jobs", key), "a job needs a name; write [jobs.hello]")
        elif not isinstance(table, dict):
            problems.add(("jobs", key), f"must be a table; write [jobs.{key}] and its schedule")
        elif job := reader.read(key, table):
            jobs[key] = job
    _check_order(jobs, tables, problems)
    return jobs


def _check_order(jobs: Mapping[str, Job], tables: Mapping[str, Any], problems: Problems) -> None:
    """Note jobs that wait for a job that does not exist, or for themselves."""
    waits = {key: _waits_for(job) for key, job in jobs.items()}
    for key, others in waits.items():
        for other in others:
            if other not in tables:
                hint = did_you_mean(other, tables)
                problems.add(("jobs", key, "after"), f"there is no job {other!r}{hint}")
        if key in _all_before(key, waits):
            problems.add(("jobs", key, "after"), "waits for itself, in a circle: it can never run")


def _waits_for(job: Job) -> tuple[str, ...]:
    return tuple(map(str, job.schedule.tasks)) if isinstance(job.schedule, After) else ()


def _all_before(key: str, waits: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Return every job that must succeed before `key` can run."""
    before: set[str] = set()
    ahead = list(waits[key])
    while ahead:
        other = ahead.pop()
        if other not in before:
            before.add(other)
            ahead.extend(waits.get(other, ()))
    return before
