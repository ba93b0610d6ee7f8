"""A function is really renamed: its tasks are found, mended, and go on."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tocsin import Tocsin, at, every
from tocsin.core.errors import InvalidEntry, UnknownTask
from tocsin.core.policy import Policy
from tocsin.testing import ManualTocsin, SettableClock

Until = Callable[[Callable[[], Any]], Any]
Sql = Callable[..., list[tuple[Any, ...]]]

BEFORE = "calls = []\ndef nightly(region, *, copies=1): calls.append((region, copies))\n"
AFTER = BEFORE.replace("nightly", "each_night")


class Code:
    """A module of the user's, that changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def deploy(self, name: str, text: str) -> Any:
        """Write a version of a module, and let this process see it as a new one would."""
        (self.folder / f"{name}.py").write_text(text)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def remove(self, name: str) -> None:
        (self.folder / f"{name}.py").unlink()
        sys.modules.pop(name, None)
        importlib.invalidate_caches()


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Code]:
    folder = tmp_path / "code"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Code(folder)
    for name in ("reports_v1", "reports_v2"):
        sys.modules.pop(name, None)


@pytest.fixture
def renamed(url: str, code: Code, clock: SettableClock) -> Iterator[ManualTocsin]:
    """Two tasks called reports_v1:nightly; it was renamed, and one of them noticed."""
    code.deploy("reports_v1", BEFORE)
    with ManualTocsin(url, clock=clock) as app:
        app.schedule("reports_v1:nightly", every("1h"), key="a", args=["eu"], kwargs={"copies": 2})
        app.schedule("reports_v1:nightly", every("30d"), key="b", args=["us"])
        app.schedule("os:getpid", every("30d"), key="other")
        app.advance("1h")
        code.remove("reports_v1")
        code.deploy("reports_v2", AFTER)
        app.advance("2h")
        assert app.get("a").status == "quarantined"
        assert app.get("b").status == "active"
        yield app


@pytest.mark.databases
def test_tasks_of_a_renamed_function_call_it_by_its_new_name(renamed: ManualTocsin) -> None:
    done = renamed.repair("reports_v1:nightly", "reports_v2:each_night")
    assert [(each.name, each.resumed, each.problem) for each in done.tasks] == [
        ("a", True, None),
        ("b", False, None),
    ]
    assert {renamed.get(key).target for key in "ab"} == {"reports_v2:each_night"}
    assert renamed.get("a").status == "active"
    runs = renamed.advance("1h")
    assert {run.status for run in runs} == {"succeeded"}
    assert set(sys.modules["reports_v2"].calls) == {("eu", 2)}, "with the same arguments"
    held = [run for run in renamed.history("a") if run.attempt and run.status == "succeeded"]
    assert len(held) >= 2, "the run that was held runs, too"
    assert renamed.doctor(log=True).ok


def test_entries_are_appended_and_never_rewritten(renamed: ManualTocsin, sql: Sql) -> None:
    entries = sql("SELECT * FROM scheduler ORDER BY id")
    events = sql("SELECT * FROM events ORDER BY id")
    renamed.repair("reports_v1:nightly", "reports_v2:each_night")
    assert sql("SELECT * FROM scheduler ORDER BY id")[: len(entries)] == entries
    assert sql("SELECT * FROM events ORDER BY id")[: len(events)] == events
    added = [each.event.type for each in renamed.events(after=len(events))]
    assert added == ["TaskUpdated", "OccurrenceSkipped", "TaskResumed", "TaskUpdated"]
    assert renamed.rebuild(check=True).ok


def test_a_dry_run_says_the_same_and_changes_nothing(renamed: ManualTocsin, sql: Sql) -> None:
    before = [sql(f"SELECT * FROM {each} ORDER BY 1") for each in ("tasks", "events", "scheduler")]
    dry = renamed.repair("reports_v1:nightly", "reports_v2:each_night", dry_run=True)
    after = [sql(f"SELECT * FROM {each} ORDER BY 1") for each in ("tasks", "events", "scheduler")]
    assert after == before
    assert dry.tasks == renamed.repair("reports_v1:nightly", "reports_v2:each_night").tasks


def test_a_restart_of_the_program_changes_nothing_more(
    renamed: ManualTocsin, code: Code, sql: Sql
) -> None:
    renamed.repair("reports_v1:nightly", "reports_v2:each_night")
    before = sql("SELECT count(*) FROM events")
    what, args = "reports_v2:each_night", {"args": ["eu"], "kwargs": {"copies": 2}}
    renamed.schedule(what, every("1h"), key="a", **args)
    assert sql("SELECT count(*) FROM events") == before


@pytest.mark.databases
def test_a_name_that_is_not_there_is_refused(renamed: ManualTocsin) -> None:
    with pytest.raises(InvalidEntry, match="reports_v2:nightly cannot be imported"):
        renamed.repair("reports_v1:nightly", "reports_v2:nightly")
    with pytest.raises(InvalidEntry, match="no handler 'each_night'"):
        renamed.repair("reports_v1:nightly", "each_night")
    with pytest.raises(UnknownTask, match=r"no task calls 'reports_v1:nightl'.*reports_v1:nightly"):
        renamed.repair("reports_v1:nightl", "reports_v2:each_night")


def test_a_task_whose_arguments_do_not_fit_is_told_and_left(
    renamed: ManualTocsin, code: Code, sql: Sql
) -> None:
    code.deploy("reports_v2", "def each_night(region): pass\n")
    done = renamed.repair("reports_v1:nightly", "reports_v2:each_night")
    assert not done.ok
    assert "copies" in (done.tasks[0].problem or "")
    assert [renamed.get(key).target for key in "ab"] == [
        "reports_v1:nightly",
        "reports_v2:each_night",
    ]
    assert renamed.get("a").status == "quarantined"


def test_an_entry_that_was_tampered_with_is_not_signed_again(
    renamed: ManualTocsin, sql: Sql
) -> None:
    sql("UPDATE scheduler SET entry = zeroblob(200) WHERE id = 1")
    first, second = renamed.repair("reports_v1:nightly", "reports_v2:each_night").tasks
    assert "tampered" in (first.problem or "")
    assert second.problem is None
    assert renamed.get("a").target == "reports_v1:nightly"


def test_what_was_quarantined_for_another_reason_stays(renamed: ManualTocsin, sql: Sql) -> None:
    sql("UPDATE tasks SET reason = 'its schedule or policy cannot be read' WHERE key = 'a'")
    assert not renamed.repair("reports_v1:nightly", "reports_v2:each_night").tasks[0].resumed
    assert renamed.get("a").status == "quarantined"


@pytest.mark.databases
def test_handlers_are_mended_by_their_keys_too(url: str) -> None:
    calls: list[str] = []
    with ManualTocsin(url) as app:
        app.handler("old.key")(lambda ctx, word: None)
        app.schedule("old.key", at("in 1 hour"), key="a", args=["x"])
        app.schedule("old.key", at("in 1 hour"), key="gone", args=["x"])
        app.cancel("gone")
    with ManualTocsin(url) as app:
        app.handler("new.key")(lambda ctx, word: calls.append(word))
        assert [each.name for each in app.repair("old.key", "new.key").tasks] == ["a"]
        app.advance("2h")
        assert calls == ["x"]
        assert app.get("gone").target == "old.key"


def test_a_running_service_goes_on_with_what_was_mended_beside_it(
    url: str, code: Code, clock: SettableClock, clocked: Tocsin, until: Until
) -> None:
    code.deploy("reports_v2", AFTER)
    with clocked as app:
        code.deploy("reports_v1", BEFORE)
        app.schedule("reports_v1:nightly", every("1h"), key="a", args=["eu"])
        code.remove("reports_v1")
        clock.advance("1h")
        until(lambda: app.get("a").status == "quarantined")
        beside = Tocsin(url, clock=clock)
        assert beside.repair("reports_v1:nightly", "reports_v2:each_night").ok
        clock.advance(2)  # the service looks for others' changes once a second
        until(lambda: ("eu", 1) in sys.modules["reports_v2"].calls)
        until(lambda: [run.status for run in app.history("a")] == ["succeeded"])
        assert app.get("a").policy == Policy()
