"""What went wrong in other schedulers, told with a real service."""

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tocsin import Tocsin, cron, every
from tocsin.core.errors import ActorTimeout, SchemaTooNew, TocsinError
from tocsin.core.schedule import Schedule
from tocsin.messages import NewEntry
from tocsin.storage.database import Database
from tocsin.testing import SettableClock

LIMIT = 15.0
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Until = Callable[[Callable[[], Any]], Any]


def rows(url: str) -> dict[str, list[Any]]:
    """Everything that is stored, table by table."""
    with Database(url).session() as connection:
        named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in named}


@pytest.mark.parametrize("schedule", [every("10s"), cron("*/10 * * * * *"), cron("0 13 * * *")])
@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=700)])
def test_s19_a_clock_that_was_ahead_in_an_earlier_life_silences_nothing_in_this_one(
    url: str, until: Until, schedule: Schedule, ahead: timedelta
) -> None:
    """A machine without a battery begins with any date, and may be corrected while we are down."""
    with Tocsin(url, clock=SettableClock(NOON + ahead), grace=0.2) as first:
        first.handler("ring")(lambda ctx: None)
        planned = first.schedule("ring", schedule, key="ring").next_run_at
        assert planned is not None
        assert planned > NOON + ahead
    clock, rung = SettableClock(NOON), threading.Event()
    app = Tocsin(url, clock=clock, grace=0.2)
    app.handler("ring")(lambda ctx: rung.set())
    with app:
        until(lambda: (app.get("ring").next_run_at or planned) <= NOON + timedelta(hours=1))
        assert app.health().clock_steps == 1
        clock.advance(3_600)
        assert rung.wait(LIMIT)
    assert [e.event.type for e in app.events(limit=1_000)].count("ClockStepped") == 1


def test_s14_what_waits_for_a_slot_when_the_clock_is_set_back_gets_it(
    url: str, until: Until
) -> None:
    clock, gate, rung = SettableClock(NOON), threading.Event(), threading.Semaphore(0)
    app = Tocsin(url, clock=clock, grace=0.2, max_concurrent=1, max_queue=1)
    app.handler("hold")(lambda ctx: gate.wait(LIMIT))
    app.handler("ring")(lambda ctx: rung.release())
    with app:
        for key in ("runs", "waits in memory"):
            app.schedule("hold", "now", key=key)
        until(lambda: len(app.history(status="executing")) == 2)
        app.schedule("ring", every("10s"), key="ring")
        clock.advance(10)
        until(lambda: app.history("ring", status="pending"))
        app.schedule("ring", "now", key="once")
        until(lambda: app.history("once", status="pending"))
        clock.set_wall(NOON - timedelta(days=1))
        until(lambda: app.health().clock_steps == 1)
        gate.set()
        assert rung.acquire(timeout=LIMIT), "not only in a day"
        until(lambda: app.history("ring", status="succeeded"))
        until(lambda: app.get("once").status == "completed")
        assert rung.acquire(timeout=LIMIT)
        clock.advance(10)
        assert rung.acquire(timeout=LIMIT), "and those after it"


MODULE = """
import enum
from tocsin import RunContext

class {name}(enum.Enum):
    EU = "eu"

rung = []

def report(region):
    rung.append(region)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Deploys a module whose enumeration has another name each time; None takes it away."""
    path = tmp_path / "deployed.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def deploy(name: str | None) -> None:
        sys.modules.pop("deployed", None)
        path.unlink(missing_ok=True)
        if name is not None:
            path.write_text(MODULE.format(name=name))

    yield deploy
    sys.modules.pop("deployed", None)


def deployed() -> Any:
    import deployed  # type: ignore[import-not-found] # noqa: PLC0415 - it was written just now

    return deployed


def test_s46_a_renamed_class_in_stored_arguments_costs_no_task_and_can_be_mended(
    app: Tocsin, module: Any, until: Until
) -> None:
    module("Region")
    for number in range(20):
        app.schedule("deployed:report", "now", key=f"report {number}", args=[deployed().Region.EU])
    app.handler("tick")(lambda ctx: None)
    stored = app.storage
    before = rows(stored.url)["scheduler"]
    module("Area")
    with app:
        until(lambda: app.count() == {"quarantined": 20})
        assert "Region" in (app.get("report 0").reason or "")
        app.schedule("tick", "now", key="tick")
        until(lambda: app.get("tick").status == "completed")
        assert rows(stored.url)["scheduler"][:20] == before, "not one entry is deleted or rewritten"
        module("Region")
        for number in range(20):
            app.resume(f"report {number}")
        until(lambda: app.count() == {"completed": 21})
    assert [region.value for region in deployed().rung] == ["eu"] * 20


def test_s47_looking_at_tasks_whose_code_is_gone_changes_nothing(
    app: Tocsin, module: Any, url: str
) -> None:
    module("Region")
    for key in ("one", "other"):
        app.schedule("deployed:report", every("1h"), key=key, args=[deployed().Region.EU])
    app.run_now("one")
    module(None)
    before = rows(url)
    reader = Tocsin(url)
    assert [task.key for task in reader.tasks()] == ["one", "other"]
    assert reader.count() == {"active": 2}
    assert len(reader.history("one")) == 1
    assert len(reader.upcoming(4)) == 4
    assert reader.get("one").target == "deployed:report"
    assert "not come yet" in reader.explain("one", reader.upcoming(1)[0].moment)
    assert reader.events("one")
    assert reader.health().status == "failing"
    assert not reader.doctor().ok
    assert rows(url) == before


def test_s48_a_newer_store_is_neither_served_nor_touched_nor_read(app: Tocsin, url: str) -> None:
    app.schedule("os:getpid", every("1h"), key="kept")
    with app.storage.transaction() as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, 0)")
    before = rows(url)
    older = Tocsin(url)
    for act in (older.start, older.tasks, lambda: older.schedule("os:getpid", "now")):
        with pytest.raises(SchemaTooNew, match="schema version 99"):
            act()
    assert not older.served
    assert rows(url) == before


def test_s67_whoever_asks_while_the_service_stops_gets_an_answer(url: str) -> None:
    """And what was answered with an id is stored."""
    acknowledged, refused, others = list[int](), list[TocsinError](), list[Exception]()
    for _ in range(5):
        app = Tocsin(url, grace=0.2)
        app.handler("x")(lambda ctx: None)
        app.start()
        scheduler, going = app.scheduler, threading.Event()

        def ask(scheduler: Any = scheduler, going: threading.Event = going) -> None:
            while True:
                try:
                    answer = scheduler.ask(NewEntry(every("1d"), handler="x"), timeout=LIMIT)
                    acknowledged.append(answer["scheduler_id"])
                    going.set()
                except TocsinError as error:
                    refused.append(error)
                    return
                except Exception as error:  # noqa: BLE001 - shown below
                    others.append(error)
                    return

        askers = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
        for asker in askers:
            asker.start()
        assert going.wait(LIMIT)
        app.stop()
        for asker in askers:
            asker.join(LIMIT)
        assert not any(asker.is_alive() for asker in askers)
    assert others == []
    assert len(refused) == 5 * 8
    assert not any(isinstance(error, ActorTimeout) for error in refused), "answered, not given up"
    assert {task.id for task in Tocsin(url).tasks()} >= set(acknowledged)
