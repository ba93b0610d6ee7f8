"""What a writer that was replaced meanwhile had begun is rolled back, whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tocsin import Tocsin
from tocsin.core.commands import NewEntry
from tocsin.core.errors import Fenced
from tocsin.storage.alarms import AlarmStore
from tocsin.storage.database import Database


@pytest.fixture
def app(tmp_path: Path) -> Tocsin:
    app = Tocsin(f"sqlite:///{tmp_path}/tocsin.db")
    app.schedule("json:dumps", "in 1 hour", key="before", args=[1])
    return app


def rows(app: Tocsin, table: str) -> Any:
    database: Database = app._open().database
    with database.session() as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


def test_a_replaced_ledger_stores_nothing_and_says_so(app: Tocsin) -> None:
    ledger = app._open().ledger
    before = {table: rows(app, table) for table in ("events", "tasks", "alarms", "scheduler")}
    ledger.may_commit = lambda: False
    order = NewEntry("in 1 hour", module="json", function="dumps", args=(2,), key="lost")
    with pytest.raises(Fenced, match="replaced meanwhile"):
        ledger.execute([order, order])
    assert {table: rows(app, table) for table in before} == before
    ledger.may_commit = lambda: True
    assert ledger.execute([order]).answers[0]["scheduler_id"]
    assert [task.key for task in app.tasks()] == ["before", "lost"]


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.change([(1, "me", "1")], []),
        lambda store: store.change([], [1, 2, 3]),
        lambda store: store.claim([1, 2, 3], 1 << 60, "x"),
        lambda store: store.settle([1, 2, 3], [(5, 1)]),
    ],
)
def test_a_replaced_alarm_store_changes_nothing(
    app: Tocsin, write: Callable[[AlarmStore], object]
) -> None:
    before = rows(app, "alarms")
    with pytest.raises(Fenced):
        write(AlarmStore(app._open().database, lambda: False))
    assert rows(app, "alarms") == before


def test_the_permission_is_asked_when_nobody_else_can_write_any_more(app: Tocsin) -> None:
    other = Tocsin(app.url)._open().database
    connection = other.connect()
    connection.execute("PRAGMA busy_timeout = 1")
    refused: list[bool] = []

    def may_commit() -> bool:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except Exception:  # noqa: BLE001 - locked, in whatever words
            refused.append(True)
        else:
            connection.execute("ROLLBACK")
        return True

    AlarmStore(app._open().database, may_commit).change([(1, "me", "1")], [])
    assert refused == [True]
    other.disconnect()
