"""Mending: tasks whose callable was renamed get new entries; what is stored is never rewritten."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from .core.decide import resume
from .core.entry import Entry, parse_target
from .core.errors import EntryRejected, InvalidEntry, TocsinError, UnknownTask
from .core.events import Event, TaskUpdated
from .core.handlers import Handlers
from .core.hints import did_you_mean
from .core.state import TaskState
from .executors.callables import check_bound, resolve
from .opening import Opened
from .storage.census import called, callers
from .storage.connection import Connection
from .storage.keys import Keyring
from .storage.payload import codec_of, pack, seal, unseal
from .storage.sets import blobs
from .storage.unit import Unit

PAGE = 200
"""Tasks that are mended in one transaction."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A task that called what was renamed.

    Attributes:
        task_id: the task.
        name: how people call it.
        tenant: whose it is.
        resumed: whether it was quarantined for that, and goes on now.
        problem: why it could not be mended, None when it was.
    """

    task_id: int
    name: str
    tenant: str
    resumed: bool = False
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "task_id": self.task_id,
            "task": self.name,
            "tenant": self.tenant,
            "resumed": self.resumed,
            "problem": self.problem,
        }


@dataclass(slots=True)
class Repair:
    """What became of a rename.

    Attributes:
        old: what was called.
        new: what is called now.
        dry_run: whether nothing was changed.
        tasks: all that called it.
    """

    old: str
    new: str
    dry_run: bool
    tasks: list[Mended] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all of them could be mended."""
        return all(each.problem is None for each in self.tasks)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "ok": self.ok,
            "old": self.old,
            "new": self.new,
            "dry_run": self.dry_run,
            "tasks": [each.to_dict() for each in self.tasks],
        }


class Mending:
    """Appends new entries to one database.

    Args:
        opened: the database and its keys.
        handlers: the registered callables.
        allow: module prefixes that entries may name, empty for all.
        complete: whether `handlers` has all that the program registers.
    """

    def __init__(
        self, opened: Opened, handlers: Handlers, allow: Sequence[str], *, complete: bool
    ) -> None:
        self._database = opened.database
        self._keys: Keyring = opened.keys
        self._handlers = handlers
        self._allow = tuple(allow)
        self._complete = complete

    def rename(self, old: str, new: str, now: int, *, dry_run: bool) -> Repair:
        """Let every task that calls `old` call `new`, with the same arguments.

        Args:
            old: a function's path or a handler's key, as it is stored.
            new: the same, as it is called now.
            now: the present instant.
            dry_run: only say what would be done.

        Raises:
            InvalidEntry: there is no `new`.
            UnknownTask: no task calls `old`.
        """
        self._require(new)
        done, last = Repair(old, new, dry_run), 0
        while True:
            with self._database.snapshot() if dry_run else self._database.transaction() as where:
                ids = callers(where, old, last, PAGE)
                if not ids:
                    break
                unit, last = Unit(where, now), ids[-1]
                stored = self._entries(where, unit.load(ids))
                done.tasks += [
                    self._mend(task, stored.get(task.entry_id, b""), unit, done)
                    for task in unit.load(ids)
                ]
                if not dry_run:
                    unit.flush()
        if not done.tasks:
            raise UnknownTask(f"no task calls {old!r}{did_you_mean(old, called(self._database))}")
        return done

    def _require(self, new: str) -> None:
        path = parse_target(new)
        try:
            if path is not None:
                resolve(*path)
            elif self._complete and self._handlers.find(new) is None:
                hint = did_you_mean(new, self._handlers.keys())
                raise InvalidEntry(f"no handler {new!r} is registered in this program{hint}")
        except EntryRejected as error:
            raise InvalidEntry(f"{error}: name what is to be called from now on") from error

    @staticmethod
    def _entries(connection: Connection, tasks: Sequence[TaskState]) -> dict[int, bytes]:
        return blobs(connection, "scheduler", "entry", {task.entry_id for task in tasks})

    def _mend(self, task: TaskState, blob: bytes, unit: Unit, repair: Repair) -> Mended:
        try:
            events = self._renamed(task, blob, unit, repair)
        except TocsinError as error:
            return Mended(task.id, task.name, task.tenant, problem=str(error))
        unit.record(task, events)
        return Mended(task.id, task.name, task.tenant, resumed=len(events) > 1)

    def _renamed(self, task: TaskState, blob: bytes, unit: Unit, repair: Repair) -> list[Event]:
        """The new entry of a task, and what follows."""
        old, new = parse_target(repair.old), parse_target(repair.new)
        allow = (*self._allow, old[0]) if self._allow and old else self._allow
        entry = _naming(
            unseal(blob, task.entry_id, task.tenant, self._keys, allow), new, repair.new
        )
        if entry.handler is None or self._handlers.find(entry.handler) is not None:
            check_bound(entry, self._handlers)
        codec = codec_of(blob)
        payload, fingerprint = pack(entry, codec, self._allow)
        again = _goes_on(task, repair.old)
        resumed = resume(task, unit.now, unit.ids.stream("runs")) if again else []
        entry_id = unit.ids.next("scheduler")
        unit.entries[entry_id] = seal(payload, codec, entry_id, task.tenant, self._keys)
        updated = TaskUpdated(
            at=unit.now, tenant=task.tenant, task_id=task.id, next_at=task.next_at,
            target=entry.target, entry_id=entry_id, digest=fingerprint,
        )  # fmt: skip
        return [updated, *resumed]


def _naming(entry: Entry, path: tuple[str, str] | None, key: str) -> Entry:
    """The same call of something else."""
    if path is None:
        return structs.replace(entry, module=None, function=None, handler=key)
    return structs.replace(entry, module=path[0], function=path[1], handler=None)


def _goes_on(task: TaskState, old: str) -> bool:
    """Whether the rename was what the task was quarantined for."""
    return task.status == "quarantined" and old in (task.reason or "")
