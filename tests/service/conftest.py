"""What the tests of the running service share."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tocsin import Actor, Tocsin
from tocsin.storage.database import Database
from tocsin.testing import SettableClock

sys.path.insert(0, str(Path(__file__).parent))  # helpers are found by their names

from crashes import Calls

LIMIT = 15.0


class Inbox(Actor):
    """An actor of the user's own: it keeps what it is told and lets a test wait for it."""

    def __init__(self, box: "Box") -> None:
        super().__init__()
        self.box = box

    def handle(self, message: Any) -> Any:
        self.box.put(message)
        return message


class Box:
    """What arrived, in order; every arrival can be waited for."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._changed = threading.Condition()

    def put(self, item: Any) -> None:
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()

    def wait(self, count: int, timeout: float = LIMIT) -> list[Any]:
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.items) >= count, timeout)
            assert enough, f"only {len(self.items)} of {count} arrived: {self.items[-5:]}"
            return list(self.items)

    def actor(self) -> Actor:
        return Inbox(self)


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Look until something is true, for what only the database can tell."""

    def look(true: Callable[[], Any], limit: float = LIMIT) -> Any:
        end, pause = time.monotonic() + limit, threading.Event()
        while not (found := true()):
            assert time.monotonic() < end, "it did not become true in time"
            pause.wait(0.01)
        return found

    return look


@pytest.fixture
def clock() -> SettableClock:
    """Noon, until it is moved."""
    return SettableClock("2026-03-01T12:00:00+00:00")


@pytest.fixture
def clocked(url: str, clock: SettableClock) -> Iterator[Tocsin]:
    """A service whose time stands still until `clock` is moved; not started."""
    service = Tocsin(url, clock=clock, grace=0.2)
    yield service
    service.stop()


@pytest.fixture
def sql(url: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Look into the database, or change it, behind everybody's back; over one connection."""
    database = Database(url)

    def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        database.connect()
        within = database.session if statement.startswith("PRAGMA") else database.transaction
        with within() as connection:
            found = connection.execute(statement, values)
            return found.fetchall() if statement.startswith("SELECT") else []

    yield run
    database.disconnect()


@pytest.fixture
def calls(app: Tocsin) -> Calls:
    """What the handler "call" was called for; it waits at a gate."""
    made = Calls()
    app.handler("call", retries=0)(made)
    return made
