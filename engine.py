"""A running engine: executors and the supervision tree on an open database.

`Engine` lives from one start to one stop. Start and stop each read from top to bottom; stopping
is the reverse of starting.
"""

import os
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from .actors.alarm import Alarm
from .actors.attempts import Attempts
from .actors.backoff import Backoff
from .actors.beginnings import Beginnings
from .actors.calls import Calls
from .actors.checkup import HEALTH, Checkup
from .actors.child import ChildSpec
from .actors.clockwatch import ClockWatch
from .actors.courier import Courier
from .actors.janitor import Janitor
from .actors.messages import Drain, WhatIsHeld
from .actors.publisher import Publisher
from .actors.registry import Registry
from .actors.runner import Runner
from .actors.scheduler import Scheduler
from .actors.strategies import Flags
from .actors.tree import TOP, Tree, start_tree
from .actors.warden import Warden
from .core.clock import Clock
from .core.entry import RunContext
from .core.errors import StorageError, TocsinError
from .core.handlers import COMMAND, Handler, Handlers
from .core.notification import REMIND
from .core.published import Listener
from .core.retention import Keep
from .executors.asyncio import AsyncioExecutor
from .executors.base import Executor
from .executors.command import Command, CommandExecutor
from .executors.interpreter import SETTINGS, punctual_threads
from .executors.lazy import LazyExecutor
from .executors.threads import ThreadExecutor
from .notifiers.post import Post
from .opening import Opened
from .storage.claims import Claims
from .storage.ledger import Ledger

FLAGS = Flags(strategy="one_for_one", intensity=10, period=120.0, backoff=Backoff())
"""The period is longer than all pauses before the eleventh restart: a part that dies each time it
is started ends the service."""

COURIERS = 4
TREE_LIMIT = 10.0
CLOSING = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an engine does at once.

    Attributes:
        max_concurrent: calls in threads, and programs, at the same time.
        max_queue: attempts that wait in memory for a slot; more wait in the database.
        resources: how much there is of what runs hold while they execute.
    """

    max_concurrent: int = 10
    max_queue: int = 1_000
    resources: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """What an engine keeps for how long.

    Attributes:
        keep: what is kept for how long.
        every: seconds between two looks at what is old enough to go.
    """

    keep: Keep
    every: float = 60.0


class Engine:
    """Executors and actors of one service.

    Args:
        opened: the database.
        clock: where time comes from.
        handlers: the registered callables.
        post: the notifiers.
        limits: how much is done at once.
        upkeep: what is kept for how long.
        listeners: the functions that hear what handlers publish.
        children: the user's own actors, started last.
        allow: module prefixes that entries may name, empty for all.

    Raises:
        AlreadyRunning: another service runs on this database.
        StartFailed: an actor did not start.
    """

    def __init__(
        self,
        opened: Opened,
        clock: Clock,
        handlers: Handlers,
        post: Post,
        *,
        limits: Limits,
        upkeep: Housekeeping,
        listeners: Sequence[Listener] = (),
        children: Iterable[ChildSpec] = (),
        allow: Iterable[str] = (),
    ) -> None:
        self.incarnation = uuid.uuid4().hex
        self.registry = Registry()
        self.attempts = Attempts()
        self._clock = clock
        self._opened = opened
        self._upkeep = upkeep
        self._post = post
        opened.database.reserve()
        for setting in SETTINGS:
            setting.change()
        self.lanes = make_lanes(clock, limits)
        self.watch = ClockWatch(clock, _last_recorded(opened))
        self.checkup = Checkup(
            self.registry, self.lanes, clock, opened.database.beside(HEALTH), self.watch
        )
        try:
            add_builtin_handlers(handlers, post)
            calls = Calls(
                handlers, opened.keys, clock, tuple(allow), begin=Beginnings(self.registry)
            )
            specs = [*self._own_children(calls, post, limits, listeners), *children]
            with punctual_threads():
                self.tree: Tree = start_tree(self.registry, clock, TOP, specs, FLAGS)
        except BaseException:
            self._end_calls(0)
            self.checkup.remove()
            self._record_rest()
            for setting in SETTINGS:
                setting.restore()
            opened.database.release()
            raise

    def _own_children(
        self, calls: Calls, post: Post, limits: Limits, listeners: Sequence[Listener]
    ) -> list[ChildSpec]:
        """The actors in start order; each recovers from storage, so one_for_one is enough."""
        opened, database = self._opened, self._opened.database

        def scheduler() -> Scheduler:
            ledger = Ledger(
                database, self._clock, opened.drafts, Claims(self.incarnation, limits.resources)
            )
            capacity = limits.max_concurrent + limits.max_queue
            return Scheduler(database, ledger, self.attempts, self.watch, capacity=capacity)

        return [
            ChildSpec("alarm", lambda: Alarm(database, self.incarnation, opened.drafts.timezone)),
            ChildSpec("runner", lambda: Runner(calls, self.lanes, self.attempts)),
            ChildSpec("courier", lambda: Courier(post, self.lanes["courier"])),
            ChildSpec("publisher", lambda: Publisher(database, listeners)),
            ChildSpec("scheduler", scheduler),
            ChildSpec("janitor", lambda: Janitor(database, self._upkeep.keep, self._upkeep.every)),
            ChildSpec("warden", lambda: Warden(self.checkup)),
        ]

    def stop(self, grace: float) -> None:
        """End everything in bounded time; what was still running is recorded as interrupted.

        Args:
            grace: seconds that running calls have to end by themselves.
        """
        self._drain()
        self._end_calls(grace)
        self.tree.stop(TREE_LIMIT)
        self.checkup.remove()
        self._record_rest()
        self._close_post()
        self._opened.database.disconnect()
        for setting in SETTINGS:
            setting.restore()
        self._opened.database.release()

    def _drain(self) -> None:
        """Hand out no more attempts; what was handed out is in the Runner's book after this."""
        for name, message in (("scheduler", Drain()), ("runner", WhatIsHeld())):
            try:
                self.registry.address(name).ask(message, timeout=2.0)
            except TocsinError as error:
                logger.debug("the {} does not drain: {}", name, error)

    def _end_calls(self, grace: float) -> None:
        """Stop all lanes together, so that they share one grace."""
        stops = [
            threading.Thread(target=lane.stop, args=(grace,), name="tocsin-stop", daemon=True)
            for lane in self.lanes.values()
        ]
        for stop in stops:
            try:
                stop.start()
            except RuntimeError:  # no new thread: the interpreter is ending
                stop.run()
        for stop in stops:
            if stop.ident is not None:
                stop.join()
        unfinished = [claim for lane in self.lanes.values() for claim in lane.stop(0)]
        if unfinished:
            logger.warning("{} runs did not end in time and are interrupted", len(unfinished))
        self.attempts.interrupt(self._clock.now())

    def _close_post(self) -> None:
        """Let go of the connections of the notifiers; one that hangs is not waited for."""
        closing = threading.Thread(target=self._post.close, name="tocsin-close", daemon=True)
        try:
            closing.start()
        except RuntimeError:  # no new thread: the interpreter is ending
            closing.run()
        else:
            closing.join(CLOSING)

    def _record_rest(self) -> None:
        """Store the results that no actor stored any more."""
        results = self.attempts.results()
        if not results:
            return
        try:
            self._opened.ledger.execute(results)
        except TocsinError as error:  # they are rescued at the next start
            logger.warning("{} results could not be stored: {}", len(results), error)


def _last_recorded(opened: Opened) -> int | None:
    """When something was recorded last; in an outage nobody knows."""
    try:
        return opened.queries.last_recorded()
    except StorageError as error:
        logger.debug("the clock cannot be compared with the log: {}", error)
        return None


def make_lanes(clock: Clock, limits: Limits) -> dict[str, Executor]:
    """The executors by name; a handler says which one it runs in."""
    return {
        "threads": ThreadExecutor(limits.max_concurrent, clock=clock, name="tocsin-thread"),
        "asyncio": AsyncioExecutor(clock=clock, name="tocsin-asyncio"),
        "processes": LazyExecutor(lambda: _processes(clock), os.cpu_count() or 1),
        "commands": CommandExecutor(limits.max_concurrent, clock=clock, name="tocsin-command"),
        "courier": ThreadExecutor(COURIERS, clock=clock, name="tocsin-courier"),
    }


def _processes(clock: Clock) -> Executor:
    from .executors.processes import ProcessExecutor  # noqa: PLC0415 - heavy, and often not needed

    return ProcessExecutor(clock=clock, name="tocsin-process")


def add_builtin_handlers(handlers: Handlers, post: Post) -> None:
    """Offer what `config.toml` and `remind` call by key."""
    handlers.offer(Handler(REMIND, post.remind, lane="courier"))
    handlers.offer(Handler(COMMAND, run_command, lane="commands"))


def run_command(
    _: RunContext,
    argv: list[str],
    cwd: str | None = None,
    env: Mapping[str, Any] | None = None,
) -> Command:
    """The handler of commands: the program that the command lane then runs.

    Args:
        argv: the program and its arguments.
        cwd: the directory to run in, None for the service's own.
        env: variables added to the service's environment.
    """
    extra = {name: str(value) for name, value in (env or {}).items()}
    return Command(tuple(argv), cwd, {**os.environ, **extra} if extra else None)
