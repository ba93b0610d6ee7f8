"""`Tocsin`: the service as a Python object.

It opens its database when it is first used and runs from `start` to `stop`. While it runs, every
change goes through the Scheduler; before and after, straight into the database. Logging, signal
handlers and event loops of the host program are never touched.
"""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .actors.base import Actor
from .actors.child import ChildSpec
from .actors.messages import StartChild
from .actors.registry import Address, Registry
from .actors.tree import TOP
from .core.clock import SECOND, Clock, SystemClock
from .core.commands import Command
from .core.errors import ActorUnavailable, InvalidChild, InvalidTask, TocsinError, UnknownNotifier
from .core.handlers import Handlers
from .core.health import Health
from .core.hints import did_you_mean
from .core.limits import checked_capacities
from .core.policy import Policy
from .core.retention import EVENTS, HISTORY, Keep, parse_keep
from .core.zones import zone
from .notifiers.base import Notifier
from .notifiers.post import Post
from .upkeep import Upkeep

if TYPE_CHECKING:
    from .core.config import Config
    from .core.reconcile import Step
    from .engine import Engine
    from .opening import Opened
    from .storage.queries import Queries

OWN_ACTORS = (TOP, "alarm", "runner", "courier", "scheduler", "publisher", "warden", "janitor")
"""Names that nobody else may have."""

ASK_TIMEOUT = 30.0
"""Seconds that a verb waits for the Scheduler."""


class Tocsin(Upkeep):
    """A durable scheduler in your program.

    Use it as a context manager, or call `start` and `stop`. All methods may be called from every
    thread.

    Args:
        url: the database, such as "sqlite:///tocsin.db".
        timezone: IANA name of the zone of schedules and phrases that name none.
        policy: what holds for tasks that say nothing else.
        notifiers: name -> notifier. Without any, reminders to every name go to the log.
        max_concurrent: calls in threads at the same time.
        max_queue: runs that wait in memory for a slot; more wait in the database.
        resources: name -> how much there is of what runs may hold, such as `{"gpu": 2}`.
        grace: seconds that running calls have to end when the service stops.
        history: how long the records of finished runs are kept, such as "90d", or "forever".
        events: the same for the log; at least as long as the history.
        upkeep: seconds between two looks at what is old enough to go.
        allow: module prefixes that entries may name, empty for all.
        key_file: where the signing keys are; default `<database>.key`.
        clock: where time comes from.

    Raises:
        InvalidSchedule: the time zone is unknown.
        InvalidConfig: the log would be shorter than the history.
    """

    def __init__(
        self,
        url: str = "sqlite:///tocsin.db",
        *,
        timezone: str = "UTC",
        policy: Policy | None = None,
        notifiers: Mapping[str, Notifier] | None = None,
        max_concurrent: int = 10,
        max_queue: int = 1_000,
        resources: Mapping[str, int] | None = None,
        grace: float = 10.0,
        history: str | float | timedelta | None = HISTORY,
        events: str | float | timedelta | None = EVENTS,
        upkeep: float = 60.0,
        allow: Iterable[str] = (),
        key_file: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        zone(timezone)
        self.url = url
        self.timezone = timezone
        self.policy = policy or Policy()
        self.clock = clock or SystemClock()
        self.handlers = Handlers()
        self.listeners = []
        self.grace = grace
        self.keep = Keep(parse_keep(history), parse_keep(events))
        self._upkeep = upkeep
        self._post = Post(notifiers or {})
        self._max_concurrent = max_concurrent
        self._max_queue = max_queue
        self.resources = checked_capacities(resources or {})
        self._allow = tuple(allow)
        self._key_file = key_file
        self._children: list[ChildSpec] = []
        self._config: Config | None = None
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._opened: Opened | None = None
        self._engine: Engine | None = None

    @classmethod
    def from_config(
        cls,
        path: str | Path | None = "config.toml",
        *,
        environ: Mapping[str, str] | None = None,
        need_secrets: bool = True,
    ) -> "Tocsin":
        """The service that a configuration file and the environment describe.

        Its jobs become tasks at `start`.

        Args:
            path: the file, None for the environment alone.
            environ: the environment, default this program's.
            need_secrets: False for what only looks: a notifier may lack its variables then.

        Raises:
            InvalidConfig: there are mistakes; `problems` has all of them.
        """
        from .configuring import build_notifiers, read_config  # noqa: PLC0415 - pydantic only where used
        from .core.job_policy import default_policy  # noqa: PLC0415 - likewise

        config = read_config(
            path, os.environ if environ is None else environ, need_secrets=need_secrets
        )
        scheduler = config.scheduler
        app = cls(
            config.storage.url,
            timezone=scheduler.timezone,
            policy=default_policy(config.scheduler, reminder=False),
            max_concurrent=scheduler.max_concurrent,
            max_queue=scheduler.max_queue_size,
            resources=config.resources,
            grace=scheduler.shutdown_grace / SECOND,
            upkeep=scheduler.maintenance_interval / SECOND,
            allow=scheduler.allow,
            key_file=config.storage.key_file,
        )
        app.keep = Keep(config.storage.history, config.storage.events)
        app._post = Post(build_notifiers(config))
        app._config = config
        return app

    @property
    def config(self) -> "Config | None":
        """The configuration as it was last read, None without one."""
        return self._config

    # ------------------------------------------------------------ life

    def start(self) -> Self:
        """Open the database, start the actors, bring configured jobs in. Returns self.

        Raises:
            AlreadyRunning: another service runs on this database, or this one already does.
            StorageError: the database cannot be opened.
        """
        from .engine import Engine, Housekeeping, Limits  # noqa: PLC0415 - a program that only schedules needs none

        with self._lock:
            opened = self._open()
            self._engine = Engine(
                opened,
                self.clock,
                self.handlers,
                self._post,
                limits=Limits(self._max_concurrent, self._max_queue, self.resources),
                listeners=self.listeners,
                children=self._children,
                allow=self._allow,
                upkeep=Housekeeping(self.keep, self._upkeep),
            )
            self._stopped.clear()
            try:
                self.apply_config()
            except BaseException:
                self.stop()
                raise
        return self

    def stop(self, grace: float | None = None) -> None:
        """Stop in bounded time: no new runs, `grace` seconds for running ones, then the actors.

        What was interrupted is made again at the next start. Stopping twice is harmless.
        """
        with self._lock:
            engine, self._engine = self._engine, None
            if engine is not None:
                engine.stop(self.grace if grace is None else grace)
            self._stopped.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the service is stopped, by `stop` or because it gave up.

        Args:
            timeout: seconds, None for ever.

        Returns:
            Whether it has stopped.

        Raises:
            RestartsExhausted: an actor kept dying, and the supervisor gave up; as `TooManyHung`,
                more actors hang than one process can carry.
            Hung: the top supervisor itself hangs.
        """
        engine = self._engine
        if engine is None:
            return self._stopped.wait(timeout)
        ended = engine.tree.wait(timeout)
        if engine.tree.failure is not None:
            raise engine.tree.failure
        if not ended:
            return False
        with self._lock:  # whoever stops it has this until everything is done
            return True

    @property
    def running(self) -> bool:
        """Whether the service runs."""
        engine = self._engine
        return engine is not None and engine.tree.alive

    def health(self) -> Health:
        """How the service on this database is; no actor is asked, so it never hangs."""
        engine = self._engine
        from .actors.checkup import complete, reported  # noqa: PLC0415 - peewee only where used

        seen = engine.checkup.health() if engine else reported(self.storage, self.clock.now())
        return complete(seen, self._queries)

    @property
    def well(self) -> bool:
        """Whether it gets on, by its own memory alone; also while it stops. For watchdogs."""
        engine = self._engine
        return engine is None or engine.checkup.well

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # ------------------------------------------------------------ actors

    @property
    def registry(self) -> Registry:
        """Names and addresses of the running actors.

        Raises:
            ActorUnavailable: the service does not run.
        """
        engine = self._engine
        if engine is None:
            raise ActorUnavailable("the service does not run: call start(), or use `with app:`")
        return engine.registry

    def address(self, name: str) -> Address:
        """Where to write to an actor by its name; good across its restarts."""
        return self.registry.address(name)

    @property
    def scheduler(self) -> Address:
        """The address of the Scheduler."""
        return self.address("scheduler")

    @property
    def alarm(self) -> Address:
        """The address of Alarm, for raw alarms to your own actors."""
        return self.address("alarm")

    @property
    def supervisor(self) -> Address:
        """The address of the top supervisor."""
        return self.address(TOP)

    def supervise(self, name: str, make: Callable[[], Actor], **options: Any) -> None:
        """Put an actor of your own under the supervisor, now or at the next start.

        Args:
            name: what it is registered under.
            make: returns a new `tocsin.Actor` that has not been started.
            options: `restart`, `shutdown` and the other fields of `ChildSpec`.

        Raises:
            InvalidChild: an option is wrong, or the name is taken.
        """
        spec = ChildSpec(name, make, **options)
        with self._lock:
            if name in OWN_ACTORS or any(name == child.id for child in self._children):
                raise InvalidChild(f"the name {name!r} belongs to another actor: choose another")
            if self._engine is not None:
                self.supervisor.ask(StartChild(spec), timeout=ASK_TIMEOUT)
            self._children.append(spec)

    # ------------------------------------------------------------ configuration

    def plan_config(self) -> "list[Step]":
        """What `apply_config` would do, without doing it; no database is made for it."""
        if self._config is None:
            return []
        from .core.reconcile import CREATED_BY, reconcile  # noqa: PLC0415 - pydantic where used

        jobs = self._config.jobs
        if self._opened is None and not self.storage.exists():
            return reconcile(jobs, [])
        queries = self._queries()
        tasks = queries.tasks(created_by=CREATED_BY)
        known = {task.key for task in tasks}
        tasks += queries.with_keys([key for key in jobs if key not in known])
        return reconcile(jobs, tasks)

    def apply_config(self) -> "list[Step]":
        """Make the stored tasks those of the configuration; history is kept."""
        steps = self.plan_config()
        for step in steps:
            for command in step.commands:
                self._send(command)
        return steps

    def reload(self, path: str | Path, environ: Mapping[str, str] | None = None) -> "list[Step]":
        """Read the configuration again: its jobs and notifiers take effect at once.

        Raises:
            InvalidConfig: there are mistakes; everything stays as it was.
        """
        from .configuring import build_notifiers, read_config  # noqa: PLC0415 - pydantic only where used

        config = read_config(path, os.environ if environ is None else environ)
        notifiers = build_notifiers(config)
        with self._lock:
            self._config = config
            self._post.replace(notifiers)
            return self.apply_config()

    # ------------------------------------------------------------ inside

    def _open(self) -> "Opened":
        if self._opened is not None:  # also for calls in their grace, while `stop` has the lock
            return self._opened
        with self._lock:
            if self._opened is None:
                from .opening import Opened  # noqa: PLC0415 - peewee only where used

                self._opened = Opened(
                    self.url,
                    self.clock,
                    os.environ,
                    key_file=self._key_file,
                    timezone=self.timezone,
                    policy=self.policy,
                    allow=self._allow,
                )
            return self._opened

    def _send(self, command: Command) -> Any:
        if self._engine is not None:
            return self.scheduler.ask(command, timeout=ASK_TIMEOUT)
        answer = self._open().ledger.execute([command]).answers[0]
        if isinstance(answer, TocsinError):
            raise answer
        return answer

    def _queries(self) -> "Queries":
        return self._open().queries

    def _check_channels(self, names: Iterable[str]) -> None:
        wanted = list(names)
        if not wanted:
            raise InvalidTask("a reminder needs somebody to remind: to='phone'")
        for name in wanted:
            if not self._post.knows(name):
                hint = did_you_mean(name, self._post.names)
                known = ", ".join(self._post.names)
                raise UnknownNotifier(f"no notifier is called {name!r}{hint} There are: {known}")
