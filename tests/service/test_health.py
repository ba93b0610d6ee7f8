"""How a service is, told from inside, from another process, and when nothing can be told."""

import json
import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tocsin import Actor, RunContext, Tocsin, at, now
from tocsin.actors.checkup import HEALTH, Checkup
from tocsin.actors.scheduler import Scheduler
from tocsin.actors.warden import Warden
from tocsin.core.errors import ActorCrashed, StorageUnavailable, TooManyHung
from tocsin.core.health import Health
from tocsin.messages import NewEntry
from tocsin.service import OWN_ACTORS
from tocsin.storage.database import Database
from tocsin.storage.sqlite import Sqlite
from tocsin.testing import SettableClock

LIMIT = 15.0
Until = Callable[[Callable[[], Any]], Any]
TREE = sorted(OWN_ACTORS)


class Sleeper(Actor):
    busy_limit = 0.2

    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self.gate = gate

    def handle(self, message: Any) -> Any:
        if message == "hang":
            self.gate.wait(LIMIT)
        return message


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Warden, "every", 0.05)
    event = threading.Event()
    yield event
    event.set()


def test_a_service_that_does_not_run_is_failing_and_makes_no_database(app: Tocsin) -> None:
    health = app.health()
    assert (health.status, health.problems) == ("failing", ("no service runs on this database",))
    assert not app.database.exists()


def test_the_tree_the_executors_and_what_is_ahead_are_shown(app: Tocsin, until: Until) -> None:
    release = threading.Event()
    app.handler("wait")(lambda ctx: release.wait(LIMIT))
    with app:
        app.schedule("wait", now())
        app.schedule("wait", at(4_000_000_000), key="later")
        assert until(lambda: app.health().executors[0].running == 1)
        health = app.health()
        assert health.ok, health.problems
        assert sorted(actor.name for actor in health.actors) == TREE
        assert {actor.owner for actor in health.actors[1:]} == {"tocsin"}
        assert {actor.state for actor in health.actors} == {"running"}
        assert health.pid == os.getpid()
        assert health.pending == 0
        assert health.next_alarm is not None
        assert health.next_alarm.timestamp() == 4_000_000_000
        threads = health.executors[0]
        assert (threads.name, threads.running, threads.queued, threads.free) == ("threads", 1, 0, 9)
        release.set()


def test_health_survives_json(app: Tocsin) -> None:
    with app:
        health = app.health()
        assert Health.from_dict(json.loads(json.dumps(health.to_dict()))) == health


@pytest.mark.parametrize("text", ["[]", "{}", '{"at": 3}', '{"at": "soon"}', "null"])
def test_what_is_no_health_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Health.from_dict(json.loads(text))


def test_a_hung_actor_shows_while_it_hangs_and_after_it_was_replaced(
    app: Tocsin, gate: threading.Event, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.supervise("sleeper", lambda: Sleeper(gate))
    with app:
        asked = app.address("sleeper").ask_later("hang")
        busy = until(lambda: [a for a in app.health().actors if a.busy_with == "str"])
        assert busy[0].name == "sleeper"
        with pytest.raises(ActorCrashed):
            asked.get(timeout=LIMIT)
        assert app.address("sleeper").ask("you?") == "you?"
        health = app.health()
        assert health.status == "degraded"
        assert health.abandoned == 1
        assert any("sleeper was restarted" in problem for problem in health.problems)
        sleeper = next(a for a in health.actors if a.name == "sleeper")
        assert (sleeper.restarts, sleeper.recent_restarts, sleeper.restarts_left) == (1, 1, None)
        assert health.actors[0].restarts_left == 9
        assert app._engine is not None
        tomorrow = SettableClock()
        tomorrow.advance("3650d")
        monkeypatch.setattr(app._engine.checkup, "_clock", tomorrow)
        later = app.health().actors
        assert [a.restarts for a in later if a.name == "sleeper"] == [1]
        assert {a.recent_restarts for a in later} == {0}
        assert later[0].restarts_left == 10
        gate.set()
        assert until(lambda: app.health().abandoned == 0)


def test_when_too_many_threads_hang_the_service_ends_with_a_typed_error(
    app: Tocsin, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.actors.warden.MOST_ABANDONED", 1)
    monkeypatch.setattr(Warden.__init__, "__kwdefaults__", {"most_abandoned": 1})
    for name in ("a", "b"):
        app.supervise(name, lambda: Sleeper(gate))
    with app:
        for name in ("a", "b"):
            app.address(name).tell("hang")
        with pytest.raises(TooManyHung):
            app.wait(LIMIT)
        assert not app.running
        assert not app.well
        assert app.health().status == "failing"


def test_a_hung_scheduler_that_wakes_up_commits_nothing(
    app: Tocsin, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scheduler, "busy_limit", 0.3)
    held, release, ended = threading.Event(), threading.Event(), threading.Event()
    app.handler("x")(lambda ctx: None)
    with app:
        assert app._engine is not None
        real = app._engine._opened.drafts.prepare

        def prepare(*args: Any) -> Any:
            if not held.is_set():
                held.set()
                release.wait(LIMIT)
                ended.set()
            return real(*args)

        monkeypatch.setattr(app._engine._opened.drafts, "prepare", prepare)
        asked = app.scheduler.ask_later(NewEntry("in 1 hour", handler="x", key="lost"))
        assert held.wait(LIMIT)
        old = app.registry.member("scheduler")
        assert old is not None
        assert old.vitals is not None
        with pytest.raises(ActorCrashed):
            asked.get(timeout=LIMIT)
        release.set()
        assert ended.wait(LIMIT)
        assert old.vitals.thread is not None
        old.vitals.thread.join(LIMIT)
        assert app.schedule("x", "in 1 hour", key="kept").key == "kept"
        assert [task.key for task in app.tasks()] == ["kept"]


def test_a_service_in_another_process_is_read_from_what_it_wrote(app: Tocsin, until: Until) -> None:
    with app:
        path = app.storage.beside(HEALTH)
        until(path.exists)
        assert path.stat().st_mode & 0o777 == 0o600
        health = Tocsin(app.url).health()
        assert health.ok, health.problems
        assert health.pid == os.getpid()
        assert sorted(actor.name for actor in health.actors) == TREE
        assert health.pending == 0
    assert not path.exists()
    assert Tocsin(app.url).health().status == "failing"


def test_s19_a_service_that_writes_nothing_or_nonsense_or_nothing_new_is_not_well(
    app: Tocsin, tmp_path: Path
) -> None:
    app.schedule("json:dumps", "in 1 hour", args=[1])
    lock, path = app.storage.lock(), app.storage.beside(HEALTH)
    lock.acquire()
    try:
        assert "nothing yet" in app.health().problems[0]
        path.write_text("{")
        assert "nothing readable" in app.health().problems[0]
        old = Health("ok", (), at=app.health().at.replace(year=2020), pid=os.getpid())
        path.write_text(json.dumps(old.to_dict()))
        seen = app.health()
        assert seen.status == "failing"
        assert "has not reported for" in seen.problems[0]
        soon = datetime.now(UTC) + timedelta(hours=1)
        ahead = Health("ok", (), at=soon, pid=os.getpid())
        path.write_text(json.dumps(ahead.to_dict()))
        assert app.health().status == "degraded"
        assert "since the clock was set back" in app.health().problems[0]
        path.write_text(json.dumps(Health("ok", (), at=app.health().at, pid=1).to_dict()))
        assert "since it started" in app.health().problems[0]
    finally:
        lock.release()


def test_a_database_that_cannot_be_used_shows_as_trouble_and_costs_no_restart(
    app: Tocsin, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app:
        scheduler = app.registry.member("scheduler")
        assert scheduler is not None

        def gone(*_: Any) -> Any:
            raise StorageUnavailable("the disk is gone")

        with monkeypatch.context() as patch:
            patch.setattr("tocsin.storage.database.Database.data_version", gone)
            seen = until(lambda: not app.health().ok and app.health())
            assert seen.status == "degraded"
            assert "scheduler" in seen.problems[0]
            assert "the disk is gone" in seen.problems[0]
        assert until(lambda: app.health().ok)
        assert app.registry.member("scheduler") == scheduler


def test_an_outage_is_not_over_because_there_was_nothing_to_store(
    app: Tocsin, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, looks, written = [False], [0], [0]
    begin, commit, look = Sqlite.begin, Sqlite.commit, Database.data_version

    def begun(self: Sqlite, connection: sqlite3.Connection) -> None:
        begin(self, connection)
        written[0] = connection.total_changes

    def committed(self: Sqlite, connection: sqlite3.Connection) -> None:
        if full[0] and connection.total_changes > written[0]:
            raise sqlite3.OperationalError("database or disk is full")
        commit(self, connection)

    def counted(self: Database) -> int:
        looks[0] += 1
        return look(self)

    monkeypatch.setattr(Sqlite, "begin", begun)
    monkeypatch.setattr(Sqlite, "commit", committed)
    monkeypatch.setattr(Database, "data_version", counted)
    monkeypatch.setattr("tocsin.actors.scheduler.TICK", 20_000)
    with app:
        full[0] = True
        with pytest.raises(StorageUnavailable, match="full"):
            app.schedule("time:time", now())
        seen = looks[0]
        until(lambda: looks[0] >= seen + 5)
        assert app.health().status == "degraded"
        full[0] = False
        assert until(lambda: app.health().ok)


def test_an_outage_is_shown_with_its_beginning_until_it_is_over(app: Tocsin) -> None:
    with app:
        member = app.registry.member("scheduler")
        assert member is not None
        assert member.vitals is not None
        vitals = member.vitals
        vitals.ail("the database cannot be used right now: disk full")
        first = vitals.trouble_since
        vitals.ail("the database cannot be used right now: disk full")
        assert vitals.trouble_since == first
        health = app.health()
        assert health.status == "degraded"
        assert "disk full" in health.problems[0]
        vitals.recover()
        assert app.health().ok


def test_a_disk_that_takes_no_report_does_not_stop_the_warden(
    app: Tocsin, gate: threading.Event
) -> None:
    with app:
        assert app._engine is not None
        checkup: Checkup = app._engine.checkup
        checkup._path = app.database.parent / "gone" / "health.json"
        checkup.write()
        checkup.write()
        assert app.well


def test_old_news_is_taken_away_when_no_new_one_can_be_written(
    app: Tocsin, until: Until, gate: threading.Event
) -> None:
    with app:
        assert app._engine is not None
        checkup: Checkup = app._engine.checkup
        path = checkup._path
        until(path.exists)
        obstacle = path.with_name(f"{path.name}.new")
        obstacle.mkdir()
        until(lambda: checkup.write() or not path.exists())
        assert "nothing yet" in Tocsin(app.url).health().problems[0]
        obstacle.rmdir()
        checkup.write()
        assert path.exists()


def test_what_gets_worse_or_better_is_written_down_at_once(
    app: Tocsin, until: Until, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.actors.warden.REPORT_EVERY", 1 << 60)
    with app:
        member = app.registry.member("publisher")  # it does not look at the database by itself
        assert member is not None
        assert member.vitals is not None
        until(lambda: Tocsin(app.url).health().ok)
        member.vitals.ail("the disk is full")
        seen = until(lambda: not (seen := Tocsin(app.url).health()).ok and seen)
        assert "the disk is full" in seen.problems[0]
        member.vitals.recover()
        assert until(lambda: Tocsin(app.url).health().ok)


def test_an_executor_that_starts_nothing_is_reported_and_nudged(
    app: Tocsin, gate: threading.Event, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setattr("tocsin.actors.warden.STALLED", 0.1)
    monkeypatch.setattr("tocsin.actors.checkup.STALLED", 0.1)
    done = threading.Event()

    @app.handler("x")
    def x(ctx: RunContext) -> None:
        done.set()

    with app:
        assert app._engine is not None
        lane: Any = app._engine.lanes["threads"]
        monkeypatch.setattr(lane, "_provide", lambda: None)
        app.schedule("x", now())
        assert until(lambda: "wait in 'threads' beside free slots" in str(app.health().problems))
        monkeypatch.undo()
        monkeypatch.setattr("tocsin.actors.warden.STALLED", 0.1)
        assert done.wait(LIMIT), "the Warden nudged it"
