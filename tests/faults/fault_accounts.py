"""The judge: compares what callers were told and callbacks did with what the database says.

It shares no code with the product. It reads the database as anybody could who opens the file.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from fault_load import BEATS, INTERVAL, ONCE
from fault_notes import Reader
from fault_waits import wait_for

State = tuple[str, int | None] | None
"""A task as its caller knows it: its status and its step; None while there is none."""

MOST_LOST = 5
"""Attempts of one run that may be lost in crashes before it is given up."""

CUT_SHORT = "interrupted by a shutdown"

ENDED = {"succeeded", "failed", "timed_out", "cancelled", "skipped"}


class Accounts:
    """Everything that one database must answer for.

    Args:
        folder: where the database and the journals are.
        anchor: the first slot of the beats, microseconds.

    Attributes:
        problems: promises that were broken.
        found: what there was to check.
    """

    def __init__(self, folder: Path, anchor: int) -> None:
        self.path = folder / "tocsin.db"
        self.anchor = anchor
        self.problems: list[str] = []
        self.found: Counter[str] = Counter()
        self.startups: list[float] = []
        self._notes, self._effects = Reader(folder / "notes"), Reader(folder / "effects")
        self._tasks: dict[str, set[State]] = {}
        self._before: dict[str, set[State]] = {}
        self._shots: set[str] = set()
        self._slots_until: dict[str, int] = {}
        self._runs: set[int] = set()
        self._made: dict[int, list[int]] = defaultdict(list)
        self._claimed: dict[int, list[int]] = defaultdict(list)
        self._cut_short: set[tuple[int, int]] = set()
        self._ended: Counter[int] = Counter()
        self._last_event = 0

    def expect(self, holds: object, otherwise: str) -> None:
        """Note a broken promise."""
        if not holds:
            self.problems.append(otherwise)

    # ------------------------------------------------------------ what the journals say

    def await_notes(self, count: int, limit: float = 20.0) -> None:
        """Wait until callers have written so many lines."""
        wait_for(lambda: self._notes.count() >= count, limit)

    def read_notes(self) -> set[str]:
        """Take in what callers wrote down. Returns the keys that they touched."""
        touched = set()
        for note in self._notes.news():
            match note["verb"]:
                case "started":
                    self.startups.append(note["took"])
                case "rested":
                    self._slots_until[note["key"]] = note["at"]
                case _:
                    touched.add(note["key"])
                    self._take(note["key"], note)
        return touched

    def _take(self, key: str, note: dict[str, Any]) -> None:
        """What a task may be now, as far as its caller can know."""
        says = note["says"]
        self.found[says] += 1
        if "kind" in note or key in BEATS:
            if says == "ack":
                self._shots.add(key)
            return
        before = self._tasks.get(key, {None})
        after = {step(state, note) for state in before}
        if says == "want":
            self._before[key] = before
            self._tasks[key] = before | after  # until it is answered, either may be true
        elif says == "ack":
            self._tasks[key] = {step(state, note) for state in self._before[key]}
            if note["verb"] == "run_now":
                self._runs.add(note["id"])

    def read_events(self, connection: sqlite3.Connection) -> None:
        """Take in what the log says since the last look."""
        (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()
        self.expect(last >= self._last_event, f"events after {last} are gone: {self._last_event}")
        for kind, run_id, attempt, retry_at, counts, reason in connection.execute(
            "SELECT type, run_id, json_extract(data, '$.attempt'),"
            " json_extract(data, '$.retry_at'), json_extract(data, '$.counts'),"
            " json_extract(data, '$.reason') FROM events"
            " WHERE id > ? AND type IN ('RunStarted', 'RunReturned', 'TaskExecuted',"
            " 'RunCancelled', 'OccurrenceSkipped') ORDER BY id",
            (self._last_event,),
        ):
            if kind == "RunStarted":
                expected = len(self._claimed[run_id]) + 1
                self.expect(attempt == expected, f"run {run_id}: attempt {attempt}, not {expected}")
                self._claimed[run_id].append(attempt)
            elif kind == "RunReturned":
                if not counts:
                    returned = self._claimed[run_id].pop()
                    if reason == CUT_SHORT:  # it may have been called: a stop costs no attempt
                        self._cut_short.add((run_id, returned))
            elif retry_at is None:
                self._ended[run_id] += 1
                self.expect(self._ended[run_id] == 1, f"run {run_id} ended twice in the log")
        self._last_event = last

    def read_effects(self) -> None:
        """Compare what was done with what had been recorded before."""
        for effect in self._effects.news():
            run_id, attempt = effect["run"], effect["attempt"]
            self.found["effects"] += 1
            once = effect["kind"] in ONCE
            self.expect(
                effect["seen"] == [attempt, "executing", int(once)],
                f"run {run_id} acted before its attempt was recorded: {effect}",
            )
            cut_short = (run_id, attempt) in self._cut_short
            claimed = attempt in self._claimed[run_id] or cut_short
            self.expect(claimed, f"no claim in the log: {effect}")
            made = self._made[run_id]
            again = not made or attempt > made[-1] or (attempt == made[-1] and cut_short)
            self.expect(again, f"{effect} comes after {made}")
            if made:
                self.found["repeats"] += 1
                self.expect(not once, f"delivered twice, although at most once: {effect}")
            made.append(attempt)

    # ------------------------------------------------------------ what the database says

    def open(self) -> "closing[sqlite3.Connection]":
        """A reader that leaves everything, the write-ahead log too, as the crash left it."""
        return closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10))

    def after_a_crash(self) -> None:
        """What must hold at any moment."""
        touched = self.read_notes()
        if not self.path.exists() or not self.path.stat().st_size:
            self.expect(not self.found["ack"], "something was acknowledged, and there is no file")
            return
        with self.open() as connection:
            (whole,) = connection.execute("PRAGMA integrity_check").fetchone()
            self.expect(whole == "ok", f"the database is damaged: {whole}")
            if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'events'").fetchone():
                self.check_tasks(connection, touched)
                self.read_events(connection)
            else:
                self.expect(not self.found["ack"], "acknowledged, and there is no table")
        self.read_effects()

    def check_tasks(self, connection: sqlite3.Connection, keys: Iterable[str]) -> None:
        """Every acknowledged change is there, and none that nobody asked for."""
        wanted = set(keys)
        found: dict[str, State] = {
            key: (status, at)
            for key, status, at in connection.execute(
                "SELECT key, status, json_extract(metadata, '$.step') FROM tasks"
                if len(wanted) > 500
                else "SELECT key, status, json_extract(metadata, '$.step') FROM tasks"
                f" WHERE tenant = 'default' AND key IN ({','.join('?' * len(wanted))})",
                () if len(wanted) > 500 else tuple(wanted),
            )
        }
        for key in wanted & self._shots:
            self.expect(key in found, f"acknowledged, but not there: {key}")
        for key in wanted & self._tasks.keys():
            allowed = self._tasks[key]
            self.expect(found.get(key) in allowed, f"{key}: {found.get(key)}, not {allowed}")
            self._tasks[key] = {found.get(key)}  # it cannot change its mind any more

    # ------------------------------------------------------------ when all has come to rest

    def at_the_end(self) -> None:
        """Every change, every occurrence and every call, once everything has its disposition."""
        self.after_a_crash()
        with self.open() as connection:
            self.check_tasks(connection, self._tasks.keys() | self._shots)
            kinds = dict(connection.execute("SELECT id, handler FROM tasks"))
            gone = {
                i
                for (i,) in connection.execute(
                    "SELECT id FROM tasks WHERE status IN ('cancelled', 'deleted')"
                )
            }
            keys = connection.execute("SELECT id, key, created_at FROM tasks").fetchall()
            runs = connection.execute(
                "SELECT task_id, id, due_at, count, status, cause, attempt, error FROM runs"
                " ORDER BY task_id, due_at"
            ).fetchall()
        slots = defaultdict(list)
        for task_id, run_id, due_at, count, status, cause, attempt, error in runs:
            self.found[f"runs {status}"] += count
            may_be_lost = task_id in gone or kinds.get(task_id) in ONCE
            self._judge(run_id, kinds.get(task_id, "no task"), status, attempt, error)
            if status == "failed" and "lost in a crash" in (error or ""):
                self.expect(may_be_lost or attempt >= MOST_LOST, f"run {run_id} was given up")
            if cause == "schedule":
                slots[task_id].append((due_at, count))
        self.expect(self._runs <= {row[1] for row in runs}, "a run that was asked for is not there")
        for task_id, key, created_at in keys:
            if key in BEATS:
                self._judge_slots(key, slots[task_id], created_at)
            elif key in self._shots:
                self.expect(len(slots[task_id]) == 1, f"{key} ran {len(slots[task_id])} times")

    def _judge(self, run_id: int, kind: str, status: str, attempt: int, error: str | None) -> None:
        made, what = self._made[run_id], f"run {run_id} of {kind}"
        self.expect(status in ENDED, f"{what} has no disposition: {status}")
        self.expect(self._ended[run_id] == 1, f"{what}: {self._ended[run_id]} ends in the log")
        self.expect(not made or made[-1] <= attempt, f"{what}: {made} but {attempt} recorded")
        if status == "succeeded":
            self.expect(made, f"{what} succeeded without ever having been called")
        if status == "failed":
            lost = "lost in a crash" in (error or "")
            stopped = kind in ONCE and "interrupted by a shutdown" in (error or "")
            given_up = kind == "flaky" and attempt >= 4
            self.expect(lost or stopped or given_up, f"{what} failed: {error}")
            self.found["lost in a crash, at most once or cancelled"] += lost
        if status == "skipped":
            self.expect(not made, f"{what} was skipped, and called")

    def _judge_slots(self, key: str, slots: list[tuple[int, int]], created_at: int) -> None:
        at = self.anchor + max(0, (created_at - self.anchor) // INTERVAL + 1) * INTERVAL
        for due_at, count in slots:
            self.expect(due_at == at, f"{key}: the slot at {at} is missing or twice, not {due_at}")
            at = due_at + count * INTERVAL
            self.found["slots"] += count
        self.expect(at >= self._slots_until[key], f"{key}: slots from {at} on are missing")


def step(state: State, note: dict[str, Any]) -> State:
    """What a task is after a change, as its caller understands it."""
    verb = note["verb"]
    if state is None:
        return ("active", None) if verb == "schedule" else None
    status, at = state
    match verb:
        case "pause" if status == "active":
            return ("paused", at)
        case "resume" if status == "paused":
            return ("active", at)
        case "cancel":
            return ("cancelled", at)
        case "update":
            return (status, note["step"])
    return state
