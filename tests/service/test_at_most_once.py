"""What must never be called twice: its beginning is stored before it is called."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tocsin import RunContext, Tocsin, now
from tocsin.core.commands import BeginRun, RunFinished
from tocsin.core.errors import StorageUnavailable
from tocsin.storage.ledger import Ledger

LIMIT = 15.0
Until = Callable[[Callable[[], Any]], Any]


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_a_call_finds_its_own_beginning_stored(
    app: Tocsin, sql: Any, until: Until, kind: str
) -> None:
    seen: list[Any] = []

    def look(ctx: RunContext) -> None:
        seen.extend(sql("SELECT status, started_at IS NOT NULL FROM runs WHERE id = ?", ctx.run_id))

    async def look_later(ctx: RunContext) -> None:
        await asyncio.sleep(0)
        look(ctx)

    app.handler("x", delivery="at_most_once")(look_later if kind == "asyncio" else look)
    with app:
        app.schedule("x", now(), key="k")
        until(lambda: app.get("k").status == "completed")
        types = [logged.event.type for logged in app.events("k")]
    assert types == ["TaskScheduled", "RunPlanned", "RunStarted", "RunBegun", "TaskExecuted"]
    assert seen == [("executing", 1)]


def test_what_may_be_called_twice_waits_for_no_second_record(app: Tocsin, until: Until) -> None:
    app.handler("x")(lambda ctx: None)
    with app:
        app.schedule("x", now(), key="k")
        until(lambda: app.get("k").status == "completed")
        types = [logged.event.type for logged in app.events("k")]
    assert types == ["TaskScheduled", "RunPlanned", "RunStarted", "TaskExecuted"]


def test_a_call_waits_while_its_beginning_cannot_be_stored(
    app: Tocsin, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    begin, asked = Ledger._begin, threading.Semaphore(0)
    outage = threading.Event()
    outage.set()

    def unavailable(self: Ledger, *args: Any) -> Any:
        asked.release()
        if outage.is_set():
            raise StorageUnavailable("the disk is gone")
        return begin(self, *args)

    monkeypatch.setattr("tocsin.actors.beginnings.AGAIN", 0.01)
    monkeypatch.setitem(
        sys.modules["tocsin.storage.ledger"].__dict__["_HANDLERS"], BeginRun, unavailable
    )
    app.handler("x", delivery="at_most_once")(lambda ctx: made.append(ctx.attempt))
    with app:
        app.schedule("x", now(), key="k")
        assert all(asked.acquire(timeout=LIMIT) for _ in range(3))
        assert made == []
        outage.clear()
        until(lambda: app.get("k").status == "completed")
    assert made == [1]


def test_a_call_that_was_taken_back_before_it_began_is_not_made(
    app: Tocsin, until: Until, monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    made: list[int] = []

    def stale(self: Ledger, *args: Any) -> bool:
        return False

    monkeypatch.setitem(sys.modules["tocsin.storage.ledger"].__dict__["_HANDLERS"], BeginRun, stale)
    app.handler("x", delivery="at_most_once", retries=0)(lambda ctx: made.append(ctx.attempt))
    with app:
        app.schedule("x", now(), key="k")
        [run] = until(lambda: app.history("k", status=["failed"]))
    assert made == []
    assert "was taken back before it was called" in (run.error or "")


def test_a_late_result_is_refused_and_logged_and_one_that_comes_twice_is_not(
    app: Tocsin, until: Until, log: list[str]
) -> None:
    app.handler("x")(lambda ctx: "real")
    with app:
        task = app.schedule("x", now(), key="k")
        [run] = until(lambda: app.history("k", status="succeeded"))
        instant = app.clock.now()
        for fence in (1, 0):
            late = RunFinished(run.id, task.id, fence, "succeeded", instant, instant, "forged")
            assert app.scheduler.ask(late, timeout=LIMIT) is False
        assert app.history("k")[0].result == "real"
    refused = [line for line in log if "came too late" in line]
    assert len(refused) == 1
    assert refused[0].startswith(f"WARNING the result of run {run.id} came too late and is refused")
    assert "(fence 0)" in refused[0]


CLAIMED = """
import os, sys, threading
from tocsin import Tocsin, now
from tocsin.core.commands import BeginRun
from tocsin.storage import ledger
app, where = Tocsin(sys.argv[1]), sys.argv[2]
begin = ledger._HANDLERS[BeginRun]

def die_instead(*args):
    os._exit(9)

if where == "claimed":
    ledger._HANDLERS[BeginRun] = die_instead

done = threading.Event()

@app.handler("x", delivery="at_most_once")
def x(ctx):
    os.write(1, f"called {ctx.attempt}\\n".encode())
    if where == "begun":
        os._exit(9)

if not app.tasks():
    app.schedule("x", now(), key="k")
with app:
    while app.get("k").status == "active":
        done.wait(0.02)
"""


@pytest.mark.parametrize(
    ("where", "said", "status"),
    [("claimed", ["", "called 2\n"], "succeeded"), ("begun", ["called 1\n", ""], "failed")],
)
def test_a_process_that_dies_before_the_beginning_costs_nothing_and_after_it_the_run(
    url: str, tmp_path: Path, where: str, said: list[str], status: str
) -> None:
    script = tmp_path / "once.py"
    script.write_text(CLAIMED)

    def live(how: str) -> str:
        command = [sys.executable, str(script), url, how]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False
        ).stdout

    assert [live(where), live("well")] == said
    [run] = Tocsin(url).history("k")
    assert run.status == status
