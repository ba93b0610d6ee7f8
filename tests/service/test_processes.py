"""Handlers in processes of their own: whatever they do to their process, the service lives."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tocsin import RunContext, Tocsin, now
from tocsin.core.errors import InvalidTask

HANDLERS = """
import ctypes, os, sys, time

def pid(ctx, word):
    return {"pid": os.getpid(), "word": word, "key": ctx.key, "attempt": ctx.attempt}

def die(ctx):
    os.kill(os.getpid(), 9)

def crash(ctx):
    ctypes.string_at(0)

def leave(ctx):
    sys.exit(3)

def hang(ctx):
    time.sleep(600)

async def later(ctx):
    return not ctx.cancelled.is_set()

class Tools:
    @staticmethod
    def use(ctx):
        return "used"
"""


@pytest.fixture
def handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "in_processes.py").write_text(HANDLERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield importlib.import_module("in_processes")
    del sys.modules["in_processes"]


Until = Callable[[Callable[[], Any]], Any]


def ended(app: Tocsin, task: Any) -> Callable[[], Any]:
    over = {"succeeded", "failed", "timed_out", "cancelled"}
    return lambda: [run for run in app.history(task) if run.status in over]


def test_a_handler_runs_in_another_process_with_its_context(
    app: Tocsin, handlers: ModuleType, until: Until
) -> None:
    app.handler("pid", executor="processes")(handlers.pid)
    app.handler("later", executor="processes")(handlers.later)
    app.handler("tools", executor="processes")(handlers.Tools.use)
    with app:
        task = app.schedule("pid", now(), key="one", args=["hello"])
        [run] = until(ended(app, task))
        assert run.result == {"pid": run.result["pid"], "word": "hello", "key": "one", "attempt": 1}
        assert run.result["pid"] != os.getpid()
        [run] = until(ended(app, app.schedule("later", now())))
        assert run.result is True
        [run] = until(ended(app, app.schedule("tools", now())))
        assert run.result == "used"


@pytest.mark.slow
def test_a_process_that_crashes_exits_or_hangs_costs_nobody_else_anything(
    app: Tocsin, handlers: ModuleType, until: Until
) -> None:
    for key in ("die", "crash", "leave"):
        app.handler(key, executor="processes", retries=0)(getattr(handlers, key))
    app.handler("hang", executor="processes", retries=0, timeout="1s")(handlers.hang)
    app.handler("pid", executor="processes")(handlers.pid)
    with app:
        tasks = [app.schedule(key, now(), key=key) for key in ("die", "crash", "leave", "hang")]
        good = app.schedule("pid", now(), args=["x"])
        statuses = [until(ended(app, task))[0] for task in tasks]
        assert [run.status for run in statuses] == ["failed", "failed", "failed", "timed_out"]
        assert "SIGKILL" in str(statuses[0].error)
        assert "SIGSEGV" in str(statuses[1].error)
        assert "SystemExit" in str(statuses[2].error)
        assert until(ended(app, good))[0].status == "succeeded"
        assert app.health().abandoned == 0
        [lane] = [each for each in app.health().executors if each.name == "processes"]
        assert (lane.running, lane.queued, lane.abandoned) == (0, 0, 0)


def test_no_process_is_made_before_one_is_needed(app: Tocsin) -> None:
    with app:
        assert app._engine is not None
        lane = app._engine.lanes["processes"]
        assert lane._made is None  # type: ignore[attr-defined]
        assert lane.free() == (os.cpu_count() or 1)


def test_an_executor_that_cannot_run_a_handler_is_refused_with_the_reason(app: Tocsin) -> None:
    def inner(ctx: RunContext) -> None: ...

    async def waits(ctx: RunContext) -> None: ...

    with pytest.raises(InvalidTask, match="did you mean 'processes'"):
        app.handler("x", executor="process")(inner)
    with pytest.raises(InvalidTask, match="define it at the top of a module"):
        app.handler("x", executor="processes")(inner)
    with pytest.raises(InvalidTask, match="make it `async def`"):
        app.handler("x", executor="asyncio")(inner)
    app.handler("a", executor="asyncio")(waits)
    app.handler("t", executor="threads")(waits)
    assert [app.handlers.get(key).lane for key in "at"] == ["asyncio", "threads"]
