"""The verbs of a scheduler for Python programs: schedule, look up, change, explain.

Each verb is one command to the ledger or one read from the database; where a command goes (to the
running Scheduler, or straight into the database) is decided by whoever inherits this.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .core import commands as c
from .core.clock import Clock, from_instant
from .core.commands import DEFAULT_TENANT, TaskRef
from .core.entry import Entry, parse_target
from .core.errors import EntryRejected, InvalidEntry, InvalidTask, TocsinError, UnknownHandler
from .core.explain import explanation
from .core.handlers import Handler
from .core.limits import check_resources
from .core.notification import REMIND, Notification
from .core.options import policy_with
from .core.policy import REMINDER_RETRY
from .core.run import Run
from .core.task import Task
from .core.upcoming import Upcoming, upcoming
from .executors.callables import check_fit, resolve
from .registration import Registration

if TYPE_CHECKING:
    from .storage.database import Database
    from .storage.queries import Logged, Queries

_UNSET = object()


class Facade(Registration, ABC):
    """What an embedded scheduler can be asked to do."""

    url: str
    clock: Clock
    resources: Mapping[str, int]

    @abstractmethod
    def _send(self, command: c.Command) -> Any:
        """Carry out a command durably and return its answer."""

    @abstractmethod
    def _queries(self) -> "Queries":
        """The reading side of the database."""

    @abstractmethod
    def _check_channels(self, names: Iterable[str]) -> None:
        """Refuse names that no notifier has."""

    @property
    def storage(self) -> "Database":
        """The database that remembers everything; there is none before something is stored.

        Raises:
            StorageError: a URL that this version cannot open.
        """
        from .storage.database import Database  # noqa: PLC0415 - peewee only where used

        return Database(self.url)

    @property
    def database(self) -> Path:
        """The file that remembers everything.

        Raises:
            StorageError: it is no file, or a URL that this version cannot open.
        """
        return self.storage.path

    @property
    def served(self) -> bool:
        """Whether a service runs on the database now, this one or another."""
        return self.storage.lock().held()

    # ------------------------------------------------------------ scheduling

    def schedule(
        self,
        what: str | Callable[..., Any],
        when: Any,
        *,
        key: str | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        payload: Any = _UNSET,
        tenant: str = DEFAULT_TENANT,
        metadata: Mapping[str, Any] | None = None,
        **policy: Any,
    ) -> Task:
        """Remember to call something; when this returns, it is durable.

        With the key of an existing task, that task is updated; an unchanged one is left alone.

        Args:
            what: a handler's key, a function, or its path "myapp.reports:nightly".
            when: `cron(...)`, `every(...)`, `at(...)`, `now()`, a phrase such as "10:30pm", an
                aware datetime, or unix seconds.
            key: the task's name, unique per tenant.
            args: positional arguments.
            kwargs: keyword arguments.
            payload: one value that is passed first, before `args`.
            tenant: whose task it is.
            metadata: JSON of your own.
            policy: `timeout="5m"`, `retries=3`, `retry={...}`, `max_runs`, `overlap`, `catch_up`,
                `windows="mon-fri 09:00-17:00"`, `on_exhausted`, `delivery`, `priority`,
                `notify_failure`, and every other field of `Policy`.

        Raises:
            InvalidSchedule: the time is not understood or never comes.
            InvalidEntry: the function cannot be found, or does not take the arguments.
            UnknownHandler: no handler has this key.
            InvalidTask: an option is wrong.
        """
        everything = tuple(args) if payload is _UNSET else (payload, *args)
        entry = self._entry(what, everything, dict(kwargs or {}))
        handler = self.handlers.find(entry.handler or "")
        options = {**(handler.policy if handler else {}), **policy}
        rules = policy_with(self.policy, options)
        check_resources(rules, self.resources)
        reply = self._send(
            c.NewEntry(
                when,
                module=entry.module,
                function=entry.function,
                handler=entry.handler,
                args=entry.args,
                kwargs=entry.kwargs,
                key=key,
                tenant=tenant,
                policy=rules,
                metadata=dict(metadata or {}),
            )
        )
        return self.get(reply["scheduler_id"], tenant=tenant)

    def remind(
        self,
        when: Any,
        message: str,
        *,
        to: str | Sequence[str] = "log",
        key: str | None = None,
        tenant: str = DEFAULT_TENANT,
        created_by: str = "embedded",
        **details: Any,
    ) -> Task:
        """Send a notification at a time.

        Args:
            when: as in `schedule`.
            message: the text.
            to: names of notifiers.
            key: the task's name, unique per tenant.
            tenant: whose reminder it is.
            created_by: who ordered it.
            details: `title`, `priority`, `sound`, `url` and the other fields of `Notification`.

        Raises:
            InvalidSchedule: the time is not understood.
            InvalidTask: the notification is wrong.
            UnknownNotifier: no notifier has this name.
        """
        note = Notification.from_dict({"message": message, **details})
        names = [to] if isinstance(to, str) else list(to)
        self._check_channels(names)
        reply = self._send(
            c.NewEntry(
                when,
                handler=REMIND,
                kwargs={"to": names, **_plain(note)},
                key=key,
                tenant=tenant,
                policy=policy_with(self.policy, {"retry": REMINDER_RETRY}),
                created_by=created_by,
                codec="json",
            )
        )
        return self.get(reply["scheduler_id"], tenant=tenant)

    def order(self, entry: c.NewEntry) -> Task:
        """Store an entry as it is; whether what it names exists shows when it runs.

        Raises:
            InvalidSchedule: the time is not understood or never comes.
            InvalidEntry: it cannot be stored.
            InvalidTask: its key or metadata is wrong.
        """
        reply = self._send(entry)
        return self.get(reply["scheduler_id"], tenant=entry.tenant)

    # ------------------------------------------------------------ changing

    def pause(self, task: TaskRef, reason: str | None = None, **scope: str) -> Task:
        """Plan no occurrences until the task is resumed."""
        return self._task(c.PauseTask(task, reason, **scope))

    def resume(self, task: TaskRef, *, catch_up: bool = False, **scope: str) -> Task:
        """Let a paused, quarantined or disabled task go on.

        Args:
            task: which one.
            catch_up: let its policy decide what it still runs of what it missed, as after a
                downtime; otherwise that is skipped.
            scope: `tenant`.
        """
        return self._task(c.ResumeTask(task, catch_up=catch_up, **scope))

    def cancel(self, task: TaskRef, reason: str | None = None, **scope: str) -> Task:
        """End the task; its history is kept."""
        return self._task(c.CancelTask(task, reason, **scope))

    def delete(self, task: TaskRef, reason: str | None = None, **scope: str) -> Task:
        """End the task, take it from the lists and free its key; its history is kept."""
        return self._task(c.DeleteTask(task, reason, **scope))

    def update(
        self,
        task: TaskRef,
        when: Any = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        tenant: str = DEFAULT_TENANT,
        **policy: Any,
    ) -> Task:
        """Change the schedule, the policy or the metadata; the next run is counted from now."""
        changed = None
        if policy:
            present = self.get(task, tenant=tenant).policy
            rules = policy_with(present, policy)
            check_resources(rules, self.resources)
            changed = asdict(rules)  # whole: also what is a default again
        return self._task(c.UpdateTask(task, when, changed, metadata, tenant))

    def run_now(self, task: TaskRef, **scope: str) -> Run:
        """Run the task once, now, beside its schedule."""
        run: Run = self._send(c.RunNow(task, **scope))
        return run

    def retry(self, run_id: int, **scope: str) -> Run:
        """Run a failed run again, as a new run."""
        run: Run = self._send(c.RetryRun(run_id, **scope))
        return run

    # ------------------------------------------------------------ reading

    def get(self, task: TaskRef, *, tenant: str = DEFAULT_TENANT) -> Task:
        """The task with this key or id.

        Raises:
            UnknownTask: there is none.
        """
        return self._queries().task(task, tenant)

    def tasks(
        self,
        *,
        tenant: str | None = None,
        status: str | Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Task]:
        """Tasks in the order in which they were created, optionally only some statuses."""
        wanted = [status] if isinstance(status, str) else list(status)
        return self._queries().tasks(tenant, status=wanted, limit=limit)

    def count(self, *, tenant: str | None = None) -> dict[str, int]:
        """How many tasks there are, by status."""
        return self._queries().count_tasks(tenant)

    def history(
        self,
        task: TaskRef | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
        status: str | Sequence[str] = (),
        limit: int = 50,
    ) -> list[Run]:
        """Runs, the latest first; of one task, or of all."""
        wanted = [status] if isinstance(status, str) else list(status)
        task_id = None if task is None else self.get(task, tenant=tenant).id
        return self._queries().runs(tenant, task_id=task_id, status=wanted, limit=limit)

    def history_near(
        self, task: TaskRef, at: datetime, *, tenant: str = DEFAULT_TENANT
    ) -> list[Run]:
        """The run of a task that was planned for `at`, and the thousand on each side of it."""
        return self._queries().runs_near(self.get(task, tenant=tenant).id, at)

    def events(
        self,
        task: TaskRef | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
        after: int = 0,
        limit: int = 100,
        latest: bool = False,
    ) -> "list[Logged]":
        """What happened, in order; of one task, or of all of the tenant.

        Args:
            task: whose events.
            tenant: whose tasks.
            after: only events with a greater id.
            limit: at most so many: the first ones, or the last ones with `latest`.
            latest: the last ones, still in the order in which they happened.
        """
        task_id = None if task is None else self.get(task, tenant=tenant).id
        return self._queries().events(
            tenant, task_id=task_id, after=after, limit=limit, latest=latest
        )

    def upcoming(self, n: int = 10, *, tenant: str | None = None) -> list[Upcoming]:
        """The next `n` planned occurrences over all active tasks, soonest first.

        Returns:
            Pairs of moment and task; `.note` says what clocks, calendars or windows do to one.
        """
        now, tasks = self.clock.now(), self._queries().next_tasks(tenant, n)
        found = [each for task in tasks for each in upcoming(task, now, n)]
        return sorted(found, key=lambda each: each.moment)[:n]

    def explain(self, task: TaskRef, at: datetime, *, tenant: str = DEFAULT_TENANT) -> str:
        """Say in words what happened to the occurrence planned for `at`, and why."""
        known = self.get(task, tenant=tenant)
        runs = self.history_near(known, at, tenant=tenant)
        present, pruned = from_instant(self.clock.now()), self._queries().pruned_until()
        return explanation(known, runs, at, present, pruned)

    # ------------------------------------------------------------ inside

    def _task(self, command: c.Command) -> Task:
        task: Task = self._send(command)
        return task

    def _entry(
        self, what: str | Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Entry:
        """What is called and with what, checked as far as this program can."""
        if callable(what):
            key = self.handlers.key_of(what)
            target = key if key is not None else function_path(what)
        else:
            target = what
        path = parse_target(target)
        try:
            if path is None:
                self._check_handler(self.handlers.get(target), args, kwargs)
                return Entry(handler=target, args=args, kwargs=kwargs)
            check_fit(resolve(*path), args, kwargs, target)
        except EntryRejected as error:
            raise InvalidEntry(str(error)) from error
        except UnknownHandler as error:
            raise UnknownHandler(f"{error}; a function is written 'module:function'") from error
        return Entry(module=path[0], function=path[1], args=args, kwargs=kwargs)

    def _check_handler(
        self, handler: Handler, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        check_fit(handler.function, (None, *args), kwargs, handler.key)
        if handler.validate is None:
            return
        try:
            handler.validate(*args, **kwargs)
        except TocsinError:
            raise
        except Exception as error:
            raise InvalidTask(f"{handler.key} refuses these arguments: {error}") from error


def function_path(function: Callable[..., Any]) -> str:
    """The path under which a function can be imported again.

    Raises:
        InvalidEntry: it has none: a lambda, a local function, a bound method.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if not module or not name or "<" in name:
        raise InvalidEntry(
            f"{function!r} cannot be found again by name: use a function at the top of a module,"
            " or register it with @app.handler('some.key')"
        )
    try:
        found = resolve(module, name)
    except EntryRejected as error:
        raise InvalidEntry(str(error)) from error
    if found != function:
        raise InvalidEntry(f"{module}:{name} is another object than the one to be scheduled")
    return f"{module}:{name}"


def _plain(note: Notification) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in note.to_dict().items()}
