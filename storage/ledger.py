"""The one shell around the decisions: commands in, one durable transaction, answers out.

The Scheduler batches its inbox through it, the command line uses it directly. Each command is
decided on its own; what is wrong with one is that one's answer and costs no other.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..core import commands as c
from ..core import events as e
from ..core.clock import Clock
from ..core.decide import (
    cancel,
    delete,
    pause,
    resume,
    run_now,
    schedule_task,
    trigger,
    update,
)
from ..core.errors import InvalidMessage, StorageError, TocsinError, UnknownRun
from ..core.events import Event, RunPlanned
from ..core.notices import notices
from ..core.outcomes import (
    begin,
    finish,
    finish_unreadable,
    rescue,
    rescue_unreadable,
    unplannable,
)
from ..core.overlap import to_stop
from ..core.run import Run
from ..core.state import PLANNED, TaskState
from ..core.steps import replan
from ..core.task import Task
from ..core.when import to_schedule
from ..core.work import Claim
from .batch import addressed, named, rung
from .claims import Claims
from .commit import Answer, Commit, SetAside
from .database import Database
from .dialect import Permission, always
from .drafts import Draft, Drafts, check_text
from .inflight import InFlight
from .links import Links
from .lookup import task_of_run, the_task
from .unit import Unit

Commands: TypeAlias = Sequence[c.Command | SetAside]


class _Torn(Exception):
    """A command failed when it had changed something already: the transaction must not be kept."""

    def __init__(self, error: TocsinError) -> None:
        super().__init__(str(error))
        self.error = error


class Ledger:
    """Carries out commands on one database.

    Args:
        database: migrated already.
        clock: the source of "now".
        drafts: turns new entries into tasks and signed blobs.
        claims: picks the runs that may start; None where nothing is run.

    Attributes:
        may_commit: whether its writer may still store anything; one that was replaced may not.
        alive: called now and then within a transaction, so that a long one is not taken for a hang.
    """

    def __init__(
        self, database: Database, clock: Clock, drafts: Drafts, claims: Claims | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._drafts = drafts
        self._claims = claims
        self.may_commit: Permission = always
        self.alive: Callable[[], object] = always
        self._epoch = (-1, -1)
        self._in_flight = InFlight()

    def execute(self, commands: Commands, *, slots: int = 0, now: int | None = None) -> Commit:
        """Carry out a batch in one transaction; it is durable when this returns.

        Args:
            commands: in order; later ones see what earlier ones did.
            slots: attempts that may be claimed.
            now: the instant of everything that happens; None for what the clock shows then.

        Raises:
            StorageUnavailable: nothing was changed; the same batch may be tried again.
            Fenced: nothing was changed, for the writer was replaced meanwhile.
        """
        try:
            return self._execute(commands, slots, now)
        except TocsinError:
            self.sweep()
            raise
        except Exception as error:
            self.sweep()
            if len(commands) == 1 and isinstance(error, _Torn):
                return Commit(answers=[error.error])
            ringing = rung(commands)
            if ringing:
                return self._ring_apart(ringing, slots, now, error)
            if len(commands) <= 1:
                raise StorageError(f"it could not be stored: {error}") from error
        return self._one_by_one(commands, slots, now)

    def sweep(self) -> None:
        """Look for waiting runs in the whole database at the next transaction."""
        if self._claims is not None:
            self._claims.backlog = True

    @property
    def backlog(self) -> bool:
        """Whether runs may wait in the database for a free slot."""
        return self._claims is not None and self._claims.backlog

    def _execute(self, commands: Commands, slots: int, now: int | None) -> Commit:
        commit = Commit()
        with self._database.transaction(self.may_commit) as connection:
            epoch = self._database.epoch()
            at = self._clock.now() if now is None else now
            unit = Unit(connection, at, self._known_at(epoch))
            unit.alive = self.alive
            unit.load(addressed(commands))
            for tenant, keys in named(commands).items():
                unit.seek(tenant, keys)
            replies = [self._attempt(command, unit, commit) for command in commands]
            Links(unit).cascade()
            commit.cancels += _replaced(unit)
            if self._claims is not None:
                commit.starts = self._claims.take(unit, connection, slots)
            unit.flush()
            commit.armed = unit.armed
            commit.notices = notices(unit.events, unit.tasks)
            commit.published = e.HandlerEvent in set(map(type, unit.events))
            commit.answers = [reply() if callable(reply) else reply for reply in replies]
        self._epoch, self._in_flight = epoch, unit.leave()
        return commit

    def _known_at(self, epoch: tuple[int, int]) -> InFlight:
        """What need not be read: nothing, if anybody else may have written meanwhile."""
        version, number = epoch
        return self._in_flight if self._epoch == (version, number - 1) else InFlight()

    def _one_by_one(self, commands: Commands, slots: int, now: int | None) -> Commit:
        """The batch failed as a whole: find the command that no database would take."""
        whole = Commit()
        for command in commands:
            try:
                part = self.execute([command], slots=slots, now=now)
            except TocsinError as error:
                whole.answers.append(error)
                continue
            slots -= len(part.starts)
            for name in ("answers", "armed", "starts", "cancels", "notices"):
                getattr(whole, name).extend(getattr(part, name))
            whole.published = whole.published or part.published
        return whole

    def _ring_apart(
        self, task_ids: Sequence[int], slots: int, now: int | None, error: Exception
    ) -> Commit:
        """Alarms cannot be carried out together: only the task that is to blame is set aside."""
        if len(task_ids) > 1 or slots:  # without claims: those can wait
            commit = self._one_by_one([c.AlarmTriggered(i) for i in task_ids], 0, now)
            commit.answers = [None]
            return commit
        return self.execute([SetAside(task_ids[0], f"its run cannot be stored: {error}")], now=now)

    def _attempt(self, command: c.Command | SetAside, unit: Unit, commit: Commit) -> Answer:
        """Decide one command; what is wrong with it becomes its answer."""
        handler = _HANDLERS.get(type(command))
        if handler is None:
            return InvalidMessage(f"the Scheduler does not understand {type(command).__name__}")
        before = len(unit.events)
        refusal: TocsinError
        try:
            return handler(self, command, unit, commit)
        except TocsinError as error:
            refusal = error
        except Exception as error:  # noqa: BLE001 - a message of any shape must cost only itself
            kind = f"{type(command).__name__}: {type(error).__name__}"
            refusal = InvalidMessage(f"{kind}: {error}")
        if len(unit.events) > before:
            raise _Torn(refusal)
        return refusal

    def _new_entry(self, command: c.NewEntry, unit: Unit, _: Commit) -> Answer:
        draft = self._drafts.prepare(command, unit.now)
        task = unit.find(command.tenant, command.key) if command.key is not None else None
        Links(unit).check(task, draft.task.schedule, command.tenant)
        task_id = self._enter(draft, unit)
        return lambda: draft.reply(task_id, unit.alarms.get(task_id))

    def _new_entries(self, command: c.NewEntries, unit: Unit, _: Commit) -> Answer:
        drafts = [self._drafts.prepare(entry, unit.now) for entry in command.entries]
        task_ids = [self._enter(draft, unit, connect=False) for draft in drafts]
        links = Links(unit)
        for task_id in task_ids:  # only now: they may name each other
            links.connect(unit.tasks[task_id])
        pairs = zip(drafts, task_ids, strict=True)
        return lambda: [draft.reply(i, unit.alarms.get(i)) for draft, i in pairs]

    def _enter(self, draft: Draft, unit: Unit, *, connect: bool = True) -> int:
        """Store what is new about a task. Returns its id."""
        entry_id = unit.ids.next("scheduler")
        new = draft.task
        new.entry_id = entry_id
        task = unit.find(new.tenant, new.key) if new.key is not None else None
        new.relinked = task is not None and Links(unit).moved(task, new.schedule)
        events = schedule_task(new, task, unit.now)
        if events and getattr(events[0], "entry_id", None) == entry_id:  # others follow from it
            unit.entries[entry_id] = self._drafts.seal(draft, entry_id)
        task_id = task.id if task is not None else entry_id
        recorded = unit.record(task, events)
        if events and connect and recorded is not None:
            Links(unit).connect(recorded)
        return task_id

    def _triggered(self, command: c.AlarmTriggered, unit: Unit, _: Commit) -> None:
        self._trigger([command.scheduler_id], unit)

    def _all_triggered(self, command: c.AlarmsTriggered, unit: Unit, _: Commit) -> None:
        self._trigger(command.scheduler_ids, unit)

    def _trigger(self, task_ids: Sequence[int], unit: Unit) -> None:
        fresh = unit.ids.stream("runs")
        for task in unit.load(task_ids):
            try:
                events: Sequence[Event] = trigger(task, unit.now, fresh)
            except Exception as error:  # noqa: BLE001 - one unreadable task must not stop the others
                events = unplannable(task, error, unit.now)
            unit.record(task, events)
            unit.rearm(task)

    def _pause(self, command: c.PauseTask, unit: Unit, _: Commit) -> Task:
        task = the_task(unit, command.task, command.tenant)
        check_text(command.reason, "a reason")
        return _recorded(unit, task, pause(task, command.reason, unit.now))

    def _resume(self, command: c.ResumeTask, unit: Unit, _: Commit) -> Task:
        task = the_task(unit, command.task, command.tenant)
        runs = unit.ids.stream("runs")
        return _recorded(unit, task, resume(task, unit.now, runs, catch_up=command.catch_up))

    def _end(self, command: c.CancelTask | c.DeleteTask, unit: Unit, commit: Commit) -> Task:
        task = the_task(unit, command.task, command.tenant)
        check_text(command.reason, "a reason")
        decide = delete if isinstance(command, c.DeleteTask) else cancel
        events = decide(task, command.reason, unit.now)
        if events:
            commit.cancels += [
                (r.id, r.fence) for r in task.runs.values() if r.status == "executing"
            ]
        return _recorded(unit, task, events)

    def _update(self, command: c.UpdateTask, unit: Unit, _: Commit) -> Task:
        task = the_task(unit, command.task, command.tenant)
        schedule = None
        if command.when is not None:
            schedule = to_schedule(command.when).bind(unit.now, self._drafts.timezone)
            Links(unit).check(task, schedule, command.tenant)
        events = update(
            task, unit.now, schedule=schedule, policy=command.policy, metadata=command.metadata,
            timezone=self._drafts.timezone,
        )  # fmt: skip
        changed = _recorded(unit, task, events)
        if schedule is not None:
            Links(unit).connect(task)
        return changed

    def _run_now(self, command: c.RunNow, unit: Unit, _: Commit) -> Run:
        task = the_task(unit, command.task, command.tenant)
        events = run_now(task, unit.now, unit.ids.stream("runs"))
        unit.record(task, events)
        return Run.from_state(task.runs[events[0].run_id or 0])

    def _retry(self, command: c.RetryRun, unit: Unit, _: Commit) -> Run:
        run = task_of_run(unit, command.run_id, command.tenant)
        if run.status not in {"failed", "timed_out", "cancelled"}:
            raise UnknownRun(f"run {run.id} is {run.status}: only a failed run can be retried")
        task = the_task(unit, run.task_id, command.tenant)
        events = run_now(
            task, unit.now, unit.ids.stream("runs"), cause="retry", reason=f"retry of run {run.id}"
        )
        unit.record(task, events)
        return Run.from_state(task.runs[events[0].run_id or 0])

    def _begin(self, command: c.BeginRun, unit: Unit, _: Commit) -> bool:
        """Whether the attempt may be called."""
        task = unit.get(command.task_id)
        events = None if task is None else begin(task, command, unit.now)
        if events is None:
            return False
        unit.record(task, events)
        return True

    def _finished(self, command: c.RunFinished, unit: Unit, _: Commit) -> bool:
        """Whether the result counted; a stale one changes nothing."""
        task = unit.get(command.task_id)
        if task is None:
            return False
        events: Sequence[Event] | None
        try:
            events = finish(task, command, unit.now)
        except Exception as error:  # noqa: BLE001 - what ended must be recorded all the same
            events = finish_unreadable(task, command, error, unit.now)
        if events is None:
            return False
        unit.record(task, events)
        return True

    def _clock_stepped(self, command: c.ClockStepped, unit: Unit, _: Commit) -> int:
        """How many tasks were planned again."""
        stepped = e.ClockStepped(at=unit.now, tenant=e.SERVICE, task_id=0, step=command.step)
        unit.note(stepped)
        before = len(unit.events)
        for task in unit.load(unit.timed()):
            try:
                events = replan(task, command.step, unit.now)
            except Exception as error:  # noqa: BLE001 - one unreadable task must not stop the others
                events = unplannable(task, error, unit.now)
            unit.record(task, events)
        return len(unit.events) - before

    def _suspended(self, command: c.Suspended, unit: Unit, _: Commit) -> None:
        common: dict[str, Any] = {"at": unit.now, "tenant": e.SERVICE, "task_id": 0}
        unit.note(e.Suspended(**common, duration=command.duration))

    def _rescue(self, command: c.RescueRuns, unit: Unit, _: Commit) -> int:
        """How many attempts were taken back."""
        before = len(unit.events)
        for task in unit.load(unit.executing()):
            try:
                events = rescue(task, command.held, unit.now)
            except Exception as error:  # noqa: BLE001 - one unreadable task must not stop the others
                events = rescue_unreadable(task, command.held, error, unit.now)
            unit.record(task, events)
        return len(unit.events) - before

    def _set_aside(self, command: "SetAside", unit: Unit, _: Commit) -> None:
        for task in unit.load([command.task_id]):
            if task.status == "active":
                common: dict[str, Any] = {"at": unit.now, "tenant": task.tenant}
                event = e.TaskQuarantined(**common, task_id=task.id, reason=command.reason)
                unit.record(task, [event])


_HANDLERS: dict[type, Callable[[Ledger, Any, Unit, Commit], Answer]] = {
    c.NewEntry: Ledger._new_entry,  # noqa: SLF001 - the table beside its class
    c.NewEntries: Ledger._new_entries,  # noqa: SLF001
    c.AlarmTriggered: Ledger._triggered,  # noqa: SLF001
    c.AlarmsTriggered: Ledger._all_triggered,  # noqa: SLF001
    c.PauseTask: Ledger._pause,  # noqa: SLF001
    c.ResumeTask: Ledger._resume,  # noqa: SLF001
    c.CancelTask: Ledger._end,  # noqa: SLF001
    c.DeleteTask: Ledger._end,  # noqa: SLF001
    c.UpdateTask: Ledger._update,  # noqa: SLF001
    c.RunNow: Ledger._run_now,  # noqa: SLF001
    c.RetryRun: Ledger._retry,  # noqa: SLF001
    c.BeginRun: Ledger._begin,  # noqa: SLF001
    c.RunFinished: Ledger._finished,  # noqa: SLF001
    c.RescueRuns: Ledger._rescue,  # noqa: SLF001
    SetAside: Ledger._set_aside,  # noqa: SLF001
    c.ClockStepped: Ledger._clock_stepped,  # noqa: SLF001
    c.Suspended: Ledger._suspended,  # noqa: SLF001
}


def _replaced(unit: Unit) -> list[Claim]:
    """The attempts whose place is wanted by an occurrence that was planned just now."""
    beside = [task for task in unit.tasks.values() if len(task.runs) > 1]
    if not beside:
        return []
    planned = {
        event.task_id
        for event in unit.events
        if type(event) is RunPlanned and event.cause in PLANNED
    }
    return [claim for task in beside if task.id in planned for claim in to_stop(task)]


def _recorded(unit: Unit, task: TaskState, events: Sequence[Any]) -> Task:
    return Task.from_state(unit.record(task, events) or task)
