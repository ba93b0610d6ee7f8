"""Tocsin inside somebody else's program: it takes nothing over, and nothing leaks out."""

import asyncio
import gc
import logging
import signal
import sys
import textwrap
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from tocsin import Actor, RunContext, Tocsin, at, cron, every, now
from tocsin.core.errors import (
    ActorUnavailable,
    AlreadyRunning,
    InvalidChild,
    RestartsExhausted,
    StartFailed,
)
from tocsin.messages import NewEntry, PauseTask, SetAlarm
from tocsin.testing import SettableClock

pytestmark = pytest.mark.databases

LIMIT = 15.0
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def myapp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of the user's, importable by its name."""
    (tmp_path / "myapp.py").write_text(
        textwrap.dedent("""
        import threading
        rings, rang = [], threading.Event()

        def ring(*args):
            rings.append(args)
            rang.set()
        """)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "myapp", raising=False)
    import myapp as module  # type: ignore[import-not-found]  # noqa: PLC0415 - made above

    yield module
    sys.modules.pop("myapp", None)


def test_the_example_of_the_documentation_runs_as_it_is_written(
    url: str, myapp: Any, box: Any, clock: SettableClock
) -> None:
    built = threading.Event()
    app = Tocsin(url, timezone="Europe/Berlin", clock=clock)

    @app.handler("report.build", timeout="5m", retries=3)
    def build(ctx: RunContext, region: str) -> str:
        built.set()
        return f"{region} for {ctx.key}"

    app.supervise("my-actor", box.actor)
    with app:
        task = app.schedule(
            "report.build", cron("0 9 * * 1-5"), key="report-eu", kwargs={"region": "eu"}
        )
        app.remind("10:30pm", "Take the bread out", to="phone")
        app.scheduler.tell(PauseTask("report-eu"))
        reply = app.scheduler.ask(NewEntry("10:30pm", module="myapp", function="ring", args=[1]))
        assert reply == {
            "alarm_id": 3,
            "scheduler_id": 3,
            "entry": {"module": "myapp", "function": "ring", "args": [1]},
        }
        assert app.get("report-eu").status == "paused"
        assert app.resume(task).next_run_at == datetime(2026, 3, 2, 8, tzinfo=UTC)
        alarm = app.alarm.ask(SetAlarm("in 5 minutes", "my-actor", {"wake": "up"}))
        assert alarm["due_at"] == NOON + timedelta(minutes=5)
        clock.advance("1d")
        assert built.wait(LIMIT)
        assert myapp.rang.wait(LIMIT)
        assert myapp.rings == [(1,)]
        assert box.wait(1) == [{"wake": "up"}]
        threading.Thread(target=app.stop, daemon=True).start()
        assert app.wait(LIMIT)
    assert not app.running


def test_the_prototypes_messages_get_the_prototypes_answers(
    clocked: Tocsin, myapp: Any, until: Any
) -> None:
    entry = {"module": "myapp", "function": "ring", "args": ["a", 2]}
    with clocked as app:
        reply = app.scheduler.ask({"new_entry": {"when": "in 1 hour", **entry}})
        assert reply == {"alarm_id": 1, "scheduler_id": 1, "entry": entry}
        assert {type(reply["alarm_id"]), type(reply["scheduler_id"])} == {int}
        assert app.scheduler.ask({"alarm_triggered": 1}) is None  # a rumour: it is not due yet
        assert app.history() == []
        app.clock.advance("1h")  # type: ignore[attr-defined]
        app.scheduler.tell({"alarm_triggered": 1})
        assert myapp.rang.wait(LIMIT)
        until(lambda: app.get(1).status == "completed")
        app.scheduler.ask({"alarm_triggered": 1})
        assert myapp.rings == [("a", 2)]


def host_state() -> tuple[Any, ...]:
    root = logging.getLogger()
    signals = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    return (
        list(root.handlers), root.level, signals, sys.excepthook, threading.excepthook,
        dict(logger._core.handlers), threading.active_count(),  # type: ignore[attr-defined]
    )  # fmt: skip


def test_the_hosts_logging_signals_and_threads_are_as_they_were(app: Tocsin, box: Any) -> None:
    before, loud = host_state(), list[str]()
    sink = logger.add(lambda line: loud.append(str(line)), level=0)
    app.handler("ring")(lambda ctx: box.put(1))
    app.handler("fail", retries=0)(lambda ctx: 1 / 0)
    with app:
        assert host_state()[:5] == before[:5]
        app.schedule("fail", now())
        app.schedule("ring", now())
        box.wait(1)
    logger.remove(sink)
    assert host_state() == before
    assert loud == []


def test_an_event_loop_of_the_host_goes_on_and_may_call_the_service(app: Tocsin) -> None:
    async def main() -> str:
        loop, rang = asyncio.get_running_loop(), asyncio.Event()

        @app.handler("ring")
        async def ring(ctx: RunContext) -> None:
            assert asyncio.get_running_loop() is not loop
            app.schedule("pong", now())  # from a coroutine in the service's own loop

        @app.handler("pong")
        def pong(ctx: RunContext) -> None:
            loop.call_soon_threadsafe(rang.set)

        with app:
            app.schedule("ring", now())
            await asyncio.wait_for(rang.wait(), LIMIT)
            task = await asyncio.to_thread(app.schedule, "pong", every("1h"))
        assert asyncio.get_running_loop() is loop
        return task.target

    assert asyncio.run(main()) == "pong"


def test_services_on_different_databases_do_not_know_each_other(tmp_path: Path) -> None:
    apps = [Tocsin(f"sqlite:///{tmp_path}/{n}.db") for n in range(4)]
    boxes: list[list[str]] = [[] for _ in apps]
    done = threading.Semaphore(0)
    for number, one in enumerate(apps):

        @one.handler("ring")
        def ring(ctx: RunContext, number: int = number) -> None:
            boxes[number].append(ctx.key or "")
            done.release()

    for one in apps:
        one.start()
    for number, one in enumerate(apps):
        one.schedule("ring", now(), key=f"for {number}")
    assert all(done.acquire(timeout=LIMIT) for _ in apps)
    apps[0].stop()
    assert [one.running for one in apps] == [False, True, True, True]
    for one in apps:
        one.stop()
    assert boxes == [[f"for {n}"] for n in range(4)]


def test_a_second_service_on_the_same_database_is_refused_and_disturbs_nobody(
    app: Tocsin, url: str, box: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if url.startswith("postgresql"):  # else it is waited for who just stops
        monkeypatch.setattr("tocsin.storage.postgres_lock.PATIENCE", 0.2)
    app.handler("ring")(lambda ctx: box.put(1))
    with app:
        second = Tocsin(url)
        for _ in range(2):
            with pytest.raises(AlreadyRunning, match="another service"):
                second.start()
            with pytest.raises(AlreadyRunning):
                app.start()
        assert not second.running
        second.stop()
        app.schedule("ring", now())
        box.wait(1)
    with second:
        assert second.running


def test_a_service_can_be_started_and_stopped_again_and_again(app: Tocsin, box: Any) -> None:
    app.handler("ring")(lambda ctx: box.put(ctx.key))
    for number in range(3):
        with app:
            assert app.running
            app.schedule("ring", now(), key=str(number))
            box.wait(number + 1)
        assert app.wait(0)
    assert not app.running
    assert box.items == ["0", "1", "2"]


def test_an_exception_in_the_block_stops_the_service_and_goes_on(app: Tocsin) -> None:
    def fail() -> None:
        with app:
            assert app.running
            app.clock.now().no_such_thing  # type: ignore[attr-defined]  # noqa: B018 - it raises

    with pytest.raises(AttributeError):
        fail()
    assert not app.running
    with pytest.raises(ActorUnavailable, match="call start"):
        _ = app.scheduler


def test_what_is_ordered_before_the_start_is_stored_and_rings_after_it(
    app: Tocsin, box: Any, until: Any
) -> None:
    app.handler("ring")(lambda ctx: box.put(ctx.key))
    early = app.schedule("ring", now(), key="early")
    gone = app.schedule("ring", now(), key="gone")
    app.cancel(gone, "changed my mind")
    app.schedule("ring", every("1h"), key="later")
    manual = app.run_now("later")
    assert (early.status, manual.status, box.items) == ("active", "pending", [])
    with app:
        assert sorted(box.wait(2)) == ["early", "later"]
        until(lambda: len(app.history(status="succeeded")) == 2)
    assert [e.event.type for e in app.events("gone")][-1] == "TaskCancelled"


def test_a_callback_may_schedule_look_up_and_change_tasks(app: Tocsin, box: Any) -> None:
    @app.handler("first")
    def first(ctx: RunContext) -> None:
        app.schedule("second", now(), key="child", payload=ctx.task_id)
        app.cancel("third")
        box.put((app.get(ctx.task_id).key, len(app.tasks())))

    @app.handler("second")
    def second(ctx: RunContext, parent: int) -> None:
        box.put(parent)

    app.handler("third")(lambda ctx: None)
    with app:
        app.schedule("third", every("1h"), key="third")
        parent = app.schedule("first", now(), key="parent")
        assert set(box.wait(2)) == {("parent", 3), parent.id}
        assert app.get("third").status == "cancelled"


def test_an_actor_of_the_user_may_ask_the_scheduler(app: Tocsin, box: Any) -> None:
    class Planner(Actor):
        def handle(self, message: Any) -> Any:
            scheduler = self.registry.address("scheduler")
            box.put(scheduler.ask(NewEntry("now", handler="ring"), timeout=LIMIT))

    app.handler("ring")(lambda ctx: box.put("rang"))
    app.supervise("planner", Planner)
    with app:
        app.address("planner").tell("go")
        assert len(box.wait(2)) == 2


def test_a_name_for_an_own_actor_that_is_taken_is_refused_at_once(app: Tocsin, box: Any) -> None:
    app.supervise("mine", box.actor)
    for name in ("mine", "scheduler", "alarm", "tocsin"):
        with pytest.raises(InvalidChild):
            app.supervise(name, box.actor)
    with app:
        for name in ("mine", "scheduler", "alarm", "tocsin"):
            with pytest.raises(InvalidChild):
                app.supervise(name, box.actor)
        assert app.address("mine").ask("hello") == "hello"
    with app:
        assert app.address("mine").ask("again") == "again"


def test_a_start_that_fails_leaves_nothing_behind(app: Tocsin, box: Any, until: Any) -> None:
    """The user's own actor is started last: by then runs may be on their way."""
    began, threads = threading.Event(), threading.active_count()
    broken = [True]

    class Broken(Actor):
        def on_start(self) -> None:
            if broken:
                assert began.wait(LIMIT)
                raise ValueError("not today")

    @app.handler("ring")
    def ring(ctx: RunContext) -> None:
        began.set()
        if broken:
            ctx.cancelled.wait(LIMIT)
        box.put(ctx.attempt)

    app.supervise("broken", Broken)
    task = app.schedule("ring", now())
    with pytest.raises(StartFailed, match="not today"):
        app.start()
    assert not app.running
    until(lambda: threading.active_count() == threads)
    assert app.history(task)[0].status == "pending"
    broken.clear()
    box.items.clear()
    with app:
        assert box.wait(1) == [1]


def test_the_settings_of_the_interpreter_change_with_a_service_and_come_back(app: Tocsin) -> None:
    before = sys.getswitchinterval(), gc.get_threshold()
    with app:
        assert sys.getswitchinterval() < before[0]
        assert gc.get_threshold()[0] > before[1][0]
    assert (sys.getswitchinterval(), gc.get_threshold()) == before


def test_a_service_that_gave_up_says_why(app: Tocsin) -> None:
    class Hopeless(Actor):
        def handle(self, message: Any) -> Any:
            raise ValueError("hopeless")

    app.supervise("hopeless", Hopeless)
    app.start()
    for _ in range(11):
        app.registry.whereis("hopeless")
    engine: Any = app._engine
    engine.tree.supervisor.stop(RestartsExhausted("enough"))
    with pytest.raises(RestartsExhausted, match="enough"):
        app.wait(LIMIT)
    assert not app.running
    app.stop()
    with app:
        assert app.running


Maker = Callable[[], Any]


def test_a_handler_that_is_a_task_of_a_second_program_is_quarantined_not_lost(
    app: Tocsin, url: str, box: Any, until: Any
) -> None:
    app.handler("only here")(lambda ctx: box.put("rang"))
    task = app.schedule("only here", at(datetime.now(UTC)))
    with Tocsin(url, grace=0.1) as stranger:
        until(lambda: stranger.get(task.id).status == "quarantined")
        assert "only here" in (stranger.get(task.id).reason or "")
    with app:
        app.resume(task)
        assert box.wait(1) == ["rang"]
