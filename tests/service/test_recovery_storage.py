"""A database that is locked, full or gone is waited out, and nothing that was due is lost."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crashes import LIMIT, Calls, kill, lives

from tocsin import Tocsin, at, now
from tocsin.core.errors import StorageUnavailable
from tocsin.messages import SetAlarm
from tocsin.storage.database import Database


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.storage.database.BUSY_TIMEOUT", 0.1)


@contextmanager
def locked(url: str) -> Iterator[None]:
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=LIMIT)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_s30_s36_a_locked_database_is_waited_out_and_everything_due_runs_once_after_it(
    impatient: None, url: str, until: Any, box: Any
) -> None:
    app, calls = Tocsin(url, grace=0.2), Calls()
    app.handler("call", retries=0)(calls)
    app.supervise("bell", box.actor)
    with app:
        before = lives(app)
        app.schedule("call", now(), key="running")
        calls.enter()
        soon = datetime.now(UTC) + timedelta(seconds=0.3)
        for number in range(20):
            app.schedule("call", at(soon), key=f"due {number}")
            app.alarm.ask(SetAlarm(soon, "bell", number))
        with locked(url):
            with pytest.raises(StorageUnavailable):
                app.schedule("call", now(), key="refused")
            with pytest.raises(StorageUnavailable):
                app.alarm.ask(SetAlarm("in 1 second", "bell", "refused"), timeout=LIMIT)
            app.alarm.tell(SetAlarm(soon + timedelta(seconds=1), "bell", "told"))
            calls.gate.set()  # a result that cannot be stored yet
            for _ in range(12):
                with pytest.raises(StorageUnavailable):
                    app.pause("running")
            assert app.health().status == "degraded"
            assert app.get("running").status == "active"
        until(lambda: len(app.history(status="succeeded", limit=100)) == 21)
        got = box.wait(21)
        assert sorted(x for x in got if x != "told") == list(range(20))
        assert "told" in got
        assert lives(app) == before
        assert set(calls.made.values()) == {1}
        assert calls.attempts == [1] * 21
        assert len(app.tasks()) == 21
        until(lambda: app.health().ok)


def test_a_full_disk_is_waited_out(url: str, until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, connect = [1 << 30], Database.connect

    def limited(self: Database) -> sqlite3.Connection:
        connection = connect(self)
        connection.execute(f"PRAGMA max_page_count = {limit[0]}")
        return connection

    monkeypatch.setattr(Database, "connect", limited)
    app, calls = Tocsin(url, grace=0.2), Calls()
    app.handler("call", retries=0)(calls)
    stored: list[int] = []

    def fill() -> None:
        for number in range(5_000):
            app.schedule("call", "in 1 second", key=f"{number:0200}")
            stored.append(number)

    with app:
        before = lives(app)
        app.schedule("call", now(), key="running")
        calls.enter()
        limit[0] = 1
        with pytest.raises(StorageUnavailable, match="full"):
            fill()
        calls.gate.set()
        assert app.get("running").id
        limit[0] = 1 << 30
        until(lambda: app.get("running").status == "completed")
        assert lives(app) == before
        assert len(app.tasks()) == len(stored) + 1


def test_a_database_folder_that_vanishes_and_comes_back_costs_no_actor_its_life(
    impatient: None, tmp_path: Path, until: Any
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    app, calls = Tocsin(f"sqlite:///{home}/t.db", grace=0.2), Calls()
    calls.gate.set()
    app.handler("call", retries=0)(calls)
    with app:
        before = lives(app)
        app.schedule("call", at(datetime.now(UTC) + timedelta(seconds=0.8)), key="k")
        home.rename(tmp_path / "away")
        with pytest.raises(StorageUnavailable):
            app.tasks()
        kill(app, "alarm")  # the new one finds no database
        (tmp_path / "away").rename(home)
        until(lambda: app.get("k").status == "completed")
        after = lives(app)
        assert {n for n in before if before[n] != after[n]} == {"alarm"}
