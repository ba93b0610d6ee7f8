"""How the service is, seen from outside its actors: read from anywhere, waiting for nobody."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from loguru import logger

from ..core.clock import SECOND, Clock, from_instant
from ..core.errors import StorageError, StorageUnavailable
from ..core.health import ActorHealth, ExecutorHealth, Health, Status
from ..executors.base import Executor, Load
from ..storage.database import Database
from ..storage.queries import Queries
from .clockwatch import ClockWatch
from .registry import Member, Registry
from .tree import TOP
from .vitals import REAL_TIME, Vitals

WARDEN = "warden"
"""What the Warden is registered under."""

HEALTH = "health.json"
"""The kind of the file in which a service writes down how it is."""

NOBODY = "no service runs on this database"

SETTLED = 60.0
"""Seconds that a restarted actor must live before the restart is no problem any more."""

SILENCE = 20.0
"""Seconds after which a service that writes no health down is not well."""

STALLED = 10.0
"""Seconds for which calls may wait beside free slots."""


class Checkup:
    """Examines one running service.

    Args:
        registry: its actors.
        lanes: its executors by name.
        clock: its clock.
        path: where `write` puts what it sees.
        watch: remembers what happened to the time.
    """

    def __init__(
        self,
        registry: Registry,
        lanes: Mapping[str, Executor],
        clock: Clock,
        path: Path,
        watch: ClockWatch,
    ) -> None:
        self._registry = registry
        self._lanes = lanes
        self._clock = clock
        self._path = path
        self.watch = watch
        self._warned = False
        self._written: Status | None = None

    def loads(self) -> dict[str, Load]:
        """What each executor has to do."""
        return {name: lane.load() for name, lane in self._lanes.items()}

    def nudge(self, name: str) -> None:
        """Have an executor look again for what waits."""
        self._lanes[name].nudge()

    def health(self) -> Health:
        """How the service is now, as far as its own memory tells."""
        now = REAL_TIME.monotonic()
        moment = self._clock.monotonic()
        actors = tuple(self._actor(member, now, moment) for member in self._in_order())
        executors = tuple(of_executor(name, load) for name, load in self.loads().items())
        abandoned = self._registry.abandoned
        problems = [*_of_actors(actors), *_of_executors(executors)]
        if abandoned:
            problems.append(f"threads of actors that hang and were replaced: {abandoned}")
        status: Status = "degraded" if problems else "ok"
        if self._registry.whereis(TOP) is None:
            status, problems = "failing", ["the supervision tree has ended", *problems]
        return Health(
            status=status,
            problems=tuple(problems),
            at=from_instant(self._clock.now()),
            pid=os.getpid(),
            actors=actors,
            executors=executors,
            abandoned=abandoned,
            clock_steps=self.watch.steps,
            suspends=self.watch.suspends,
        )

    @property
    def well(self) -> bool:
        """Whether the tree lives and the Warden looks after it."""
        warden = self._registry.member(WARDEN)
        if self._registry.whereis(TOP) is None or warden is None or warden.vitals is None:
            return False
        vitals = warden.vitals
        looked_at = vitals.marks.get("look", vitals.began_at)
        return _seconds(looked_at, REAL_TIME.monotonic()) < SILENCE

    def write(self) -> None:
        """Write the health down for other processes, whole or not at all."""
        draft = self._path.with_name(f"{self._path.name}.new")
        health = self.health()
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(health.to_dict(), file)
            draft.replace(self._path)
            self._warned = False
        except OSError as error:
            log = logger.debug if self._warned else logger.warning
            log("the health cannot be written down: {}", error)
            self._warned = True
            self.remove()  # old news would be believed; a full disk still lets it go
        self._written = health.status

    @property
    def changed(self) -> bool:
        """Whether the service is better or worse than was written down."""
        return self.health().status != self._written

    def remove(self) -> None:
        """What was written down holds no more: the service has ended, or it cannot be replaced."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _actor(self, member: Member, now: int, moment: int) -> ActorHealth:
        """One actor.

        Args:
            member: who it is.
            now: real monotonic microseconds.
            moment: the same on the service's clock, by which supervisors count restarts.
        """
        owner = self._registry.member(member.owner) if member.owner else None
        counted = owner.vitals.budget if owner and owner.vitals else None
        own = member.vitals.budget if member.vitals else None
        return replace(
            _actor(member, now),
            recent_restarts=counted.recent(moment)[member.name] if counted else 0,
            restarts_left=own.left(moment) if own else None,
        )

    def _in_order(self, owner: str | None = None) -> Iterator[Member]:
        """Each supervisor, then its children."""
        for member in self._registry.members():
            if member.owner == owner:
                yield member
                yield from self._in_order(member.name)


def reported(database: Database, now: int) -> Health:
    """How the service of another process is, by what it wrote down.

    Args:
        database: what it serves.
        now: what the wall clock shows.
    """
    here = from_instant(now)
    served, pid = _server(database)
    if not served:
        return Health("failing", (NOBODY,), here)
    try:
        text = database.beside(HEALTH).read_text(encoding="utf-8")
        health = Health.from_dict(json.loads(text))
    except (OSError, ValueError) as error:
        why = (
            "nothing yet" if isinstance(error, FileNotFoundError) else f"nothing readable: {error}"
        )
        return Health("degraded", (f"the service says of its health {why}",), here, pid)
    silence = (here - health.at).total_seconds()
    if pid not in {None, health.pid}:
        return Health("degraded", ("the service has not reported since it started",), here, pid)
    if -SILENCE <= silence <= SILENCE:
        return health
    if silence < 0:
        why = f"the service has not reported since the clock was set back, by {-silence:.0f} s"
        return health.with_problem(why)
    return replace(
        health.with_problem(f"the service has not reported for {silence:.0f} s"), status="failing"
    )


def _server(database: Database) -> tuple[bool, int | None]:
    """Whether a service has the database, and its process; what it wrote tells in an outage."""
    lock = database.lock()
    try:
        return lock.held(), lock.owner()
    except StorageUnavailable:
        return True, None


def complete(seen: Health, queries: Callable[[], Queries]) -> Health:
    """Add what the database tells; that it cannot be read is a problem of its own."""
    if seen.problems == (NOBODY,):
        return seen
    try:
        pending, next_alarm = queries().ahead()
    except StorageError as error:
        return replace(seen.with_problem(str(error)), storage=str(error))
    return replace(seen, pending=pending, next_alarm=next_alarm)


def _actor(member: Member, now: int) -> ActorHealth:
    vitals = member.vitals or Vitals()
    busy_with = vitals.busy_with
    return ActorHealth(
        name=member.name,
        owner=member.owner,
        state="running" if member.ref.is_alive() else "restarting",
        incarnation=member.incarnation,
        restarts=member.lives - 1,
        alive_for=_seconds(vitals.began_at, now),
        mailbox=len(member.mailbox),
        handled=vitals.handled,
        busy_with=busy_with,
        busy_for=0.0 if busy_with is None else _seconds(vitals.since, now),
        marks={
            name: _seconds(vitals.marks.get(name, vitals.began_at), now) for name in vitals.limits
        },
        trouble=vitals.trouble,
        trouble_for=0.0 if vitals.trouble is None else _seconds(vitals.trouble_since, now),
    )


def of_executor(name: str, load: Load) -> ExecutorHealth:
    """One executor."""
    return ExecutorHealth(
        name, load.running, load.queued, load.free, load.abandoned, round(load.stalled, 3)
    )


def _of_actors(actors: Iterable[ActorHealth]) -> Iterator[str]:
    for actor in actors:
        if actor.state == "restarting":
            yield f"{actor.name} is being restarted"
        elif actor.restarts and actor.alive_for < SETTLED:
            yield f"{actor.name} was restarted {actor.alive_for:.0f} s ago"
        if actor.trouble is not None:
            yield f"{actor.name}, for {actor.trouble_for:.0f} s: {actor.trouble}"


def _of_executors(executors: Iterable[ExecutorHealth]) -> Iterator[str]:
    for executor in executors:
        if executor.abandoned:
            yield f"calls given up in {executor.name!r} that still do not end: {executor.abandoned}"
        if executor.stalled >= STALLED:
            yield f"{executor.queued} calls wait in {executor.name!r} beside free slots"


def _seconds(since: int, now: int) -> float:
    return round(max(0, now - since) / SECOND, 3)
