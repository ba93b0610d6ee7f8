"""Alarm alone, with a real database: what it loads, when it looks, whom it tells."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tocsin.actors.alarm import RELOAD_EVERY, WINDOW, Alarm
from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import Armed, CancelAlarm, Reload, SetAlarm
from tocsin.core.clock import SECOND
from tocsin.core.commands import AlarmsTriggered
from tocsin.core.errors import StorageUnavailable
from tocsin.core.work import Alarm as Row
from tocsin.storage.alarms import AlarmStore
from tocsin.storage.database import Database
from tocsin.storage.migrations import migrate

PATIENCE = 10.0


@pytest.fixture
def database(tmp_path: Path, house: Any) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/t.db")
    migrate(made, house.clock)
    yield made
    made.disconnect()


@pytest.fixture
def alarm(house: Any, database: Database) -> Any:
    """The actor with two siblings that write down what they are told."""
    told: list[Any] = []
    house.alarm = Alarm(database, "life")
    spec = ChildSpec("alarm", lambda: house.alarm)
    house.tree(house.spec("scheduler"), house.spec("bell"), spec)
    house.actor("scheduler").handle = told.append
    house.told = told
    return house.registry.address("alarm")


def sync(house: Any, *names: str) -> None:
    for name in names:
        house.ask(name, CancelAlarm(0) if name == "alarm" else "sync")


def test_the_alarms_of_tasks_are_told_to_the_scheduler_in_one_message(
    house: Any, alarm: Any
) -> None:
    at = house.clock.now() + SECOND
    alarm.tell(Armed(tuple(Row(at, n, 100 + n) for n in range(1, 4))))
    sync(house, "alarm", "scheduler")
    house.clock.advance(1)
    sync(house, "alarm", "scheduler")
    assert AlarmsTriggered((101, 102, 103)) in house.told


def test_alarms_that_ring_right_after_others_ring_together(
    house: Any, alarm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resting, rest = threading.Event(), Alarm._rest

    def rested(self: Alarm) -> None:
        if self._rang_at:
            resting.set()
        rest(self)

    monkeypatch.setattr("tocsin.actors.alarm.SHORTEST_GAP", PATIENCE)
    monkeypatch.setattr(Alarm, "_rest", rested)
    at = house.clock.now() + SECOND
    alarm.tell(Armed(tuple(Row(at + n, n, 100 + n) for n in range(3))))
    sync(house, "alarm")
    house.clock.advance(1)
    while AlarmsTriggered((100,)) not in house.told:
        sync(house, "scheduler")
    house.clock.advance(0.000_001)
    assert resting.wait(PATIENCE)
    house.clock.advance(0.000_001)
    sync(house, "alarm")
    house.clock.advance(1)
    sync(house, "alarm", "scheduler")
    rung = [told for told in house.told if told != "sync"]
    assert rung == [AlarmsTriggered((100,)), AlarmsTriggered((101, 102))]


def test_an_alarm_that_was_called_off_or_moved_does_not_ring_at_its_old_time(
    house: Any, alarm: Any
) -> None:
    now = house.clock.now()
    alarm.tell(Armed((Row(now + SECOND, 1, 101), Row(now + SECOND, 2, 102))))
    alarm.tell(Armed((Row(None, 1, 101), Row(now + 5 * SECOND, 2, 102))))
    house.clock.advance(2)
    sync(house, "alarm", "scheduler")
    assert not [m for m in house.told if isinstance(m, AlarmsTriggered)]
    house.clock.advance(3)
    sync(house, "alarm", "scheduler")
    assert AlarmsTriggered((102,)) in house.told


def test_only_the_near_future_is_kept_in_memory(house: Any, alarm: Any, database: Database) -> None:
    now = house.clock.now()
    AlarmStore(database).change([(now + n * SECOND, "bell", "1") for n in range(1, 121)], [])
    alarm.tell(Reload())
    alarm.ask(SetAlarm(now / SECOND + 30, "bell"), timeout=PATIENCE)
    alarm.ask(SetAlarm(now / SECOND + 300, "bell"), timeout=PATIENCE)
    assert len(house.alarm._window) == (WINDOW // SECOND - 1) + 1


def test_the_window_is_read_again_every_thirty_seconds(
    house: Any, alarm: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    window = AlarmStore.window

    def counted(self: AlarmStore, until: int, limit: int) -> list[Row]:
        reads.append(house.clock.monotonic())
        return window(self, until, limit)

    monkeypatch.setattr(AlarmStore, "window", counted)
    sync(house, "alarm")
    for _ in range(95):
        house.clock.advance(1)
        sync(house, "alarm")
    assert reads == [n * RELOAD_EVERY for n in (1, 2, 3)]


def test_what_rings_while_there_is_no_scheduler_rings_again_when_there_is_one(
    house: Any, database: Database
) -> None:
    now, told = house.clock.now(), list[Any]()
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO alarms (id, due_at, target, task_id, attempt) VALUES (1, ?, 'x', 101, 0)",
            (now + SECOND,),
        )
    house.tree(ChildSpec("alarm", lambda: Alarm(database, "life")))
    sync(house, "alarm")
    house.clock.advance(1)
    sync(house, "alarm")
    house.tree(house.spec("scheduler"), name="other")
    house.actor("scheduler").handle = told.append
    for _ in range(2):
        house.clock.advance(1)
        sync(house, "alarm", "scheduler")
    assert AlarmsTriggered((101,)) in told


def test_a_database_that_cannot_be_read_is_waited_for_and_not_died_of(
    house: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, window, outage = AlarmStore(database), AlarmStore.window, [True]

    def broken(self: AlarmStore, until: int, limit: int) -> list[Row]:
        if outage:
            raise StorageUnavailable("away")
        return window(self, until, limit)

    monkeypatch.setattr(AlarmStore, "window", broken)
    store.change([(house.clock.now(), "bell", '"late"')], [])
    house.tree(house.spec("bell"), ChildSpec("alarm", lambda: Alarm(database, "life")))
    before = house.incarnations()
    told: list[Any] = []
    house.actor("bell").handle = told.append
    for _ in range(20):
        house.clock.advance(1)
        sync(house, "alarm")
    outage.clear()
    for _ in range(6):  # it looks again after five seconds at most
        house.clock.advance(1)
        sync(house, "alarm", "bell")
    assert "late" in told
    assert house.incarnations() == before
