"""Alarm: rings at the exact instant, whatever it is that waits for it.

It keeps the near-term window in memory and reads it again as a whole every 30 seconds; what is
set meanwhile is told to it. A cached alarm is a hint only: storage decides what is really due.
"""

import json
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from loguru import logger

from ..core.clock import MINUTE, SECOND, from_instant
from ..core.commands import AlarmsTriggered
from ..core.errors import InvalidMessage, InvalidSchedule, StorageUnavailable, TocsinError
from ..core.occurrences import first_occurrence
from ..core.when import to_schedule
from ..core.work import Alarm as AlarmRow
from ..storage.alarms import AlarmStore, RawAlarm
from ..storage.database import Database
from .base import Actor
from .mailbox import Letter
from .messages import Armed, CancelAlarm, Reload, SetAlarm
from .window import Window

WINDOW = MINUTE
RELOAD_EVERY = 30 * SECOND
LONGEST_WAIT = SECOND
"""The wall clock is looked at once a second at least, in case it was set."""

SHORTEST_GAP = 0.001
"""Seconds of real time between two rings at least. In the midst of thousands a second, an alarm is
later when this actor wakes up for each of them than when it waits for those right after it."""

MOST_AT_ONCE = 512
MOST_IN_WINDOW = 50_000
LONGEST_POSTPONED = MINUTE

Row = tuple[int, str, str]
"""A new raw alarm: when, to whom, and the message as JSON."""


class Alarm(Actor):
    """Durable raw alarms to any registered name, and the alarms of the tasks.

    Args:
        database: migrated already.
        incarnation: the life of the service.
        timezone: the zone of time phrases.
    """

    batch = 1_000
    watermarks: ClassVar = {"reload": 60.0, "ring": 60.0}

    def __init__(self, database: Database, incarnation: str, timezone: str = "UTC") -> None:
        super().__init__()
        self._database = database
        self._store = AlarmStore(database, lambda: not self.fenced)
        self._boot = incarnation
        self._timezone = timezone
        self._window = Window()
        self._loaded_until = 0
        self._window_ends = 0
        self._reload_at = 0
        self._failures = 0
        self._rang_at = 0.0
        self._owed: list[Row] = []
        self._delivered: set[int] = set()

    def on_start(self) -> None:
        """Read the window; an unreachable database is waited for, not died of."""
        self._load()

    def on_stop(self, reason: object = "normal") -> None:  # noqa: ARG002 - the same for all
        """Close the connection of this thread."""
        self._database.disconnect()

    def on_fenced(self) -> None:
        """Close the connection of this thread."""
        self._database.disconnect()

    def patience(self) -> float:
        """Seconds to the next alarm or reload, one at most."""
        due = self._window.next_due()
        now = self.clock.now()
        wait = min(LONGEST_WAIT, self._reload_at - self.clock.monotonic())
        if due is not None:
            wait = min(wait, due - now)
        return max(0, wait) / SECOND

    def idle(self) -> None:
        """Ring what is due, read the window again when it is time or the clock was set."""
        if self.clock.monotonic() >= self._reload_at or self.clock.now() >= self._window_ends:
            self._load()
        self.mark("reload")
        self._ring()

    def receive(self, letters: Sequence[Letter]) -> None:
        """Set and cancel in one transaction; take in what others set."""
        orders = []
        for letter in letters:
            if not self.begin(letter):
                return
            message = accept(letter.message)
            if isinstance(message, Armed):
                self._take_in(message.alarms)
            elif isinstance(message, Reload):
                self._load("DEBUG")
            else:
                orders.append((letter, message))
        if orders:
            self._change(orders)
        self._ring()

    # ------------------------------------------------------------ the window

    def _load(self, level: str = "INFO") -> None:
        self._reload_at = self.clock.monotonic() + RELOAD_EVERY
        until = self._window_ends = self.clock.now() + WINDOW
        try:
            self._store_owed()
            alarms = self._store.window(until, MOST_IN_WINDOW)
        except StorageUnavailable as error:
            self._failures += 1
            self._reload_at = self.clock.monotonic() + min(self._failures, 5) * SECOND
            self.vitals.ail(str(error))
            logger.warning("the timers could not be loaded, trying again: {}", error)
            return
        self._failures = 0
        self.vitals.recover()
        if len(alarms) >= MOST_IN_WINDOW:
            until = alarms[-1].due_at or until
            self._reload_at = self.clock.monotonic() + SECOND
        self._loaded_until = until
        self._window.replace(alarms)
        logger.log(level, "Loaded {} timers into cache", len(alarms))

    def _store_owed(self) -> None:
        """Store what was told while the database could not be used."""
        if self._owed:
            self._store.change(self._owed, [])
            self._owed.clear()

    def _take_in(self, alarms: Sequence[AlarmRow]) -> None:
        for alarm in alarms:
            if alarm.due_at is not None and alarm.due_at >= self._loaded_until:
                self._window.discard(alarm.id)
            else:
                self._window.put(alarm)

    # ------------------------------------------------------------ ringing

    def _ring(self) -> None:
        self._rest()
        self.mark("ring")
        now = self.clock.now()
        while due := self._window.pop_due(now, MOST_AT_ONCE):
            logger.debug("Executing {} due timers", len(due))
            tasks = tuple(alarm.task_id for alarm in due if alarm.task_id is not None)
            if tasks:
                self._tell_scheduler(tasks)
            raw = [alarm.id for alarm in due if alarm.task_id is None]
            if raw:
                self._deliver(raw, now)
            self._rang_at = time.monotonic()

    def _rest(self) -> None:
        """Let those that ring right after others ring together; a letter ends the rest."""
        left = self._rang_at + SHORTEST_GAP - time.monotonic()
        if left > 0:
            with self.mailbox.condition:
                self.mailbox.condition.wait_for(self._is_wanted, left)

    def _is_wanted(self) -> bool:
        return self._must_end() or not self.mailbox.empty()

    def _tell_scheduler(self, tasks: tuple[int, ...]) -> None:
        try:
            self.registry.address("scheduler").tell(AlarmsTriggered(tasks))
            logger.debug("Alarms triggered for the tasks {}", tasks)
        except TocsinError as error:  # the rows are still there: the next load rings again
            logger.debug("{} timers wait for the scheduler: {}", len(tasks), error)
            self._reload_at = min(self._reload_at, self.clock.monotonic() + SECOND)

    def _deliver(self, ids: Sequence[int], now: int) -> None:
        """Claim, tell, settle: a crash in between delivers again rather than never."""
        try:
            postponed = []
            for raw in self._store.claim(ids, now, self._boot):
                if raw.id in self._delivered or self._hand_over(raw):
                    self._delivered.add(raw.id)
                else:
                    later = now + min(LONGEST_POSTPONED, SECOND << min(raw.attempt - 1, 10))
                    postponed.append((later, raw.id))
            self._store.settle(self._delivered, postponed)
            self._delivered.clear()
        except StorageUnavailable as error:
            self.vitals.ail(str(error))
            logger.warning("{} timers wait for the database: {}", len(ids), error)
            self._reload_at = self.clock.monotonic() + SECOND
            return
        self._take_in([AlarmRow(due_at, alarm_id, None) for due_at, alarm_id in postponed])

    def _hand_over(self, raw: RawAlarm) -> bool:
        """Put it into the mailbox, unless nobody is there or it is full: then it stays stored."""
        try:
            self.registry.deliver(raw.target, Letter(raw.message), "fail", timeout=0)
        except TocsinError as error:
            log = logger.warning if raw.attempt == 1 else logger.debug
            log("timer {} waits for its addressee: {}", raw.id, error)
            return False
        logger.debug("Spawned callback for timer {}", raw.id)
        return True

    # ------------------------------------------------------------ raw alarms

    def _change(self, orders: Sequence[tuple[Letter, Any]]) -> None:
        """Carry out `SetAlarm` and `CancelAlarm` in one transaction, then answer."""
        added, cancelled = self._checked(orders)
        if not added and not cancelled:
            return
        try:
            ids, gone = self._store.change([row for _, row in added], [i for _, i in cancelled])
        except TocsinError as error:
            for letter, _ in [*added, *cancelled]:
                _refuse(letter, error)
            if isinstance(error, StorageUnavailable):
                self._owed += [row for letter, row in added if letter.reply_to is None]
            return
        for alarm_id, (letter, row) in zip(ids, added, strict=True):
            self._take_in([AlarmRow(row[0], alarm_id, None)])
            letter.answer({"alarm_id": alarm_id, "due_at": from_instant(row[0])})
        for letter, alarm_id in cancelled:
            if alarm_id in gone:
                self._window.discard(alarm_id)
            letter.answer(alarm_id in gone)

    def _checked(
        self, orders: Sequence[tuple[Letter, Any]]
    ) -> tuple[list[tuple[Letter, Row]], list[tuple[Letter, int]]]:
        """What is to be added and cancelled; what is wrong is refused here."""
        added: list[tuple[Letter, Row]] = []
        cancelled: list[tuple[Letter, int]] = []
        for letter, message in orders:
            try:
                if isinstance(message, CancelAlarm):
                    cancelled.append((letter, _whole(message.alarm_id)))
                elif isinstance(message, SetAlarm):
                    added.append((letter, self._row(message)))
                else:
                    raise InvalidMessage(f"Alarm does not understand {type(message).__name__}")
            except TocsinError as error:
                _refuse(letter, error)
        return added, cancelled

    def _row(self, order: SetAlarm) -> Row:
        _check_target(order.target)
        try:
            message = json.dumps(order.message, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidMessage(f"an alarm's message must be JSON: {error}") from error
        due_at = self._instant(order.when)
        return due_at, order.target, message

    def _instant(self, when: Any) -> int:
        now = self.clock.now()
        schedule = to_schedule(when).bind(now, self._timezone)
        due_at = first_occurrence(schedule, now)
        if schedule.recurring or due_at is None:
            raise InvalidSchedule("a raw alarm rings once: give it one instant")
        return due_at


def accept(message: Any) -> Any:
    """Turn the prototype's dict messages into ours; leave everything else as it is.

    Raises:
        InvalidMessage: a dict that says something else.
    """
    if not isinstance(message, dict):
        return message
    if set(message) == {"set_timer"} and isinstance(message["set_timer"], dict | list | tuple):
        order = message["set_timer"]
        fields = order if isinstance(order, dict) else dict(zip(_ORDER, order, strict=False))
        if set(fields) <= set(_ORDER) and {"when", "target"} <= set(fields):
            return SetAlarm(**fields)
    if set(message) == {"cancel_timer"}:
        return CancelAlarm(message["cancel_timer"])
    return message


_ORDER = ("when", "target", "message")


def _refuse(letter: Letter, error: TocsinError) -> None:
    if letter.reply_to is None:
        logger.warning("{} was refused: {}", type(letter.message).__name__, error)
    letter.fail(error)


def _check_target(target: object) -> None:
    if not isinstance(target, str) or not target.strip() or not target.isprintable():
        raise InvalidMessage("an alarm needs the registered name of its addressee")


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidMessage(f"an alarm is named by its integer id, not by {value!r}")
    return value
