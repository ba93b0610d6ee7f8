"""Reminders and notices: everybody hears once, and nobody who is slow holds up anybody else."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from loguru import logger

from tocsin import Tocsin, every, now
from tocsin.core.errors import (
    InvalidTask,
    NotificationDelayed,
    NotificationRefused,
    UnknownNotifier,
)
from tocsin.core.notification import Notification
from tocsin.messages import SetAlarm
from tocsin.notifiers.base import Receipt
from tocsin.testing import ManualTocsin, SettableClock

LIMIT = 15.0
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Phone:
    """A channel that keeps what it was sent, or does what it was told to do instead."""

    kind: ClassVar[str] = "phone"

    def __init__(self, *plan: BaseException | Callable[[], Any]) -> None:
        self.plan = list(plan)
        self.got: list[Notification] = []
        self.closed = 0
        self.rang = threading.Semaphore(0)

    def send(self, note: Notification) -> Receipt:
        if self.plan:
            step = self.plan.pop(0)
            if isinstance(step, BaseException):
                self.rang.release()
                raise step
            step()
        self.got.append(note)
        self.rang.release()
        return Receipt(str(len(self.got)), {"by": "phone"})

    def close(self) -> None:
        self.closed += 1


def later(seconds: float | None = None) -> NotificationDelayed:
    return NotificationDelayed("busy", retry_after=seconds)


def manual(**phones: Phone) -> ManualTocsin:
    return ManualTocsin(start=NOON, notifiers=phones)


def test_a_retry_goes_only_to_the_channel_that_was_busy() -> None:
    fine, busy = Phone(), Phone(later(), later())
    refusing = Phone(*[NotificationRefused("never")] * 9)
    with manual(fine=fine, busy=busy, refusing=refusing) as app:
        task = app.remind("in 1 minute", "bread", to=["fine", "busy", "refusing"], title="Oven")
        runs = app.advance("1m")
        assert [run.status for run in runs] == ["pending"]
        assert runs[0].result == {
            "delivered": {"fine": {"id": "1", "by": "phone"}},
            "refused": {"refusing": "never"},
        }
        runs = app.advance("1h")
        assert [(run.status, run.attempt) for run in runs] == [("pending", 2), ("failed", 3)]
        assert sorted(runs[-1].result["delivered"]) == ["busy", "fine"]
        assert "refusing: never" in (runs[-1].error or "")
        assert [len(p.got) for p in (fine, busy, refusing)] == [1, 1, 0]
        assert len(refusing.plan) == 8
        assert fine.got == [Notification("bread", title="Oven")]
        assert app.get(task).status == "failed"
        assert [run.attempt for run in app.history(task)] == [3]


def test_a_reminder_is_tried_again_after_five_ten_and_twenty_seconds() -> None:
    phone = Phone(later(), later(), later())
    with manual(phone=phone) as app:
        task = app.remind("in 1 minute", "bread", to="phone")
        moments = [second for second in range(1, 121) if app.advance(1)]
        assert moments == [60, 65, 75, 95]
        assert app.get(task).status == "completed"


def test_a_channel_that_says_when_to_come_back_is_believed() -> None:
    phone = Phone(later(600))
    with manual(phone=phone) as app:
        app.remind("in 1 minute", "bread", to="phone")
        assert len(app.advance("10m")) == 1
        assert [run.status for run in app.advance("1m")] == ["succeeded"]


def test_a_broken_notifier_does_not_make_the_others_ring_again() -> None:
    fine, broken = Phone(), Phone(ValueError("a bug"), KeyError("another"))
    with manual(fine=fine, broken=broken) as app:
        app.remind(now(), "bread", to=["fine", "broken"])
        runs = app.advance("1h")
        assert [run.status for run in runs] == ["pending", "pending", "succeeded"]
        assert "ValueError: a bug" in (runs[0].error or "")
        assert (len(fine.got), len(broken.got)) == (1, 1)


def test_s65_a_notifier_that_exits_takes_no_other_along_and_is_asked_again() -> None:
    fine, broken = Phone(), Phone(SystemExit("gone"), KeyboardInterrupt())
    with manual(fine=fine, broken=broken) as app:
        app.remind(now(), "bread", to=["fine", "broken"])
        runs = app.advance("1h")
        assert [run.status for run in runs] == ["pending", "pending", "succeeded"]
        assert "SystemExit: gone" in (runs[0].error or "")
        assert (len(fine.got), len(broken.got)) == (1, 1)


def test_one_that_refuses_is_not_asked_again() -> None:
    phone = Phone(NotificationRefused("no such user"))
    with manual(phone=phone) as app:
        task = app.remind("in 1 minute", "bread", to="phone")
        [run] = app.advance("1d")
        assert (run.status, run.attempt) == ("failed", 1)
        assert "no such user" in (app.get(task).reason or "")
        phone.plan.clear()
        app.retry(run.id)
        [again] = app.advance()
        assert (again.status, again.cause) == ("succeeded", "retry")
        assert app.get(task).status == "completed"


@pytest.mark.parametrize("to", ["phnoe", ["phone", "phnoe"]])
def test_an_unknown_notifier_is_refused_with_the_one_that_was_meant(to: Any) -> None:
    with manual(phone=Phone()) as app:
        with pytest.raises(UnknownNotifier, match="did you mean 'phone'"):
            app.remind("in 1 minute", "bread", to=to)
        with pytest.raises(InvalidTask):
            app.remind("in 1 minute", "bread", to=[])
        with pytest.raises(InvalidTask, match="needs a message"):
            app.remind("in 1 minute", "  ", to="phone")
        with pytest.raises(InvalidTask, match="did you mean 'title'"):
            app.remind("in 1 minute", "bread", to="phone", titel="Oven")
        assert app.tasks() == []


def test_without_notifiers_the_log_takes_every_reminder_visibly(app: Tocsin, until: Any) -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level=0, format="{message}")
    with app:
        task = app.remind(now(), "Take the bread out", to="whoever", title="Oven")
        until(lambda: app.get(task).status == "completed")
    logger.remove(sink)
    assert lines == ["🔔 Oven: Take the bread out\n"]


def test_hanging_notifiers_delay_no_other_task_and_a_slow_one_no_other_reminder(
    url: str, until: Any
) -> None:
    gate, rang = threading.Event(), threading.Event()
    slow, fine = Phone(*[lambda: gate.wait(LIMIT)] * 3), Phone()
    app = Tocsin(url, notifiers={"slow": slow, "fine": fine}, max_concurrent=1, grace=0.2)
    app.handler("ring")(lambda ctx: rang.set())
    with app:
        for _ in range(3):
            app.remind(now(), "slow", to="slow")
        app.schedule("ring", now())
        assert rang.wait(LIMIT)
        app.remind(now(), "quick", to="fine")
        assert fine.rang.acquire(timeout=LIMIT)
        assert slow.got == []
        gate.set()
        assert all(slow.rang.acquire(timeout=LIMIT) for _ in range(3))
        until(lambda: len(app.history(status="succeeded")) == 5)


def test_a_run_that_failed_for_good_is_told_to_those_whom_the_task_names(url: str) -> None:
    phone = Phone()
    app = Tocsin(url, notifiers={"phone": phone}, grace=0.2)

    @app.handler("fail", retries=0, notify_failure="phone")
    def fail(ctx: Any) -> None:
        raise ValueError("out of paper")

    app.handler("forgiven", retries=5, notify_failure="phone")(fail)
    with app:
        app.schedule("forgiven", now(), key="patient")
        app.schedule("fail", now(), key="report")
        assert phone.rang.acquire(timeout=LIMIT)
    [note] = phone.got
    assert note.title == "Task report failed"
    assert "out of paper" in note.message
    assert note.priority == "high"


def test_a_quarantine_is_told_too(url: str) -> None:
    phone = Phone()
    app = Tocsin(url, notifiers={"phone": phone}, grace=0.2)
    Tocsin(url).handler("gone")(lambda ctx: None)
    other = Tocsin(url)
    other.handler("gone", notify_failure=["phone"])(lambda ctx: None)
    other.schedule("gone", now(), key="orphan")
    with app:
        assert phone.rang.acquire(timeout=LIMIT)
    assert phone.got[0].title == "Task orphan is quarantined"
    assert "Nothing was deleted" in phone.got[0].message


def test_a_notice_that_could_not_be_sent_waits_in_the_database_for_its_next_try(
    url: str, clock: SettableClock, sql: Any, until: Any
) -> None:
    phone = Phone(later(), later(3600))
    app = Tocsin(url, notifiers={"phone": phone}, grace=0.2, clock=clock)

    @app.handler("fail", retries=0, notify_failure="phone")
    def fail(ctx: Any) -> None:
        raise ValueError("out of paper")

    with app:
        app.schedule("fail", now(), key="report")
        assert phone.rang.acquire(timeout=LIMIT)
        until(lambda: sql("SELECT due_at, target FROM alarms") == [(us(5), "courier")])
        clock.advance(5)
        assert phone.rang.acquire(timeout=LIMIT)
        until(lambda: sql("SELECT due_at, target FROM alarms") == [(us(3605), "courier")])
    assert phone.got == []
    clock.advance("2h")
    with app:
        clock.advance(1)  # whose addressee had not started yet is told again after a second
        assert phone.rang.acquire(timeout=LIMIT)
        until(lambda: sql("SELECT count(*) FROM alarms") == [(0,)])
    assert [note.title for note in phone.got] == ["Task report failed"]


def us(seconds: float) -> int:
    return int((NOON.timestamp() + seconds) * 1_000_000)


def test_nonsense_told_to_the_courier_is_not_its_death(clocked: Tocsin) -> None:
    with clocked as app:
        before = app.registry.whereis("courier")
        nonsense: list[Any] = [
            {"notify": {}}, {"notify": {"to": 5, "note": {}}}, {"notify": {"to": ["x"]}},
            {"notify": {"to": ["x"], "note": {"message": ""}}}, {"wake": "up"}, None,
            {"notify": {"to": ["x"], "note": {"message": "hi"}, "attempt": "two"}},
        ]  # fmt: skip
        for message in nonsense:
            app.alarm.ask(SetAlarm("in 1 second", "courier", message))
            app.address("courier").tell(message)
        app.clock.advance("1s")  # type: ignore[attr-defined]
        good = {"notify": {"to": ["x"], "note": {"message": "hi"}}}
        assert app.address("courier").ask(good, timeout=LIMIT) is None
        assert app.registry.whereis("courier") == before


def test_recurring_reminders_ring_each_time(url: str) -> None:
    phone = Phone()
    with manual(phone=phone) as app:
        app.remind(every("1h"), "drink", to="phone", key="water")
        app.advance("5h")
        assert len(phone.got) == 5
        app.remind(every("1h"), "drink more", to="phone", key="water")
        app.advance("2h")
        assert [note.message for note in phone.got[5:]] == ["drink more"] * 2
