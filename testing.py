"""For tests of programs that use Tocsin: a clock that you move, and a service that waits for you.

from tocsin.testing import ManualTocsin

def test_the_report_is_built_each_morning(tmp_path):
    with ManualTocsin(f"sqlite:///{tmp_path}/t.db", start="2026-03-01T00:00:00Z") as app:
        app.schedule("report.build", cron("0 9 * * *"))
        runs = app.advance("2d")
        assert [run.status for run in runs] == ["succeeded", "succeeded"]
"""

import os
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from loguru import logger

from .actors.attempts import unfinished
from .actors.calls import Calls, result_of
from .actors.checkup import complete, of_executor
from .actors.delivery import Delivery
from .core.clock import MINUTE, SECOND, from_instant, to_instant
from .core.commands import AlarmsTriggered, Command, RescueRuns
from .core.durations import parse_duration
from .core.errors import NotificationError, TocsinError
from .core.health import Health
from .core.notification import Notification
from .core.run import Run
from .core.work import Notice, Start
from .engine import Limits, add_builtin_handlers, make_lanes
from .executors.base import Executor, Report
from .service import Tocsin
from .storage.alarms import AlarmStore, RawAlarm
from .storage.claims import Claims
from .storage.commit import Commit
from .storage.deliveries import Deliveries
from .storage.ledger import Ledger

DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)
LONGEST_CALL = 60.0
MOST_SLOTS = 1_000_000


class SettableClock:
    """A clock that stands still until it is moved. Safe to use from every thread.

    Args:
        start: the first instant, an aware datetime or ISO 8601 text. Default 2026-01-01, UTC.
    """

    POLL = 0.02
    """Real seconds after which a waiter looks again, so that no move is ever missed."""

    def __init__(self, start: datetime | str = DEFAULT_START) -> None:
        moment = datetime.fromisoformat(start) if isinstance(start, str) else start
        self._lock = threading.Lock()
        self._shows = to_instant(moment), 0
        self._waiting: dict[int, threading.Condition] = {}

    def now(self) -> int:
        """Wall clock: microseconds since the epoch, UTC."""
        return self._shows[0]

    def monotonic(self) -> int:
        """Microseconds since the clock was made."""
        return self._shows[1]

    def moment(self) -> datetime:
        """The wall clock as an aware datetime in UTC."""
        return from_instant(self.now())

    def advance(self, seconds: float | timedelta | str) -> None:
        """Let time pass: seconds, a timedelta, or text such as "5m"."""
        step = parse_duration(seconds)
        with self._lock:
            now, passed = self._shows
            self._shows = now + step, passed + step  # at once, for whoever looks meanwhile
        self._notify()

    def set_wall(self, moment: datetime) -> None:
        """Set the wall clock only, forward or back, as an administrator would."""
        with self._lock:
            self._shows = to_instant(moment), self._shows[1]
        self._notify()

    def wait(self, condition: threading.Condition, timeout: float | None) -> None:
        """Wait on `condition` until it is notified or the clock was moved."""
        with self._lock:
            self._waiting[id(condition)] = condition
        try:
            condition.wait(self.POLL if timeout is None else min(self.POLL, timeout))
        finally:
            with self._lock:
                self._waiting.pop(id(condition), None)

    def _notify(self) -> None:
        with self._lock:
            waiting = list(self._waiting.values())
        for condition in waiting:
            with condition:
                condition.notify_all()


class ManualTocsin(Tocsin):
    """A service without actors: nothing happens until `advance`, then everything, in order.

    Tasks, policies, storage and executors are the real ones; calls are made one after the other.

    Args:
        url: the database; default one in a temporary folder that vanishes at the end.
        start: the first instant of its clock.
        clock: a clock of your own instead.
        options: as for `Tocsin`.

    Attributes:
        clock: what `advance` moves.
        delivered: raw alarms that rang: (target, message), in order.
        notices: what people should hear of, such as failures and quarantines, in order; those that
            name notifiers (`notify_failure`) have been sent to them, once.
    """

    clock: SettableClock

    def __init__(
        self,
        url: str | None = None,
        *,
        start: datetime | str = DEFAULT_START,
        clock: SettableClock | None = None,
        **options: Any,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tocsin-") if url is None else None
        where = url or f"sqlite:///{self._folder.name if self._folder else ''}/tocsin.db"
        super().__init__(where, clock=clock or SettableClock(start), **options)
        self.delivered: list[tuple[str, Any]] = []
        self.notices: list[Notice] = []
        self._ledger: Ledger | None = None
        self._lanes: dict[str, Executor] = {}
        self._waiting: deque[Start] = deque()

    @property
    def running(self) -> bool:
        """Whether it was started."""
        return self._ledger is not None

    def start(self) -> Self:
        """Open the database, recover what a crash left, bring configured jobs in."""
        opened = self._open()
        opened.database.reserve()
        self._lanes = make_lanes(self.clock, Limits())
        add_builtin_handlers(self.handlers, self._post)
        self._calls = Calls(self.handlers, opened.keys, self.clock, self._allow)
        self._alarms = AlarmStore(opened.database)
        claims = Claims("manual", self.resources)
        self._ledger = Ledger(opened.database, self.clock, opened.drafts, claims)
        self._delivery = Delivery(Deliveries(opened.database), self.listeners, self.clock)
        self._delivery.begin()
        try:
            self._execute([RescueRuns()])
            self.apply_config()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, grace: float | None = None) -> None:
        """Close everything; stopping twice is harmless."""
        for lane in self._lanes.values():
            lane.stop(self.grace if grace is None else grace)
        self._lanes = {}
        self._ledger = None
        if self._opened is not None:
            self._opened.database.release()
            self._opened.database.disconnect()
        if self._folder is not None:
            self._folder.cleanup()
        self._stopped.set()

    def health(self) -> Health:
        """How it is: its executors, what waits, and when the next alarm rings."""
        if self._ledger is None:
            return super().health()
        executors = tuple(of_executor(name, lane.load()) for name, lane in self._lanes.items())
        now = from_instant(self.clock.now())
        seen = Health("ok", (), now, os.getpid(), executors=executors)
        return complete(seen, self._queries)

    def advance(self, seconds: float | timedelta | str = 0) -> list[Run]:
        """Let time pass and run everything that becomes due, in order.

        Args:
            seconds: how far, as seconds, a timedelta, or text such as "5m"; 0 for what is due now.

        Returns:
            The runs whose attempts ended, in that order; a run that was retried is in it again.
        """
        end = self.clock.now() + parse_duration(seconds)
        ended = self._run_ready()
        while (due := self._next_due(end)) is not None:
            self.clock.advance(max(0, due - self.clock.now()) / SECOND)
            self._ring()
            ended += self._run_ready()
        self.clock.advance(max(0, end - self.clock.now()) / SECOND)
        return ended

    # ------------------------------------------------------------ inside

    def _send(self, command: Command) -> Any:
        if self._ledger is None:
            return super()._send(command)
        answer = self._execute([command]).answers[0]
        if isinstance(answer, TocsinError):
            raise answer
        return answer

    def _execute(self, commands: Sequence[Command], slots: int = 0) -> Commit:
        if self._ledger is None:
            raise TocsinError("it is not started: use `with app:`, or call start()")
        commit = self._ledger.execute(commands, slots=slots)
        cancelled = [start for start in self._waiting if start.claim in commit.cancels]
        for start in cancelled:  # claimed in the same instant, not called yet
            self._waiting.remove(start)
            self._ledger.execute([unfinished(start, "cancelled", self.clock.now())])
        for notice in commit.notices:
            self._notify(notice)
        return commit

    def _notify(self, notice: Notice) -> None:
        """Send what the Courier would; what cannot be sent is in the log, and not sent again."""
        self.notices.append(notice)
        note = Notification(notice.message, title=notice.title, priority="high")
        for name in notice.to:
            try:
                self._post.send(name, note)
            except NotificationError as error:
                logger.error("the notification {!r} to {} is lost: {}", note.title, name, error)

    def _next_due(self, end: int) -> int | None:
        alarms = [alarm.due_at for alarm in self._alarms.window(end + 1, 1)]
        told = self._delivery.next_due()
        due = [at for at in (*alarms, told) if at is not None and at <= end]
        return min(due, default=None)

    def _ring(self) -> None:
        now = self.clock.now()
        due = self._alarms.window(now + 1, MOST_SLOTS)
        tasks = tuple(alarm.task_id for alarm in due if alarm.task_id is not None)
        raw = [alarm.id for alarm in due if alarm.task_id is None]
        self._waiting.extend(self._execute([AlarmsTriggered(tasks)], MOST_SLOTS).starts)
        if raw:
            self._deliver(self._alarms.claim(raw, now, "manual"), now)

    def _deliver(self, rung: Sequence[RawAlarm], now: int) -> None:
        """Note what rang; what cannot be read stays stored."""
        delivered, postponed = [], []
        for alarm in rung:
            try:
                self.delivered.append((alarm.target, alarm.message))
                delivered.append(alarm.id)
            except TocsinError:
                postponed.append((now + MINUTE, alarm.id))
        self._alarms.settle(delivered, postponed)

    def _run_ready(self) -> list[Run]:
        """Make every attempt that may start, and tell what they publish, until all is quiet."""
        ended = self._make_attempts()
        while self._delivery.step():
            ended += self._make_attempts()
        return ended

    def _make_attempts(self) -> list[Run]:
        """Make every attempt that may start, and those that become ready meanwhile."""
        if self._ledger is not None:
            self._ledger.sweep()
        self._waiting.extend(self._execute([], MOST_SLOTS).starts)
        ended = []
        while self._waiting:
            start = self._waiting.popleft()
            done = result_of(start, self._perform(start))
            self._waiting.extend(self._execute([done], MOST_SLOTS).starts)
            ended.append(self._queries().run(start.run_id))
        return ended

    def _perform(self, start: Start) -> Report:
        """Make one attempt in its lane and wait for its end."""
        lane = self._lanes[self._calls.lane(start)]
        reports: list[Report] = []
        done = threading.Event()

        def report(ended: Report) -> None:
            reports.append(ended)
            done.set()

        lane.submit(self._calls.make(start), report)
        if not done.wait(LONGEST_CALL):
            lane.expire(start.claim)
            done.wait(LONGEST_CALL)
        return reports[0]
