"""The accounts after `jumps.py`: what was called and recorded, against what time really did."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from clocked import EACH_SECOND, INTERVALS

MUST_SHOW, MAY_SHOW = 4.5, 3.0
"""Stops that are recorded for certain, and stops that may be: it is looked at once a second."""

CALM = 2.0
"""Seconds without anything else after a jump or a stop, so that it can be judged."""

MERGED = 2.0
"""Seconds of small steps that may not have been worth a record yet."""

ROUNDING = 0.25
"""Seconds: the process is held up for a moment between two looks at two clocks."""

MICRO = 1e6


@dataclass
class Course:
    """What was done: (elapsed, step) of each jump, (from, to) of each stop, in seconds.

    Within so many seconds after each of them everything must go on. `lulls` are the times in which
    the machine held up even a program that does next to nothing.
    """

    within: float
    jumps: list[tuple[float, float]] = field(default_factory=list)
    stops: list[tuple[float, float]] = field(default_factory=list)
    lulls: list[tuple[float, float]] = field(default_factory=list)
    ended: float = 0.0

    def stopped(self, since: float, until: float) -> float:
        """Seconds between these two in which nothing could run."""
        return _overlap(self.stops, since, until)

    def held_up(self, since: float, until: float) -> float:
        """Seconds between these two in which little could run, on anybody's account but its own."""
        return _overlap(self.lulls, since, until)

    def disturbances(self) -> list[float]:
        """The moments from which everything must go on, if nothing else happens soon."""
        ends = [at for at, _ in self.jumps] + [until for _, until in self.stops]
        moments = sorted([*ends, *(since for since, _ in self.stops), self.ended])
        calm = {a for a, b in pairwise(moments) if b - a > CALM}
        return [at for at in ends if at in calm]


def _overlap(spans: list[tuple[float, float]], since: float, until: float) -> float:
    return sum(max(0.0, min(until, b) - max(since, a)) for a, b in spans)


@dataclass(frozen=True)
class Call:
    elapsed: float
    wall: float
    key: str
    due_at: int
    run_id: int
    attempt: int


def judge(folder: Path, course: Course, health: dict[str, Any]) -> dict[str, Any]:
    """Everything that can be said about one campaign; `problems` is empty when all is well."""
    calls = [_call(line) for line in (folder / "effects").read_text().splitlines()]
    by_key: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_key[call.key].append(call)
    database = sqlite3.connect(folder / "jumps.db")
    try:
        events = database.execute("SELECT task_id, type, data FROM events ORDER BY id").fetchall()
        problems = [
            *_twice(calls),
            *_unrecorded(calls, database),
            *_uneven(by_key, course),
            *_gaps_in_the_log(events, database),
            *_lost_shots(by_key, database),
        ]
    finally:
        database.close()
    waits = {key: _waits(by_key[key], course) for key in EACH_SECOND}
    silences = {key: _silence(by_key[key], course) for key in EACH_SECOND}
    for key, longest in waits.items():
        if longest > course.within:
            problems.append(f"{key}: went on only {longest:.2f} s after a jump or a stop")
    for key, longest in silences.items():
        if longest > course.within:
            problems.append(f"{key}: was silent for {longest:.2f} s")
    steps, suspends = _times(events, "ClockStepped"), _times(events, "Suspended")
    problems += _hidden(course, steps, suspends, health)
    return {
        "calls": len(calls),
        "calls_by_task": {k: len(v) for k, v in by_key.items() if not k.startswith("shot")},
        "single_calls": sum(key.startswith("shot") for key in by_key),
        "longest_wait_after": {key: round(longest, 3) for key, longest in waits.items()},
        "longest_silence": {key: round(longest, 3) for key, longest in silences.items()},
        "slots_coalesced": {k: _coalesced(by_key[k], course, i) for k, i in INTERVALS.items()},
        "machine_held_up": round(course.held_up(0, course.ended), 3),
        "steps_recorded": len(steps),
        "suspends_recorded": len(suspends),
        "status": health["status"],
        "problems": problems[:20],
    }


def _call(line: str) -> Call:
    elapsed, wall, key, due_at, run_id, attempt = line.split()
    return Call(int(elapsed) / 1e9, int(wall) / 1e9, key, int(due_at), int(run_id), int(attempt))


def _twice(calls: list[Call]) -> Iterator[str]:
    for (key, due_at), times in Counter((call.key, call.due_at) for call in calls).items():
        if times > 1:
            yield f"{key}: {due_at} ran {times} times"


def _unrecorded(calls: list[Call], database: sqlite3.Connection) -> Iterator[str]:
    """Each call is a run that succeeded at its first attempt, and nothing else succeeded."""
    rows = database.execute("SELECT id, status, attempt FROM runs WHERE status <> 'skipped'")
    recorded = {row[0]: row[1:] for row in rows}
    for call in calls:
        if recorded.pop(call.run_id, None) != ("succeeded", call.attempt) or call.attempt != 1:
            yield f"{call.key}: the call of run {call.run_id} is not what is recorded"
    for run_id, (status, _) in recorded.items():
        if status != "pending":  # it stopped before that one was started
            yield f"run {run_id} is recorded as {status}, but was never called"


def _waits(calls: list[Call], course: Course) -> float:
    """The longest time from a disturbance to the next call, less what the machine held up."""
    moments = [call.elapsed for call in calls]
    spans = [
        (at, min((m for m in moments if m > at), default=course.ended))
        for at in course.disturbances()
    ]
    return max(b - a - course.held_up(a, b) for a, b in spans)


def _silence(calls: list[Call], course: Course) -> float:
    """The longest time between two calls, less the stops and what the machine held up."""
    moments = sorted(call.elapsed for call in calls)
    spans = pairwise(moments)
    return max(b - a - course.stopped(a, b) - course.held_up(a, b) for a, b in spans)


def _uneven(by_key: dict[str, list[Call]], course: Course) -> Iterator[str]:
    """Elapsed time is measured in slots that no jump moves."""
    for key, interval in INTERVALS.items():
        calls = by_key[key]
        for slot, off in _slots(calls, course, interval):
            if abs(off) > ROUNDING:
                yield f"{key}: planned {off:+.3f} s beside its slot {slot}"


def _coalesced(calls: list[Call], course: Course, interval: float) -> int:
    """Slots for which a later one ran, because both had come when it was looked."""
    slots = {slot for slot, _ in _slots(calls, course, interval)}
    return max(slots) + 1 - len(slots)


def _slots(calls: list[Call], course: Course, interval: float) -> list[tuple[int, float]]:
    """The slot of each call, and how far from it the call was planned."""
    origin, start = calls[0].due_at / MICRO, calls[0].wall - calls[0].elapsed
    return [
        min(
            (
                _slot(call.due_at / MICRO - offset - origin, interval)
                for offset in _offsets(call, course, start)
            ),
            key=lambda found: abs(found[1]),
        )
        for call in calls
    ]


def _offsets(call: Call, course: Course, start: float) -> list[float]:
    """By how much the clock was off when the call was planned: now, or before recent jumps."""
    now = call.wall - call.elapsed - start
    found = [now]
    for at, step in reversed(course.jumps):
        if call.elapsed - 3 - course.stopped(at, call.elapsed) < at < call.elapsed + 0.01:
            now -= step
            found.append(now)
    return found


def _slot(distance: float, interval: float) -> tuple[int, float]:
    slot = round(distance / interval)
    return slot, distance - slot * interval


def _gaps_in_the_log(
    events: list[tuple[int, str, str]], database: sqlite3.Connection
) -> Iterator[str]:
    """From one planning to the next, every slot is in exactly one run or skip."""
    keys = dict(database.execute("SELECT id, key FROM tasks"))
    spacing = {**dict.fromkeys(EACH_SECOND, 1.0), **INTERVALS}
    expected: dict[str, float | None] = {}
    for task_id, kind, text in events:
        key, data = keys.get(task_id), json.loads(text)
        if key not in spacing:
            continue
        if kind in {"TaskScheduled", "TaskUpdated"}:
            expected[key] = data["next_at"] / MICRO
        elif kind in {"RunPlanned", "OccurrenceSkipped"}:
            first, last = data["due_at"] / MICRO, data.get("until", data["due_at"]) / MICRO
            wanted = expected[key]
            if wanted is not None and not -0.01 < first - wanted < 0.01:
                yield f"{key}: a slot at {first} follows where {wanted} was due"
            ends_whole = abs(_slot(last - first, spacing[key])[1]) < 1e-6
            expected[key] = last + spacing[key] if ends_whole else None


def _lost_shots(by_key: dict[str, list[Call]], database: sqlite3.Connection) -> Iterator[str]:
    """A single call was made once, or is still ahead."""
    rows = database.execute("SELECT key, next_run_at, status FROM tasks WHERE key LIKE 'shot-%'")
    for key, next_at, status in rows:
        waits = next_at is not None and status == "active"
        if len(by_key[key]) + waits != 1 and not _is_pending(key, database):
            yield f"{key}: called {len(by_key[key])} times, next at {next_at}, {status}"


def _is_pending(key: str, database: sqlite3.Connection) -> bool:
    rows = database.execute(
        "SELECT r.status FROM runs r JOIN tasks t ON t.id = r.task_id WHERE t.key = ?", (key,)
    ).fetchall()
    return rows == [("pending",)]


def _times(events: list[tuple[int, str, str]], wanted: str) -> list[float]:
    (name,) = {"ClockStepped": ("step",), "Suspended": ("duration",)}[wanted]
    return [json.loads(text)[name] / MICRO for _, kind, text in events if kind == wanted]


def _hidden(
    course: Course, steps: list[float], suspends: list[float], health: dict[str, Any]
) -> Iterator[str]:
    """What happened to the time is in the log and in the health."""
    total, noticed = sum(step for _, step in course.jumps), sum(steps)
    if abs(total - noticed) > MERGED:
        yield f"the clock was set by {total:.3f} s altogether, and {noticed:.3f} s are recorded"
    certain = sum(until - since > MUST_SHOW for since, until in course.stops)
    possible = sum(until - since > MAY_SHOW for since, until in course.stops)
    if not certain <= len(suspends) <= possible:
        yield f"{certain} to {possible} stops should be recorded, and {len(suspends)} are"
    if health["suspends"] != len(suspends):
        yield f"health counts {health['suspends']} suspends"
    if health["clock_steps"] < len(steps):
        yield f"health counts {health['clock_steps']} steps"
