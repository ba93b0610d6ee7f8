"""The doctor finds whatever could not be carried out, says what to do, and changes nothing."""

import re
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from tocsin import Tocsin, after, cron, every
from tocsin.core.findings import KEPT, Finding, Findings
from tocsin.testing import ManualTocsin

Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def patient(url: str) -> Tocsin:
    """Tasks of every kind, all of them sound."""
    app = ManualTocsin(url)

    @app.handler("mail.send")
    def send(ctx: Any, to: str) -> None: ...

    with app:
        app.schedule("mail.send", every("1h"), key="mail", args=["you@example.org"])
        app.schedule("os:getpid", cron("0 9 * * *"), key="pid")
        app.schedule("os:getpid", after("pid"), key="then")
        app.remind("in 3 days", "Bread", key="bread")
        app.schedule("os:getpid", every("1h"), key="paused")
        app.pause("paused")
        app.advance("10h")
    return app


def problems(found: Findings) -> list[tuple[str, str | None]]:
    return [(each.check, each.name) for each in found.found if each.level == "problem"]


@pytest.mark.databases
def test_what_is_sound_has_no_findings(patient: Tocsin) -> None:
    found = patient.doctor(log=True)
    assert found.ok
    assert found.found == []
    assert found.looked_at["entries"] == 5
    assert found.looked_at["log"] > 30


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("change", "check", "name", "says"),
    [
        ("UPDATE scheduler SET entry = zeroblob(99) WHERE id = 1", "entries", "mail", "tampered"),
        ("UPDATE scheduler SET entry = x'00' WHERE id = 1", "entries", "mail", "truncated"),
        ("DELETE FROM scheduler WHERE id = 1", "entries", "mail", "missing.*backup"),
        ("UPDATE tasks SET entry_id = 1 WHERE key = 'pid'", "entries", "pid", "calls mail.send"),
        ("UPDATE tasks SET tenant = 'x' WHERE key = 'pid'", "entries", "pid", "signature"),
        ("UPDATE tasks SET schedule = '{}' WHERE key = 'mail'", "schedules", "mail", "again"),
        ("UPDATE tasks SET policy = 'x' WHERE key = 'mail'", "schedules", "mail", "again"),
        ("UPDATE tasks SET status = 'quarantined', reason = 'hm' WHERE key = 'paused'",
         "quarantine", "paused", "hm.*tocsin resume paused"),
        ("DELETE FROM alarms WHERE task_id = 1", "alarms", "mail", "sleep for ever"),
        ("UPDATE alarms SET due_at = due_at + 1 WHERE task_id = 1", "alarms", "mail", "after its"),
        ("UPDATE alarms SET task_id = 5 WHERE task_id = 2", "alarms", "paused", "for nothing"),
        ("UPDATE alarms SET task_id = 99 WHERE task_id = 1", "alarms", None, "task 99"),
        ("UPDATE counters SET value = 1 WHERE name = 'runs'", "ids", None, "counter of runs"),
        ("UPDATE tasks SET run_count = 5 WHERE key = 'pid'", "log", None, "row 2 of tasks"),
        ("DELETE FROM events WHERE id = 1", "log", None, "restore"),
    ],
)  # fmt: skip
def test_it_finds_what_is_wrong_and_says_what_to_do(
    change: str, check: str, name: str | None, says: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("sql")(change)
    found = request.getfixturevalue("patient").doctor(log=check == "log")
    assert not found.ok
    assert (check, name) in problems(found)
    texts = [each.text for each in found.found if (each.check, each.name) == (check, name)]
    assert any(re.search(says, text) for text in texts), texts


@pytest.mark.databases
def test_code_that_changed_is_found_before_the_task_is_due(patient: Tocsin, url: str) -> None:
    """As CI does it: the new program examines the old database."""
    other = Tocsin(url, clock=patient.clock)
    found = other.doctor()
    assert problems(found) == [("entries", "mail")]
    assert "no handler 'mail.send' is registered" in found.found[0].text

    @other.handler("mail.send")
    def send(ctx: Any, to: str, subject: str) -> None: ...

    [finding] = other.doctor().found
    assert "missing a required argument: 'subject'" in finding.text


@pytest.mark.databases
def test_where_handlers_are_not_known_a_missing_one_is_only_noted(
    patient: Tocsin, url: str
) -> None:
    found = Tocsin(url, clock=patient.clock).doctor(complete=False)
    assert found.ok
    assert [(each.check, each.level) for each in found.found] == [("entries", "note")]


def test_allow_is_looked_at_too(patient: Tocsin, url: str) -> None:
    found = Tocsin(url, clock=patient.clock, allow=["myapp."]).doctor(complete=False)
    assert {name for _, name in problems(found)} == {"pid", "then", "paused"}


def test_tasks_that_have_ended_need_no_code_but_a_sound_entry(
    patient: Tocsin, url: str, sql: Sql
) -> None:
    patient.cancel("mail")
    patient.stop()
    other = Tocsin(url, clock=patient.clock)
    assert other.doctor().ok
    sql("UPDATE scheduler SET entry = zeroblob(99) WHERE id = 1")
    assert problems(other.doctor()) == [("entries", "mail")]


def test_a_damaged_file_is_told_and_nothing_else_is_read(patient: Tocsin, sql: Sql) -> None:
    sql("PRAGMA wal_checkpoint(TRUNCATE)")
    [(root,)] = sql("SELECT rootpage FROM sqlite_master WHERE name = 'tasktable_tenant_status'")
    [(size,)] = sql("SELECT page_size FROM pragma_page_size")
    with patient.database.open("r+b") as file:
        file.seek((root - 1) * size + 3)
        file.write(b"\xff\xff")
    found = patient.doctor()
    assert {check for check, _ in problems(found)} == {"integrity"}
    assert all("backup" in each.text for each in found.found)
    assert set(found.looked_at) == {"integrity"}


def test_nothing_is_changed_and_a_writer_is_not_waited_for(patient: Tocsin, sql: Sql) -> None:
    sql("PRAGMA wal_checkpoint(TRUNCATE)")
    before = patient.database.read_bytes()
    assert patient.doctor(log=True).ok
    assert patient.database.read_bytes() == before
    app = Tocsin(patient.url, clock=patient.clock)
    app.count()  # opens it, while nobody is in the way
    writer = sqlite3.connect(patient.database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        assert app.doctor(complete=False).ok
    finally:
        writer.close()


def test_listeners_that_are_behind_are_noted(patient: Tocsin, sql: Sql) -> None:
    sql("INSERT INTO positions VALUES ('old mailer', 0)")
    assert patient.doctor().ok
    sql("UPDATE events SET type = 'HandlerEvent' WHERE id = (SELECT max(id) FROM events)")
    found = patient.doctor()
    assert found.ok
    assert ["old mailer has not heard of 1 events" in each.text for each in found.found] == [True]


def test_many_findings_are_counted_and_the_first_are_kept() -> None:
    found = Findings()
    for number in range(KEPT + 5):
        found.add(Finding("entries", "no", number, f"#{number}", "default"))
    assert (len(found.found), found.problems["entries"]) == (KEPT, KEPT + 5)
    assert found.to_dict()["hidden"] == 5


def test_a_rebuild_sets_the_alarms_that_the_doctor_misses(patient: Tocsin, sql: Sql) -> None:
    alarms = sql("SELECT task_id, due_at FROM alarms ORDER BY 1")
    sql("DELETE FROM alarms WHERE task_id = 1 OR id = 1")
    sql("UPDATE alarms SET due_at = due_at + 5 WHERE task_id = 2")
    sql("INSERT INTO alarms (id, due_at, target, task_id, attempt) VALUES (1, 1, 'x', 99, 0)")
    assert len(problems(patient.doctor())) == 3
    assert patient.rebuild().rearmed == 3
    assert patient.doctor().ok
    assert sql("SELECT task_id, due_at FROM alarms ORDER BY 1") == alarms
