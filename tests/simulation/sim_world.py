"""The product on a clock that is moved: real storage and decisions, calls that only take time."""

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim_policy import Downtime, Fate, fate
from sim_tasks import SECOND, Spec

from tocsin.core import commands as c
from tocsin.core.events import Event, OccurrenceSkipped, RunPlanned, RunStarted
from tocsin.core.work import Start
from tocsin.opening import Opened
from tocsin.storage.alarms import AlarmStore
from tocsin.storage.claims import Claims
from tocsin.storage.ledger import Ledger

SLOTS = 1_000_000


@dataclass
class Clock:
    """Stands still until it is moved."""

    instant: int

    def now(self) -> int:
        return self.instant

    def monotonic(self) -> int:
        return self.instant

    def wait(self, condition: Any, timeout: float | None) -> None:
        self.instant += int((timeout or 0) * SECOND)


@dataclass
class World:
    """A service whose process lives from downtime to downtime.

    Args:
        path: its database.
        start: when it begins, in microseconds.
    """

    path: Path
    start: int
    takes: dict[int, int] = field(default_factory=dict)
    lives: int = 0
    transactions: int = 0

    def __post_init__(self) -> None:
        self.clock = Clock(self.start)
        self._opened = Opened(f"sqlite:///{self.path}", self.clock, {})
        self._opened.database.connect()  # kept, as a service keeps it
        self._alarms = AlarmStore(self._opened.database)
        self._ends: list[tuple[int, int, Start]] = []
        self._begin()

    def order(self, specs: Sequence[Spec]) -> None:
        """Store all tasks."""
        orders = [
            c.NewEntry(spec.schedule, handler="h", key=spec.key, policy=spec.policy())
            for spec in specs
        ]
        (replies,) = self._execute([c.NewEntries(tuple(orders))])
        for spec, reply in zip(specs, replies, strict=True):
            self.takes[reply["scheduler_id"]] = spec.rules.takes

    def live(self, downtimes: Iterable[Downtime], end: int) -> None:
        """Let time pass to `end`, with the service down now and then."""
        for down in downtimes:
            self._run_until(down.since)
            self.clock.instant = down.until
            self._begin()
        self._run_until(end - 1)

    def close(self) -> None:
        self._opened.database.disconnect()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self._opened.database.session() as connection:
            return connection.execute(statement).fetchall()

    def events(self) -> list[Event]:
        """All events, in order."""
        found: list[Any] = []
        while len(page := self._opened.queries.events(None, after=_last(found), limit=1_000)) > 0:
            found += page
        return [logged.event for logged in found]

    def _begin(self) -> None:
        """A new life: what the last one left executing is taken back, then the alarms ring."""
        self.lives += 1
        self._ends.clear()
        claims = Claims(f"life {self.lives}")
        self._ledger = Ledger(self._opened.database, self.clock, self._opened.drafts, claims)
        self._execute([c.RescueRuns()])
        self._ring()

    def _run_until(self, end: int) -> None:
        while (due := self._next_alarm(end)) is not None:
            self._finish(due)
            self.clock.instant = due
            self._ring()
        self._finish(end)
        self.clock.instant = max(self.clock.instant, end)

    def _next_alarm(self, end: int) -> int | None:
        window = self._alarms.window(end + 1, 1)
        return max(window[0].due_at or 0, self.clock.instant) if window else None

    def _ring(self) -> None:
        now = self.clock.instant
        due = [a.task_id for a in self._alarms.window(now + 1, SLOTS) if a.task_id is not None]
        if due:
            self._execute([c.AlarmsTriggered(tuple(due))])

    def _finish(self, until: int) -> None:
        """Report the calls that end up to `until`, and what follows them at the same instant."""
        while self._ends and self._ends[0][0] <= until:
            at = self._ends[0][0]
            self.clock.instant = max(self.clock.instant, at)
            done = []
            while self._ends and self._ends[0][0] <= at:
                _, _, start = heapq.heappop(self._ends)
                done.append(c.RunFinished(start.run_id, start.task_id, start.fence, "succeeded",
                                          at, at))  # fmt: skip
            self._execute(done)

    def _execute(self, commands: Sequence[Any]) -> list[Any]:
        commit = self._ledger.execute(commands, slots=SLOTS)
        self.transactions += 1
        for answer in commit.answers:
            if isinstance(answer, Exception):
                raise answer
        for start in commit.starts:
            end = self.clock.instant + self.takes[start.task_id]
            heapq.heappush(self._ends, (end, start.run_id, start))
        return commit.answers


def _last(events: list[Any]) -> int:
    return events[-1].id if events else 0


def random_downtimes(start: int, end: int, count: int, longest: int, seed: int) -> list[Downtime]:
    """Downtimes that do not touch, from a second to `longest` (microseconds)."""
    draw = random.Random(seed)
    room = (end - start) // (count + 1)
    found = []
    for n in range(count):
        since = start + n * room + draw.randrange(room // 2)
        found.append(Downtime(since, since + draw.randrange(SECOND, min(longest, room // 2))))
    return found


# ---------------------------------------------------------------- the comparison


def recorded(world: World) -> dict[str, Fate]:
    """What the product recorded for each task, from its event log."""
    keys = dict(world.rows("SELECT id, key FROM tasks"))
    found: dict[str, Fate] = defaultdict(Fate)
    due: dict[int | None, int] = {}
    for event in world.events():
        mine = found[keys.get(event.task_id, "")]
        if isinstance(event, RunPlanned):
            due[event.run_id] = event.due_at
            mine.ran.append(event.due_at)
        elif isinstance(event, OccurrenceSkipped):
            mine.left_out.append((event.due_at, event.until, event.count, event.reason))
        elif isinstance(event, RunStarted) and event.attempt > 1:
            mine.again.append(due[event.run_id])
    return found


def differences(world: World, specs: Sequence[Spec], downtimes: Sequence[Downtime], end: int
                ) -> tuple[list[str], Counter[str]]:  # fmt: skip
    """Where product and model differ, and how many occurrences were counted, by disposition."""
    happened, wrong, counted = recorded(world), list[str](), Counter[str]()
    for spec in specs:
        planned = [i for i in spec.planned(world.start, end) if i > world.start]
        expected, found = fate(planned, spec.rules, downtimes, end), happened[spec.key]
        counted["ran"] += len(found.ran)
        counted["made again"] += len(found.again)
        for _, _, count, reason in found.left_out:
            counted[reason.partition(":")[0]] += count
        for what in ("ran", "left_out", "again"):
            mine, theirs = getattr(expected, what), getattr(found, what)
            if mine != theirs:
                wrong.append(_difference(spec, what, mine, theirs))
        if spec.rules.limit is None:
            wrong += _unaccounted(spec, planned, found)
    return wrong, counted


def _unaccounted(spec: Spec, planned: Sequence[int], found: Fate) -> list[str]:
    """Every planned instant is one run or lies in one range, and the ranges are counted right."""
    times = Counter(found.ran)
    for first, last, count, _ in found.left_out:
        within = [instant for instant in planned if first <= instant <= last]
        times.update(within)
        if len(within) != count:
            return [f"{spec.key}: a range of {len(within)} is counted as {count}"]
    odd = [instant for instant in planned if times[instant] != 1]
    known = set(planned)
    odd += [instant for instant in times if instant not in known]
    return [f"{spec.key}: {len(odd)} instants are not accounted for exactly once"] if odd else []


def _difference(spec: Spec, what: str, mine: list[Any], theirs: list[Any]) -> str:
    missing = [each for each in mine if each not in theirs][:3]
    more = [each for each in theirs if each not in mine][:3]
    about = f"{spec.key} ({spec.schedule.describe()}, {spec.rules})"
    return f"{about}: {what}: the model has {missing}, the product has {more}"
