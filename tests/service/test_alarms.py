"""Raw alarms: durable, exact, to any actor by its name."""

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tocsin import Actor, Tocsin, at, every
from tocsin.core.errors import (
    ActorCrashed,
    InvalidMessage,
    InvalidSchedule,
    StorageUnavailable,
    TocsinError,
)
from tocsin.messages import CancelAlarm, SetAlarm
from tocsin.storage.alarms import AlarmStore
from tocsin.storage.database import Database
from tocsin.testing import SettableClock

LIMIT = 15.0
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def bell(clocked: Tocsin, box: Any) -> Tocsin:
    clocked.supervise("bell", box.actor)
    return clocked


def waits(sql: Sql) -> int:
    return int(sql("SELECT count(*) FROM alarms")[0][0])


@pytest.mark.parametrize(
    ("phrase", "seconds"), [("in 5 minutes", 300), ("10:30pm", 37_800), (NOON.timestamp() + 7, 7)]
)
def test_an_alarm_rings_at_its_instant_and_not_a_microsecond_before(
    bell: Tocsin, clock: SettableClock, box: Any, until: Any, sql: Sql, *, phrase: Any, seconds: int
) -> None:
    with bell:
        reply = bell.alarm.ask(SetAlarm(phrase, "bell", {"wake": "up"}))
        assert reply == {"alarm_id": 1, "due_at": NOON + timedelta(seconds=seconds)}
        clock.advance(timedelta(seconds=seconds, microseconds=-1))
        bell.alarm.ask(CancelAlarm(99), timeout=LIMIT)  # Alarm has looked at the clock since
        assert box.items == []
        clock.advance(timedelta(microseconds=1))
        assert box.wait(1) == [{"wake": "up"}]
        until(lambda: waits(sql) == 0)


def test_an_instant_that_has_passed_rings_at_once(bell: Tocsin, box: Any) -> None:
    with bell:
        bell.alarm.ask(SetAlarm(NOON - timedelta(days=400), "bell", "late"))
        assert box.wait(1) == ["late"]


def test_a_called_off_alarm_does_not_ring_and_calling_it_off_again_says_so(
    bell: Tocsin, box: Any, sql: Sql, clock: SettableClock
) -> None:
    with bell:
        first = bell.alarm.ask(SetAlarm("in 5 minutes", "bell", 1))["alarm_id"]
        bell.alarm.ask(SetAlarm("in 6 minutes", "bell", 2))
        assert bell.alarm.ask(CancelAlarm(first)) is True
        assert bell.alarm.ask(CancelAlarm(first)) is False
        clock.advance("10m")
        assert box.wait(1) == [2]


def test_the_alarm_of_a_task_cannot_be_called_off_as_a_raw_one(bell: Tocsin) -> None:
    bell.handler("tick")(lambda ctx: None)
    with bell:
        task = bell.schedule("tick", every("1h"))
        assert bell.alarm.ask(CancelAlarm(1)) is False
        assert bell.get(task).next_run_at == NOON + timedelta(hours=1)


def test_an_alarm_for_somebody_who_does_not_live_yet_waits_for_him(
    clocked: Tocsin, box: Any, until: Any, sql: Sql, clock: SettableClock
) -> None:
    with clocked as app:
        app.alarm.ask(SetAlarm("in 1 second", "latecomer", "at last"))
        clock.advance("1s")
        until(lambda: sql("SELECT attempt FROM alarms") == [(1,)])
        app.supervise("latecomer", box.actor)
        clock.advance("1s")
        assert box.wait(1) == ["at last"]
        until(lambda: waits(sql) == 0)


def test_alarms_survive_a_restart_of_the_service(
    until: Any, bell: Tocsin, box: Any, clock: SettableClock
) -> None:
    with bell:
        bell.alarm.ask(SetAlarm("in 5 minutes", "bell", "early"))
        bell.alarm.ask(SetAlarm("in 2 hours", "bell", "late"))
    clock.advance("1h")
    with bell:

        def early() -> bool:
            clock.advance("1s")  # "bell" starts after Alarm, which then looks again
            return bool(box.items == ["early"])

        until(early)
        clock.advance("1h")
        assert box.wait(2) == ["early", "late"]


def test_alarms_survive_the_death_of_alarm(app: Tocsin, box: Any) -> None:
    app.supervise("bell", box.actor)
    with app:
        for number in range(50):
            app.alarm.tell(SetAlarm("in 1 second", "bell", number))
        app.alarm.ask(CancelAlarm(0), timeout=LIMIT)
        with pytest.raises(ActorCrashed):
            app.alarm.ask(Poison(), timeout=LIMIT)
        assert sorted(box.wait(50)) == list(range(50))


class Poison:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise SystemExit("poison")


def deep() -> Any:
    nest: list[Any] = []
    for _ in range(sys.getrecursionlimit() * 40):
        nest = [nest]
    return nest


@pytest.mark.parametrize(
    "order",
    [
        SetAlarm("in 5 minutes", "bell", object()),
        SetAlarm("in 5 minutes", "bell", float("nan")),
        SetAlarm("in 5 minutes", "bell", {("a", "b"): 1}),
        SetAlarm("in 5 minutes", "bell", deep()),
        SetAlarm("in 5 minutes", "", "x"),
        SetAlarm("in 5 minutes", "\ud800", "x"),
        SetAlarm("in 5 minutes", 7, "x"),  # type: ignore[arg-type]
        SetAlarm(every("5m"), "bell", "x"),
        SetAlarm("sometime", "bell", "x"),
        SetAlarm(None, "bell", "x"),
        SetAlarm(float("inf"), "bell", "x"),
        CancelAlarm("one"),  # type: ignore[arg-type]
        CancelAlarm(True),
        {"set_timer": {"when": "in 5 minutes"}},
        {"anything": 1},
        "hello",
    ],
    ids=lambda order: type(order).__name__,
)
def test_what_cannot_be_an_alarm_is_refused_and_costs_nobody_else_anything(
    bell: Tocsin, box: Any, order: Any
) -> None:
    with bell:
        before = bell.registry.whereis("alarm")
        good = [bell.alarm.ask_later(SetAlarm("in 5 minutes", "bell", n)) for n in range(3)]
        with pytest.raises((InvalidMessage, InvalidSchedule)):
            bell.alarm.ask(order, timeout=LIMIT)
        assert [f.get(timeout=LIMIT)["alarm_id"] for f in good] == [1, 2, 3]
        bell.alarm.tell(order)
        assert bell.alarm.ask(CancelAlarm(2**70), timeout=LIMIT) is False
        assert bell.registry.whereis("alarm") == before


def test_the_prototypes_words_are_understood(bell: Tocsin, box: Any, clock: SettableClock) -> None:
    with bell:
        reply = bell.alarm.ask({"set_timer": ("in 5 minutes", "bell", {"a": 1})})
        other = bell.alarm.ask({"set_timer": {"when": "in 6 minutes", "target": "bell"}})
        assert bell.alarm.ask({"cancel_timer": other["alarm_id"]}) is True
        assert reply["alarm_id"] == 1
        clock.advance("1h")
        assert box.wait(1) == [{"a": 1}]


def test_ten_thousand_alarms_due_at_once_all_arrive_in_time_and_once(
    bell: Tocsin, box: Any, until: Any, sql: Sql, clock: SettableClock
) -> None:
    with bell:
        futures = [
            bell.alarm.ask_later(SetAlarm(NOON + timedelta(minutes=5), "bell", n))
            for n in range(10_000)
        ]
        ids = {f.get(timeout=LIMIT)["alarm_id"] for f in futures}
        assert len(ids) == 10_000
        clock.advance("5m")
        assert sorted(box.wait(10_000)) == list(range(10_000))
        until(lambda: waits(sql) == 0)
        assert len(box.items) == 10_000


def test_a_clock_that_is_set_forward_rings_what_is_overdue_without_waiting_for_a_reload(
    bell: Tocsin, box: Any, clock: SettableClock
) -> None:
    with bell:
        bell.alarm.ask(SetAlarm("in 2 hours", "bell", "jumped over"))
        for _ in range(3):
            tick(bell, clock)
        clock.set_wall(NOON + timedelta(hours=3))
        clock.advance("1s")
        assert box.wait(1) == ["jumped over"]


def test_a_clock_that_is_set_back_and_forth_rings_nothing_twice(
    bell: Tocsin, box: Any, until: Any, clock: SettableClock
) -> None:
    rings: list[Any] = []
    bell.handler("ring")(lambda ctx: rings.append(ctx.due_at))
    with bell:
        bell.alarm.ask(SetAlarm("in 10 seconds", "bell", "once"))
        task = bell.schedule("ring", at(NOON + timedelta(seconds=10)))
        for _ in range(3):
            clock.advance("10s")
            box.wait(1)
            until(lambda: bell.get(task).status == "completed")
            clock.set_wall(NOON - timedelta(hours=1))
            clock.advance("31s")
            bell.alarm.ask(CancelAlarm(99))
            clock.set_wall(NOON)
        clock.advance("1h")
        bell.alarm.ask(CancelAlarm(99))
        assert box.items == ["once"]
        assert rings == [NOON + timedelta(seconds=10)]


def test_what_another_process_writes_rings_when_the_window_is_read_again(
    bell: Tocsin, box: Any, sql: Sql, clock: SettableClock
) -> None:
    with bell:
        bell.alarm.ask(CancelAlarm(0))
        due = int((NOON.timestamp() + 3) * 1_000_000)
        sql(
            "INSERT INTO alarms (id, due_at, target, message, attempt) VALUES (77, ?, ?, ?, 0)",
            due,
            "bell",
            '"from outside"',
        )
        clock.advance("1s")
        clock.advance("1s")
        clock.advance("1s")
        assert box.wait(1) == ["from outside"]


def test_a_task_that_another_program_schedules_runs_within_a_second(
    url: str, bell: Tocsin, box: Any, clock: SettableClock
) -> None:
    bell.handler("ring")(lambda ctx: box.put(ctx.key))
    with bell:
        bell.schedule("ring", every("1h"))
        other = Tocsin(url, clock=clock)
        other.handler("ring")(lambda ctx: None)
        other.schedule("ring", "in 1 second", key="outside")
        clock.advance("1s")
        assert box.wait(1) == ["outside"]


def test_nothing_is_asked_of_the_database_while_nothing_happens(
    bell: Tocsin, until: Any, monkeypatch: pytest.MonkeyPatch, clock: SettableClock
) -> None:
    said: list[str] = []
    connect = Database.connect

    def traced(self: Database) -> Any:
        connection = connect(self)
        connection.set_trace_callback(said.append)
        return connection

    monkeypatch.setattr(Database, "connect", traced)
    with bell:
        bell.alarm.ask(SetAlarm("in 5 hours", "bell", 1))
        bell.handler("tick")(lambda ctx: None)
        bell.schedule("tick", every("5h"))
        for _ in range(5):
            tick(bell, clock)
        said.clear()
        for _ in range(60):
            tick(bell, clock)
    asked = [s for s in said if "PRAGMA" not in s.upper()]
    assert len(asked) <= 4, asked  # two reloads of the window, nothing each second
    assert sum("data_version" in s for s in said) >= 50


def test_the_log_shows_each_timer_from_the_window_to_its_callback(
    clocked: Tocsin, clock: SettableClock, log: list[str], until: Any
) -> None:
    clocked.handler("ring")(lambda ctx: None)
    with clocked:
        task = clocked.schedule("ring", "in 5 seconds")
        clock.advance("5s")
        until(lambda: clocked.get(task).status == "completed")
        clock.advance("30s")
        until(lambda: log.count("INFO Loaded 0 timers into cache") == 2)
    # The window is loaded anew when the Scheduler starts: what rang right before rings again then.
    assert "DEBUG Executing 1 due timers" in log
    assert f"DEBUG Alarms triggered for the tasks ({task.id},)" in log
    called = f"DEBUG Spawned callback for timer of task {task.id}: run 1, attempt 1, ring"
    assert log.count(called) == 1, log


def tick(app: Tocsin, clock: SettableClock) -> None:
    """Let a second pass, and both actors look at the clock."""
    clock.advance("1s")
    for name in ("scheduler", "alarm"):
        with suppress(InvalidMessage):
            app.address(name).ask({"are you": "there"}, timeout=LIMIT)


def test_an_alarm_that_was_delivered_is_not_delivered_again_because_the_database_is_locked(
    bell: Tocsin,
    clock: SettableClock,
    box: Any,
    until: Any,
    sql: Sql,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settle, failures = AlarmStore.settle, [StorageUnavailable("locked")] * 2

    def locked(self: AlarmStore, *args: Any) -> None:
        if failures:
            raise failures.pop()
        settle(self, *args)

    monkeypatch.setattr(AlarmStore, "settle", locked)
    with bell:
        bell.alarm.ask(SetAlarm("in 1 second", "bell", "once"))
        for _ in range(5):
            clock.advance("1s")
            bell.alarm.ask(CancelAlarm(0), timeout=LIMIT)
        until(lambda: waits(sql) == 0)
        assert box.items == ["once"]


def test_an_alarm_that_cannot_be_read_is_kept_and_stops_no_other(
    bell: Tocsin, box: Any, sql: Sql, clock: SettableClock
) -> None:
    with bell:
        broken = bell.alarm.ask(SetAlarm("in 1 second", "bell", "broken"))["alarm_id"]
        bell.alarm.ask(SetAlarm("in 1 second", "bell", "whole"))
        sql("UPDATE alarms SET message = '{' WHERE id = ?", broken)
        before = bell.registry.whereis("alarm")
        clock.advance("1s")
        assert box.wait(1) == ["whole"]
        bell.alarm.ask(CancelAlarm(0), timeout=LIMIT)
        assert bell.registry.whereis("alarm") == before
        assert sql("SELECT id FROM alarms") == [(broken,)]


class Full(Actor):
    """Has room for one message and never looks at it."""

    capacity = 1
    overflow = "block"

    def __init__(self, gate: Any) -> None:
        super().__init__()
        self.gate = gate

    def handle(self, message: Any) -> None:
        self.gate.wait(LIMIT)


def test_an_addressee_whose_mailbox_is_full_holds_up_nobody_else(
    bell: Tocsin, box: Any, clock: SettableClock
) -> None:
    gate = threading.Event()
    bell.supervise("full", lambda: Full(gate))
    with bell:
        for number in range(5):
            bell.alarm.ask(SetAlarm("in 1 second", "full", number))
        bell.alarm.ask(SetAlarm("in 2 seconds", "bell", "still here"))
        clock.advance("1s")
        clock.advance("1s")
        assert box.wait(1) == ["still here"]
        gate.set()


def test_an_alarm_set_before_the_first_start_is_refused_clearly(
    app: Tocsin, tmp_path: Path
) -> None:
    with pytest.raises(TocsinError, match="does not run"):
        app.alarm.ask(SetAlarm("in 5 minutes", "bell"))
    assert list(tmp_path.iterdir()) == []
