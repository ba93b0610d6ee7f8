"""The log folded into fresh tables: it finds what is not so, mends it, and disturbs nobody."""

import threading
from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import HOUR, MINUTE
from tocsin.core.errors import AlreadyRunning, UnknownEvent
from tocsin.core.schedule import after, cron, every
from tocsin.service import Tocsin
from tocsin.storage.projections import PROJECTIONS
from tocsin.storage.rebuild import SHOWN, Rebuilt, rebuild

pytestmark = pytest.mark.databases

SCHEMA = "SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 2"


@pytest.fixture
def busy(desk: Any) -> Any:
    """A desk whose tables have rows of every kind."""
    first = desk.order(key="a", policy=None)
    desk.order(after("a"), key="b")
    desk.order(cron("0 9 * * *"), key="c", metadata={"deep": {"x": [1, "ä", None]}})
    for _ in range(3):
        for start in desk.ring(first, after=HOUR):
            desk.finish(start, result={"k": [1]})
    desk.ask(c.RunNow("c"))
    desk.ask(c.PauseTask("c", "why"))
    return desk


def tables(desk: Any) -> dict[str, list[tuple[Any, ...]]]:
    return {
        each.name: desk.rows(f"SELECT {', '.join(each.columns)} FROM {each.name} ORDER BY 1, 2")
        for each in PROJECTIONS
    }


def test_sound_tables_are_what_the_log_says(busy: Any) -> None:
    found = rebuild(busy.database, check=True)
    assert found.ok
    assert found.differences == []
    assert found.rows == {name: len(rows) for name, rows in tables(busy).items()}
    assert min(found.rows.values()) > 0
    assert found.events == busy.rows("SELECT count(*) FROM events")[0][0]


@pytest.mark.only_sqlite("reads its schema")
def test_swapping_changes_neither_rows_nor_schema(busy: Any) -> None:
    before, schema = tables(busy), busy.rows(SCHEMA)
    found = rebuild(busy.database, check=False)
    assert found.ok
    assert found.swapped
    assert tables(busy) == before
    assert busy.rows(SCHEMA) == schema


@pytest.mark.parametrize(
    ("change", "kind", "key"),
    [
        ("UPDATE tasks SET run_count = 99 WHERE id = 1", "changed", ("tasks", 1)),
        ("UPDATE tasks SET kind = 'cron' WHERE id = 1", "changed", ("tasks", 1)),
        ("UPDATE runs SET result = '[]' WHERE id = 1", "changed", ("runs", 1)),
        ("UPDATE runs SET status = 'pending' WHERE id = 1", "changed", ("runs", 1)),
        ("DELETE FROM runs WHERE id = 2", "missing", ("runs", 2)),
        ("DELETE FROM tasks WHERE id = 3", "missing", ("tasks", 3)),
        ("UPDATE dependencies SET outcome = 'failed'", "changed", ("dependencies", 2, 1)),
        ("DELETE FROM dependencies", "missing", ("dependencies", 2, 1)),
        ("INSERT INTO dependencies VALUES (3, 1, 'x', NULL)", "extra", ("dependencies", 3, 1)),
    ],
)
def test_what_somebody_changed_is_found_and_mended(
    busy: Any, change: str, kind: str, key: tuple[Any, ...]
) -> None:
    before = tables(busy)
    busy.meddle(change)
    meddled = tables(busy)
    for check in (True, False):
        found = rebuild(busy.database, check=check)
        [difference] = found.differences
        assert (difference.kind, difference.table, *difference.key) == (kind, *key)
        assert tables(busy) == (meddled if check else before)
    assert rebuild(busy.database, check=True).ok


def test_a_change_is_told_by_column_with_both_values(busy: Any) -> None:
    busy.meddle("UPDATE tasks SET reason = 'hm', status = 'active' WHERE key = 'c'")
    [difference] = rebuild(busy.database, check=True).differences
    assert difference.columns == {"status": ("active", "paused"), "reason": ("hm", "why")}


def test_many_differences_are_counted_and_the_first_are_shown(desk: Any) -> None:
    desk.ask(c.NewEntries([c.NewEntry(every("5m"), handler="h") for _ in range(SHOWN + 50)]))
    desk.meddle("UPDATE tasks SET run_count = 1")
    found = rebuild(desk.database, check=True)
    assert (len(found.differences), found.differing["tasks"]) == (SHOWN, SHOWN + 50)


@pytest.mark.only_sqlite("reads its schema")
def test_a_log_that_lost_events_is_told_by_the_event_and_nothing_changes(busy: Any) -> None:
    [(event_id,)] = busy.rows("SELECT min(id) FROM events WHERE type = 'RunPlanned'")
    busy.meddle("DELETE FROM events WHERE id = ?", event_id)
    before = tables(busy)
    for check in (True, False):
        with pytest.raises(UnknownEvent, match="RunStarted of task 1, does not fit"):
            rebuild(busy.database, check=check)
        assert tables(busy) == before
    assert busy.rows("SELECT name FROM sqlite_master WHERE name LIKE 'fresh%'") == []


def test_the_service_goes_on_with_the_fresh_tables(busy: Any) -> None:
    rebuild(busy.database, check=False)
    busy.ask(c.ResumeTask("c"))
    answers = [busy.finish(start).answers for start in busy.ring(1, after=MINUTE * 5)]
    assert answers == [[True]] * 3
    assert rebuild(busy.database, check=True).ok


def test_a_check_sees_one_state_and_keeps_nobody_waiting(busy: Any) -> None:
    """A writer commits while the check is under way; the check does not see it."""
    found: list[Rebuilt] = []
    half_way, go_on = threading.Event(), threading.Event()

    def progress(doing: str, done: int, of: int) -> None:
        if doing == "fold":
            half_way.set()
            assert go_on.wait(30)

    def check() -> None:
        found.append(rebuild(busy.database, check=True, progress=progress))
        busy.database.disconnect()

    thread = threading.Thread(target=check)
    thread.start()
    assert half_way.wait(30)
    busy.order(key="meanwhile")
    busy.meddle("UPDATE tasks SET run_count = 77 WHERE id = 1")
    go_on.set()
    thread.join(30)
    assert [each.ok for each in found] == [True]
    assert found[0].rows["tasks"] == 3
    assert not rebuild(busy.database, check=True).ok


@pytest.mark.only_sqlite("compares bytes of the file")
def test_a_check_leaves_the_file_as_it_was(busy: Any) -> None:
    busy.close()
    before = busy.path.read_bytes()
    assert rebuild(busy.database, check=True).ok
    assert busy.path.read_bytes() == before


def test_it_is_refused_while_a_service_runs_but_a_check_is_not(url: str) -> None:
    with Tocsin(url) as app:
        app.schedule("os:getpid", every("1h"), key="a")
        with pytest.raises(AlreadyRunning, match="rebuild --check"):
            app.rebuild()
        assert app.rebuild(check=True).ok
    app = Tocsin(url)
    assert app.rebuild().swapped
    with app:  # the lock was given back
        assert app.get("a").status == "active"
