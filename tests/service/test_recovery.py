"""What dies is replaced, what was promised is kept: actors, processes, the database itself."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crashes import Calls, Poison, kill, lives

from tocsin import RunContext, Tocsin, at, every, now
from tocsin.actors.scheduler import Scheduler
from tocsin.messages import SetAlarm

Sql = Callable[..., list[tuple[Any, ...]]]


# ---------------------------------------------------------------- actors


@pytest.mark.parametrize("delivery", ["at_least_once", "at_most_once"])
def test_a_scheduler_that_dies_between_commit_and_act_costs_no_run(
    app: Tocsin, calls: Calls, until: Any, monkeypatch: pytest.MonkeyPatch, delivery: str
) -> None:
    """What was claimed and never called is called after all, at most once or not."""
    act, died = Scheduler._act, list[int]()

    def die_once(self: Scheduler, commit: Any) -> None:
        if commit.starts and not died:
            died.append(len(commit.starts))
            raise SystemExit("between commit and act")
        act(self, commit)

    monkeypatch.setattr(Scheduler, "_act", die_once)
    calls.gate.set()
    with app:
        task = app.schedule(
            "call", at(datetime.now(UTC) + timedelta(seconds=0.1)), key="k", delivery=delivery
        )
        [run] = until(lambda: app.history(task, status=["succeeded", "failed"]))
        assert died == [1]
        assert (run.status, run.attempt) == ("succeeded", 2)
        assert calls.made["k"] == 1


@pytest.mark.parametrize("name", ["scheduler", "runner", "alarm", "courier"])
def test_runs_that_execute_while_an_actor_dies_end_once_and_are_recorded_once(
    app: Tocsin, calls: Calls, until: Any, name: str
) -> None:
    with app:
        for number in range(5):
            app.schedule("call", now(), key=str(number))
        calls.enter(5)
        kill(app, name)
        calls.gate.set()
        until(lambda: len(app.history(status="succeeded")) == 5)
        app.schedule("call", now(), key="after")
        until(lambda: app.get("after").status == "completed")
        assert set(calls.made.values()) == {1}
        executed = [e for e in app.events(limit=1_000) if e.event.type == "TaskExecuted"]
        assert len(executed) == 6


def test_queued_runs_outlive_the_runner_and_cost_no_attempt(url: str, until: Any) -> None:
    app, calls = Tocsin(url, max_concurrent=1, grace=0.2), Calls()
    app.handler("call", retries=0, delivery="at_most_once")(calls)
    with app:
        app.schedule("call", now(), key="running")
        calls.enter()
        for number in range(20):
            app.schedule("call", now(), key=f"queued {number}")
        until(lambda: len(app.history(status="executing", limit=100)) == 21)
        kill(app, "runner")
        calls.gate.set()
        until(lambda: len(app.history(status="succeeded", limit=100)) == 21)
        assert set(calls.made.values()) == {1}
        assert calls.attempts == [1] * 21


def test_results_that_come_while_the_scheduler_is_away_are_recorded(
    app: Tocsin, calls: Calls, until: Any
) -> None:
    with app:
        for number in range(8):
            app.schedule("call", now(), key=str(number))
        calls.enter(8)
        app.scheduler.tell(Poison())
        calls.gate.set()
        until(lambda: len(app.history(status="succeeded")) == 8)
        assert [run.attempt for run in app.history()] == [1] * 8


def test_a_retry_and_a_raw_alarm_that_wait_survive_the_death_of_every_actor(
    app: Tocsin, box: Any
) -> None:
    @app.handler("flaky", retries=3, retry_delay="500ms")
    def flaky(ctx: RunContext) -> None:
        box.put(ctx.attempt)
        if ctx.attempt < 3:
            raise ValueError("not yet")

    app.supervise("bell", box.actor)
    with app:
        app.alarm.ask(SetAlarm("in 1 second", "bell", "rang"))
        app.schedule("flaky", now())
        box.wait(1)
        for name in ("alarm", "runner", "courier", "scheduler"):
            kill(app, name)
        assert sorted(map(str, box.wait(4))) == ["1", "2", "3", "rang"]


# ---------------------------------------------------------------- the process

FLAKY = """
import os, sys, threading
from tocsin import Tocsin, now
app, done = Tocsin(sys.argv[1]), threading.Event()

@app.handler("flaky", retries=3, retry_delay="700ms")
def flaky(ctx):
    os.write(1, f"{ctx.attempt}\\n".encode())
    if ctx.attempt < 2:
        raise ValueError("not yet")
    done.set()

if not app.tasks():
    app.schedule("flaky", now(), key="k")
with app:
    done.wait(20)
"""


def test_a_retry_that_waits_survives_kill_9(url: str, tmp_path: Path, until: Any) -> None:
    script = tmp_path / "flaky.py"
    script.write_text(FLAKY)

    def start() -> "subprocess.Popen[str]":
        return subprocess.Popen([sys.executable, script, url], stdout=subprocess.PIPE, text=True)

    with start() as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "1\n"
        reader = Tocsin(url)
        until(lambda: reader.history("k", status="pending"))
        until(lambda: reader.history("k")[0].error)
        first.kill()
    with start() as second:
        said, _ = second.communicate(timeout=30)
    assert said == "2\n"
    [run] = Tocsin(url).history("k")
    assert (run.status, run.attempt) == ("succeeded", 2)


# ---------------------------------------------------------------- the entry

CASES: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("tampered", lambda blob: blob[:-3] + bytes([blob[-3] ^ 1]) + blob[-2:], "tampered"),
    ("tampered mac", lambda blob: blob[:20] + bytes([blob[20] ^ 1]) + blob[21:], "tampered"),
    ("truncated", lambda blob: blob[:-5], "truncated"),
    ("short", lambda blob: blob[:10], "truncated"),
    ("empty", lambda _: b"", "truncated"),
    ("other key", lambda blob: blob[:6] + b"\0" * 4 + blob[10:], "unknown key"),
    ("newer", lambda blob: blob[:3] + b"\x63" + blob[4:], "newer version"),
]


@pytest.mark.parametrize(("harm", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_an_entry_that_cannot_be_trusted_is_set_aside_and_runs_after_its_repair(
    app: Tocsin, calls: Calls, sql: Sql, until: Any, *, harm: Callable[[bytes], bytes], words: str
) -> None:
    calls.gate.set()
    victim = app.schedule("call", now(), key="victim")
    app.schedule("call", now(), key="neighbour")
    [(blob,)] = sql("SELECT entry FROM scheduler WHERE id = ?", victim.id)
    sql("UPDATE scheduler SET entry = ? WHERE id = ?", harm(blob), victim.id)
    with app:
        until(lambda: app.get("neighbour").status == "completed")
        until(lambda: app.get("victim").status == "quarantined")
        assert words in (app.get("victim").reason or "")
        [held] = app.history("victim")
        assert (held.status, held.attempt) == ("pending", 0)
        assert sql("SELECT count(*) FROM scheduler") == [(2,)]
        sql("UPDATE scheduler SET entry = ? WHERE id = ?", blob, victim.id)
        app.resume("victim")
        until(lambda: app.get("victim").status == "completed")
        assert app.history("victim")[0].id == held.id
    assert calls.made == {"victim": 1, "neighbour": 1}


def test_what_cannot_be_found_or_called_is_set_aside_and_runs_after_its_repair(
    app: Tocsin, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    module = tmp_path / "reports.py"
    module.write_text("def nightly(a): pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    author = Tocsin(url)
    author.handler("theirs")(lambda ctx: None)
    author.handler("changed")(lambda ctx, a: None)
    author.schedule("theirs", now(), key="unknown handler")
    author.schedule("changed", now(), key="arguments", args=[1])
    author.schedule("reports:nightly", now(), key="gone", args=[1])
    del sys.modules["reports"]
    module.unlink()
    app.handler("changed")(lambda ctx: None)
    app.handler("fine")(lambda ctx: None)
    app.schedule("fine", now(), key="fine")
    reasons = {
        "unknown handler": "no handler 'theirs'",
        "arguments": "does not take these arguments",
        "gone": "cannot be imported",
    }
    with app:
        for key, reason in reasons.items():
            until(lambda key=key: app.get(key).status == "quarantined")
            assert reason in (app.get(key).reason or "")
            assert [run.status for run in app.history(key)] == ["pending"]
        until(lambda: app.get("fine").status == "completed")
        module.write_text("def nightly(a): return a\n")
        app.handler("theirs")(lambda ctx: "repaired")
        for key in ("gone", "unknown handler"):
            app.resume(key)
            until(lambda key=key: app.get(key).status == "completed")
        assert app.history("gone")[0].result == 1
    sys.modules.pop("reports", None)


def test_a_policy_that_cannot_be_read_sets_its_task_aside_and_stops_no_other(
    app: Tocsin, calls: Calls, sql: Sql, until: Any
) -> None:
    calls.gate.set()
    app.schedule("call", every("50ms"), key="victim")
    app.run_now("victim")
    sql("UPDATE tasks SET policy = '{\"nope\": 1}' WHERE key = 'victim'")
    with app:
        before = lives(app)
        for number in range(3):
            app.schedule("call", now(), key=f"neighbour {number}")
            until(lambda number=number: app.get(f"neighbour {number}").status == "completed")
        assert sql("SELECT status FROM tasks WHERE key = 'victim'") == [("quarantined",)]
        assert lives(app) == before


def test_a_task_whose_next_run_cannot_be_stored_stops_no_other(
    app: Tocsin, calls: Calls, sql: Sql, until: Any
) -> None:
    """Somebody put a row where the next run belongs; both tasks ring in one batch."""
    calls.gate.set()
    moment = datetime.now(UTC) + timedelta(seconds=0.3)
    victim = app.schedule("call", at(moment), key="victim")
    app.schedule("call", at(moment), key="neighbour")
    due = victim.next_run_at
    assert due is not None
    sql(
        "INSERT INTO runs (id, task_id, tenant, due_at, ready_at, status, cause, attempt, fence,"
        " missed, count) VALUES (999, ?, 'default', ?, 0, 'succeeded', 'schedule', 0, 0, '[]', 1)",
        victim.id,
        round(due.timestamp() * 1_000_000),
    )
    with app:
        before = lives(app)
        until(lambda: app.get("neighbour").status == "completed")
        until(lambda: app.get("victim").status == "quarantined")
        assert "cannot be stored" in (app.get("victim").reason or "")
        assert lives(app) == before
