"""The end of a service: bounded, complete, and nothing that was promised is lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tocsin import RunContext, Tocsin, every, now
from tocsin.actors.runner import Runner
from tocsin.core.notification import Notification
from tocsin.notifiers.base import Receipt

LIMIT = 15.0


def open_files(url: str) -> list[str]:
    """The files of this database that the process has open."""
    path, found = url.removeprefix("sqlite:///"), []
    for handle in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(handle.readlink()))
        except OSError:
            continue
    return [name for name in found if name.startswith(path)]


def own_threads() -> list[str]:
    names = ("tocsin", "alarm", "runner", "courier", "scheduler")
    return [t.name for t in threading.enumerate() if t.name.startswith(names)]


def timed(action: Any) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def test_stopping_leaves_no_thread_and_no_open_file(app: Tocsin, url: str, until: Any) -> None:
    async def wait(ctx: RunContext) -> None:
        """Nothing to do."""

    app.handler("async")(wait)
    app.handler("sync")(lambda ctx: None)
    with app:
        for what in ("async", "sync"):
            app.schedule(what, now())
        app.remind(1, "hello")
        until(lambda: len(app.history(status="succeeded")) == 3)
        assert own_threads()
        assert open_files(url)
    until(lambda: own_threads() == [])
    assert open_files(url) == []


def test_stop_may_be_called_many_times_and_before_any_start(app: Tocsin) -> None:
    app.stop()
    app.start()
    app.stop()
    app.stop()
    assert app.wait(0)
    assert not app.running


def test_s64_eight_threads_may_stop_at_once_and_all_return_when_it_is_over(app: Tocsin) -> None:
    entered = threading.Event()

    @app.handler("hold")
    def hold(ctx: RunContext) -> None:
        entered.set()
        ctx.cancelled.wait(LIMIT)

    app.start()
    app.schedule("hold", now())
    assert entered.wait(LIMIT)
    running: list[bool] = []

    def stop() -> None:
        app.stop()
        running.append(app.running or bool(own_threads_of_actors()))

    threads = [threading.Thread(target=stop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert running == [False] * 8
    assert app.history()[0].status == "pending"


def own_threads_of_actors() -> list[str]:
    return [n for n in own_threads() if not n.startswith("tocsin-")]


def test_stop_may_be_called_in_a_signal_handler(app: Tocsin) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: app.stop())
    try:
        app.start()
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        assert app.wait(LIMIT)
        assert not app.running
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_wait_returns_only_when_the_stop_is_complete(
    app: Tocsin, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits in the main thread may leave the program right after."""
    from tocsin.engine import Engine  # noqa: PLC0415 - to slow its last step down

    ended, release, finish = threading.Event(), threading.Event(), Engine._record_rest

    def slowly(self: Engine) -> None:
        ended.set()
        release.wait(LIMIT)
        finish(self)

    monkeypatch.setattr(Engine, "_record_rest", slowly)
    app.start()
    threading.Thread(target=app.stop, daemon=True).start()
    assert ended.wait(LIMIT)
    threading.Timer(0.1, release.set).start()
    assert app.wait(LIMIT)
    assert release.is_set()
    assert open_files(url) == []


def test_s42_two_hundred_queued_runs_and_ten_running_ones_are_recorded_and_made_at_the_next_start(
    url: str, until: Any
) -> None:
    app = Tocsin(url, max_concurrent=10, grace=0.2)
    entered, attempts = threading.Semaphore(0), list[int]()
    patient = [True]

    @app.handler("hold")
    def hold(ctx: RunContext) -> None:
        entered.release()
        if patient:
            ctx.cancelled.wait(LIMIT)
            return
        attempts.append(ctx.attempt)

    app.start()
    for _ in range(210):
        app.schedule("hold", now())
    assert all(entered.acquire(timeout=LIMIT) for _ in range(10))
    assert timed(app.stop) < 3
    runs = app.history(limit=1_000)
    assert {(run.status, run.attempt) for run in runs} == {("pending", 0)}
    assert sum("shutdown" in (run.reason or "") for run in runs) >= 200
    patient.clear()
    with app:
        until(lambda: len(app.history(status="succeeded", limit=1_000)) == 210)
    assert attempts == [1] * 210


def test_runs_that_the_runner_has_not_looked_at_yet_cost_no_attempt_either(
    app: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, handle = threading.Event(), Runner.handle

    def slowly(self: Runner, message: Any) -> Any:
        if type(message).__name__ == "StartRuns" and not held.is_set():
            held.set()
            threading.Event().wait(0.3)
        return handle(self, message)

    monkeypatch.setattr(Runner, "handle", slowly)
    app.handler("ring")(lambda ctx: None)
    app.start()
    for _ in range(20):
        app.schedule("ring", now())
    assert held.wait(LIMIT)
    app.stop()
    states = {(run.status, run.attempt) for run in app.history(limit=100)}
    assert states <= {("pending", 0), ("succeeded", 1)}
    with app:
        assert not [e for e in app.events(limit=1_000) if "lost" in str(e.event)]


def test_hanging_calls_in_every_lane_share_one_grace(url: str) -> None:
    app, forever, entered = Tocsin(url, grace=1.0), threading.Event(), threading.Semaphore(0)

    class Stuck:
        kind = "stuck"

        def send(self, note: Any) -> Any:
            entered.release()
            forever.wait(LIMIT)

        def close(self) -> None: ...

    app._post.replace({"stuck": Stuck()})  # type: ignore[dict-item]

    @app.handler("sync")
    def sync(ctx: RunContext) -> None:
        entered.release()
        forever.wait(LIMIT)

    @app.handler("async")
    async def coroutine(ctx: RunContext) -> None:
        entered.release()
        forever.wait(LIMIT)  # it even blocks the loop

    app.start()
    app.schedule("sync", now())
    app.schedule("async", now())
    app.remind("in 0 seconds", "hello", to="stuck")
    assert all(entered.acquire(timeout=LIMIT) for _ in range(3))
    assert timed(app.stop) < 1.0 + 1.0 + 1.5
    assert {(run.status, run.attempt) for run in app.history()} == {("pending", 0)}
    forever.set()


def test_a_call_may_still_use_the_service_in_its_grace(url: str, until: Any) -> None:
    app, entered = Tocsin(url, grace=10), threading.Event()

    @app.handler("polite")
    def polite(ctx: RunContext) -> None:
        entered.set()
        while not app.running:
            return
        threading.Event().wait(0.2)
        app.schedule("polite", every("1h"), key="left for later")
        assert app.get(ctx.task_id).id == ctx.task_id

    app.start()
    task = app.schedule("polite", now())
    assert entered.wait(LIMIT)
    assert timed(app.stop) < 5
    assert app.history(task)[0].status == "succeeded"
    assert app.get("left for later").status == "active"


CARELESS = """
import atexit, os, sys, threading
from tocsin import Tocsin, now
app, began = Tocsin(sys.argv[1], grace=0.1), threading.Event()

@app.handler("hold")
def hold(ctx):
    began.set()
    if sys.argv[2] != "finish":
        threading.Event().wait(30)

if not app.tasks():
    app.schedule("hold", now(), key="k")
if sys.argv[2] == "atexit":
    atexit.register(app.stop)
app.start()
assert began.wait(20)
if sys.argv[2] == "finish":
    app.stop()
"""


@pytest.mark.parametrize(("how", "attempt"), [("never", 2), ("atexit", 1)])
def test_a_program_that_ends_without_a_proper_stop_ends_and_loses_nothing(
    url: str, tmp_path: Path, how: str, attempt: int
) -> None:
    script = tmp_path / "careless.py"
    script.write_text(CARELESS)
    for step in (how, "finish"):
        done = subprocess.run(
            [sys.executable, script, url, step],
            timeout=20,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    [run] = Tocsin(url).history("k")
    assert (run.status, run.attempt) == ("succeeded", attempt)


def test_a_call_that_stops_the_service_gets_it_stopped(url: str) -> None:
    app = Tocsin(url, grace=0.3)
    app.handler("stop")(lambda ctx: app.stop())
    app.start()
    app.schedule("stop", now())
    assert app.wait(LIMIT)
    assert not app.running


def test_a_locked_database_cannot_hold_up_the_stop_for_long(
    app: Tocsin, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3  # noqa: PLC0415

    monkeypatch.setattr("tocsin.storage.database.BUSY_TIMEOUT", 0.3)
    app = Tocsin(url, grace=0.2)
    done = threading.Event()
    app.handler("ring")(lambda ctx: done.set())
    app.start()
    blocker = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    app.schedule("ring", now(), key="a")
    assert done.wait(LIMIT)
    blocker.execute("BEGIN IMMEDIATE")
    assert timed(app.stop) < 6
    blocker.execute("ROLLBACK")
    blocker.close()
    with app:
        assert app.running


class Channel:
    """A notifier that counts its ends, and may make them hard."""

    kind: ClassVar[str] = "channel"

    def __init__(self, ending: Callable[[], Any] = lambda: None) -> None:
        self.ending, self.closed, self.got = ending, 0, 0

    def send(self, note: Notification) -> Receipt:
        self.got += 1
        return Receipt()

    def close(self) -> None:
        self.closed += 1
        self.ending()


def test_the_stop_closes_every_notifier_and_a_new_start_sends_again(url: str, until: Any) -> None:
    def leave() -> None:
        raise SystemExit("not so fast")

    channels = {"rude": Channel(leave), "fine": Channel()}
    app = Tocsin(url, notifiers=channels, grace=0.2)
    for times in (1, 2):
        with app:
            app.remind("in 0 seconds", "hello", to="fine")
            until(lambda times=times: channels["fine"].got == times)
            assert channels["fine"].closed == times - 1
        assert [channel.closed for channel in channels.values()] == [times, times]


def test_a_notifier_whose_close_hangs_cannot_hold_up_the_stop(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.engine.CLOSING", 0.1)
    forever = threading.Event()
    app = Tocsin(url, notifiers={"stuck": Channel(lambda: forever.wait(LIMIT))}, grace=0.2)
    app.start()
    assert timed(app.stop) < 5
    forever.set()
