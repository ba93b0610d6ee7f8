"""A real SQLite file, a clock that is moved by hand, and a desk to work at."""

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import SECOND
from tocsin.core.run import Run
from tocsin.core.schedule import every
from tocsin.core.state import RunState
from tocsin.core.task import Task
from tocsin.core.work import Start
from tocsin.opening import Opened
from tocsin.storage.claims import Claims
from tocsin.storage.commit import Commit
from tocsin.storage.ledger import Ledger
from tocsin.storage.rows import SELECT_RUNS, TASK_COLUMNS, run_state
from tocsin.storage.traits import TRAITS

sys.path.insert(0, str(Path(__file__).parent))  # helpers are found by their names

NINE = 1_772_442_000 * SECOND
"""2026-03-02 09:00 UTC."""


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.instant = NINE

    def now(self) -> int:
        return self.instant

    def monotonic(self) -> int:
        return self.instant

    def wait(self, condition: Any, timeout: float | None) -> None:
        self.instant += int((timeout or 0) * SECOND)


class Desk:
    """An open database and the ledger of a service on it."""

    def __init__(self, where: Path | str, clock: Clock, **rules: Any) -> None:
        self.clock = clock
        url = f"sqlite:///{where}" if isinstance(where, Path) else where
        self.opened = Opened(url, clock, {}, **rules)
        self.database = self.opened.database
        self.queries = self.opened.queries
        self.claims = Claims("life 1")
        self.ledger = Ledger(self.database, clock, self.opened.drafts, self.claims)
        self._keys = itertools.count(1)
        self.database.connect()  # as the threads of a service: a look costs no new connection

    @property
    def path(self) -> Path:
        return self.database.path

    def close(self) -> None:
        self.database.disconnect()

    def execute(self, *commands: Any, slots: int = 0) -> Commit:
        return self.ledger.execute(commands, slots=slots)

    def ask(self, command: Any) -> Any:
        """The answer of one command; an error is raised."""
        (answer,) = self.execute(command).answers
        if isinstance(answer, Exception):
            raise answer
        return answer

    def order(self, when: Any = None, **fields: Any) -> int:
        """A new task; its id."""
        target = {} if {"module", "handler"} & set(fields) else {"handler": "report.build"}
        reply = self.ask(c.NewEntry(when or every("5m"), **{**target, **fields}))
        return int(reply["scheduler_id"])

    def ring(self, *task_ids: int, after: int = 0, slots: int = 100) -> list[Start]:
        """Let time pass, then let the alarms of these tasks ring."""
        self.clock.instant += after
        return self.execute(c.AlarmsTriggered(task_ids), slots=slots).starts

    def finish(self, start: Start, outcome: Any = "succeeded", **details: Any) -> Commit:
        now, slots = self.clock.now(), details.pop("slots", 0)
        done = c.RunFinished(start.run_id, start.task_id, start.fence, outcome, now, now, **details)
        return self.execute(done, slots=slots)

    def task(self, task_id: int | str) -> Task:
        return self.queries.task(task_id, c.DEFAULT_TENANT)

    def runs(self, task_id: int) -> list[Run]:
        """In the order in which they were made."""
        return self.queries.runs(task_id=task_id, limit=10_000)[::-1]

    def alarms(self) -> dict[int, int]:
        return dict(self.rows("SELECT task_id, due_at FROM alarms WHERE task_id IS NOT NULL"))

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.database.session() as connection:
            return connection.execute(statement, values).fetchall()

    def meddle(self, statement: str, *values: Any) -> None:
        """Change the database behind everybody's back."""
        with self.database.transaction() as connection:
            connection.execute(statement, values)

    def task_rows(self) -> list[tuple[Any, ...]]:
        """As `task_row` writes them."""
        return self.rows(f"SELECT {', '.join(TASK_COLUMNS + TRAITS)} FROM tasks ORDER BY id")

    def run_states(self) -> list[RunState]:
        return [run_state(row) for row in self.rows(f"{SELECT_RUNS} ORDER BY id")]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(url: str, clock: Clock) -> Iterator[Desk]:
    desk = Desk(url, clock)
    yield desk
    desk.close()


@pytest.fixture(scope="session")
def make_desk() -> Callable[..., Desk]:
    """For tests that open databases of their own; they close them."""

    def make(path: Path | str, clock: Clock | None = None, **rules: Any) -> Desk:
        return Desk(path, clock or Clock(), **rules)

    return make
