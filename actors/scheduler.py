"""Scheduler: tasks, entries, occurrences and runs. Collect, commit, act.

It takes what waits in its mailbox as one batch, has it decided and stored in one transaction, and
only then acts: answers, arms alarms, hands out attempts. A reply always means durable.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar, get_args

from loguru import logger

from ..core.clock import SECOND
from ..core.commands import (
    AlarmsTriggered,
    AlarmTriggered,
    Command,
    NewEntries,
    NewEntry,
    RescueRuns,
    RunFinished,
)
from ..core.errors import InvalidMessage, StorageError, TocsinError
from ..core.notification import Notification
from ..executors.turns import Turns
from ..storage.commit import Commit
from ..storage.database import Database
from ..storage.ledger import Ledger
from .attempts import Attempts
from .base import Actor
from .clockwatch import ClockWatch
from .mailbox import Letter
from .messages import (
    Armed,
    CancelRuns,
    Drain,
    EventsPublished,
    Notify,
    Reload,
    RunnerStarted,
    RunsFinished,
    StartRuns,
    WhatIsHeld,
)

TICK = SECOND
"""How often the Scheduler looks whether somebody else changed the database."""

GLANCE = SECOND // 4
"""How often it looks at the clock: set back, it keeps every alarm from ringing until it is seen."""

MOST_AT_ONCE = 512
"""Tasks that one transaction is about, more or less: the next ones see what has ended meanwhile."""

BURST = 100
"""So many alarms at once, and so many ends of runs, are many."""

PATIENCE = 0.1
"""Seconds in which another hundred runs must end, so that a burst waits for their slots. When they
do not, calls are long and bursts wait no more, until runs end by the hundred again."""

ASK_TIMEOUT = 5.0

MOST_RECORDED = 10_000
"""Results that are remembered for a while: some are told, and found in the book of attempts too."""


_COMMANDS = frozenset(get_args(Command))


class Scheduler(Actor):
    """Keeps the tasks.

    Args:
        database: migrated already.
        ledger: carries out the commands.
        attempts: the book of everything that is alive.
        watch: tells when the wall clock was set.
        capacity: attempts that may be handed out at once, waiting for an executor included.
    """

    batch = 1_000
    busy_limit = 120.0
    watermarks: ClassVar = {"tick": 120.0}

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        attempts: Attempts,
        watch: ClockWatch,
        *,
        capacity: int = 1_010,
    ) -> None:
        super().__init__()
        self._watch = watch
        self._turns = Turns()
        self._database = database
        self._ledger = ledger
        self._ledger.may_commit = lambda: not self.fenced
        self._ledger.alive = lambda: self.mark("tick")
        self._attempts = attempts
        self._most_out = capacity
        self._out: set[tuple[int, int]] = set()
        self._recorded: deque[tuple[int, int]] = deque(maxlen=MOST_RECORDED)
        self._reconciled = False
        self._patient = True
        self._draining = False
        self._seen: int | None = None
        self._tick_at = 0

    def on_start(self) -> None:
        """What a predecessor was told and did not store rings again."""
        self._tell("alarm", Reload())

    def on_stop(self, reason: object = "normal") -> None:  # noqa: ARG002 - the same for all
        """Close the connection of this thread."""
        self._database.disconnect()

    def on_fenced(self) -> None:
        """Close the connection of this thread."""
        self._database.disconnect()

    def patience(self) -> float:
        """Seconds to the next tick, or glance at the clock."""
        return max(0, min(GLANCE, self._tick_at - self.clock.monotonic())) / SECOND

    def idle(self) -> None:
        """Once a second, or when the clock was set: catch up with what happened silently."""
        self.mark("tick")
        if self.clock.monotonic() < self._tick_at and not self._watch.look():
            return
        self._turns.look()
        self._tick_at = self.clock.monotonic() + TICK
        try:
            self._reconcile()
            if self._notice_others():
                self._ledger.sweep()
            if self._attempts.recall() or self._ledger.backlog or self._watch.look():
                self._carry_out([])
            if self.vitals.trouble is not None:  # that there was nothing to store proves nothing
                self._database.prove_writable()
            self.vitals.recover()
        except StorageError as error:
            self._outage(error)

    def receive(self, letters: Sequence[Letter]) -> None:
        """Collect, commit, act; a few times, when there is much to do."""
        part: list[tuple[Letter, Any]] = []
        weight, finished, rung = 0, False, set[int]()
        for letter in letters:
            message = letter.message
            if type(message) is RunsFinished:
                finished = True
                continue
            if type(message) in _COMMANDS:
                message = _once(message, rung)
            elif self.begin(letter):  # looking at it may kill us
                message = self._understood(letter)
            else:
                return
            if message is None:
                continue
            more = _weight(message)
            if part and weight + more > MOST_AT_ONCE:
                if not self._commit(part):
                    return
                part, weight, finished = [], 0, False
                self.idle()  # a heap of letters must not keep it from what is due each second
            part.append((letter, message))
            weight += more
        if part or finished:
            self._commit(part)

    def _understood(self, letter: Letter) -> Any:
        """The command in a letter; None when it was none, and is settled."""
        try:
            if not isinstance(letter.message, RunnerStarted | Drain):
                message = accept(letter.message)
                letter.begun = False  # only collected: if a later one kills us, this one is kept
                return message
        except TocsinError as error:
            self._refuse(letter, error)
            return None
        self._reconciled = False
        self._draining = self._draining or isinstance(letter.message, Drain)
        self._tick_at = 0
        letter.answer()
        return None

    def _commit(self, batch: Sequence[tuple[Letter, Any]]) -> bool:
        """Carry out a batch and answer its senders; False when this incarnation was replaced."""
        self._turns.look()
        if not self._hand.begin_all([letter for letter, _ in batch]):
            return False
        self._await_slots(sum(_weight(m) for _, m in batch if isinstance(m, AlarmsTriggered)))
        try:
            commit = self._carry_out([message for _, message in batch])
        except StorageError as error:
            self._outage(error)
            for letter, _ in batch:
                self._refuse(letter, error)
            return True
        for (letter, _), answer in zip(batch, commit.answers, strict=True):
            if isinstance(answer, TocsinError):
                self._refuse(letter, answer)
            else:
                letter.answer(answer)
        return True

    def _await_slots(self, wanted: int) -> None:
        """Let a burst wait for the runs before it, while these are short.

        What finds no slot waits in the database, which costs half as much again.
        """
        missing = wanted - (self._most_out - len(self._out))
        if self._reconciled and self._patient and wanted >= BURST and missing > 0:
            self._patient = self._attempts.wait(min(missing, len(self._out)), BURST, PATIENCE)

    # ------------------------------------------------------------ commit, act

    def _carry_out(self, commands: Sequence[Any]) -> Commit:
        results = self._attempts.fresh()
        self._patient = self._patient or len(results) >= BURST
        ended = [(result.run_id, result.fence) for result in results]
        free = self._most_out - len(self._out.difference(ended))
        slots = max(0, free) if self._reconciled else 0
        commit = self._store([*results, *commands], slots)
        self._note_late([*results, *commands], commit.answers)
        del commit.answers[: len(results)]
        ended += [(c.run_id, c.fence) for c in commands if isinstance(c, RunFinished)]
        self._attempts.confirm(ended)
        self._out.difference_update(ended)
        self._act(commit)
        return commit

    def _store(self, commands: Sequence[Any], slots: int = 0) -> Commit:
        """Carry out commands at this moment; what goes by a new time comes after the step to it."""
        now, news = self._watch.moment()
        commit = self._ledger.execute([*news, *commands], slots=slots, now=now)
        self._watch.settle(news)
        del commit.answers[: len(news)]
        return commit

    def _note_late(self, commands: Sequence[Any], answers: Sequence[Any]) -> None:
        """Say which results were refused; that one comes twice is no news."""
        for command, counted in zip(commands, answers, strict=True):
            if not isinstance(command, RunFinished):
                continue
            claim = (command.run_id, command.fence)
            if counted is True:
                self._recorded.append(claim)
            elif counted is False and claim not in self._recorded:
                logger.warning(
                    "the result of run {} came too late and is refused: its attempt (fence {})"
                    " does not count any more", *claim,
                )  # fmt: skip

    def _act(self, commit: Commit) -> None:
        if commit.armed:
            self._tell("alarm", Armed(tuple(commit.armed)))
        if commit.starts:
            self._out.update(start.claim for start in commit.starts)
            self._tell("runner", StartRuns(tuple(commit.starts)))
        if commit.cancels:
            self._tell("runner", CancelRuns(tuple(commit.cancels)))
        if commit.published:
            self._tell("publisher", EventsPublished())
        for notice in commit.notices:
            logger.warning("{}: {}", notice.title, notice.log)
            if notice.to:
                note = Notification(notice.message, title=notice.title, priority="high")
                self._tell("courier", Notify(notice.to, note.to_dict()))

    def _tell(self, name: str, message: object) -> None:
        """Tell a sibling; what gets lost here is found again by the next reload or tick."""
        try:
            self.registry.address(name).tell(message)
        except TocsinError as error:
            logger.warning("{} was not told: {}", name, error)
            self._reconciled = False

    def _refuse(self, letter: Letter, error: TocsinError) -> None:
        if letter.reply_to is None and not isinstance(letter.message, RunFinished):
            logger.warning("{} was refused: {}", type(letter.message).__name__, error)
        letter.fail(error)

    # ------------------------------------------------------------ catching up

    def _outage(self, error: StorageError) -> None:
        """Nothing was stored; what was only told must ring, or be reported, again.

        Should it have been stored after all, nobody works on what it claimed: that is taken back.
        """
        self._reconciled = False
        self.vitals.ail(str(error))
        logger.warning("the database cannot be used, trying again: {}", error)
        self._seen = None

    def _reconcile(self) -> None:
        """After a start, here or of the Runner: take back the claims that nobody works on."""
        if self._reconciled or self._draining:
            return
        try:
            held = self.registry.address("runner").ask(WhatIsHeld(), ASK_TIMEOUT)
        except TocsinError as error:
            logger.warning("runs wait for the runner: {}", error)
            return
        self._out = set(held)
        commit = self._store([RescueRuns(frozenset(held))])
        self._act(commit)
        self._reconciled = True
        self._ledger.sweep()
        lost = commit.answers[0]
        if lost:
            logger.warning("{} runs were lost in a crash and are taken back", lost)

    def _notice_others(self) -> bool:
        """Whether somebody else wrote to the database since the last look."""
        version = self._database.data_version()
        changed = version != self._seen
        self._seen = version
        if changed:
            self._tell("alarm", Reload())
        return changed


def _weight(message: Any) -> int:
    """How many tasks a message is about, more or less."""
    many: Any = ()
    if isinstance(message, AlarmsTriggered):
        many = message.scheduler_ids
    elif isinstance(message, NewEntries):
        many = message.entries
    return max(1, len(many)) if isinstance(many, tuple | list) else 1


def _once(message: Any, rung: set[int]) -> Any:
    """What is left of alarms that lay there several times; None when nothing is.

    When the Scheduler is late the same alarms may ring again and again, and one look at a task
    plans all that has come until then.
    """
    ids = message.scheduler_ids if type(message) is AlarmsTriggered else None
    if not isinstance(ids, tuple) or not all(type(i) is int for i in ids):
        return message
    left = tuple(i for i in ids if i not in rung)
    rung.update(left)
    return AlarmsTriggered(left) if left else None


def accept(message: Any) -> Any:
    """Turn the prototype's dict messages into ours; leave everything else as it is.

    Raises:
        InvalidMessage: a dict that says something else.
    """
    if not isinstance(message, dict):
        return message
    if len(message) == 1:
        [(name, value)] = message.items()
        if name == "alarm_triggered":
            return AlarmTriggered(_whole(value))
        if name == "new_entry" and isinstance(value, dict):
            return _new_entry(value)
    raise InvalidMessage(
        "a dict message is {'new_entry': {'when', 'module', 'function', 'args'}}"
        " or {'alarm_triggered': scheduler_id}"
    )


def _new_entry(fields: dict[str, Any]) -> NewEntry:
    known = {"when", "module", "function", "args", "kwargs", "handler", "key", "tenant", "metadata"}
    unknown = set(fields) - known
    if unknown or "when" not in fields:
        wrong = f"it has no {', '.join(sorted(map(str, unknown)))}" if unknown else "say when"
        raise InvalidMessage(f"new_entry: {wrong}; it takes {', '.join(sorted(known))}")
    return NewEntry(**fields)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidMessage(f"alarm_triggered takes an integer scheduler_id, not {value!r}")
    return value
