"""Whatever is raised, wherever: it ends that actor's life or that run, and nobody else notices."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tocsin import Actor, Published, RunContext, TaskEvent, Tocsin, every, now
from tocsin.actors.mailbox import Letter
from tocsin.actors.strategies import Flags
from tocsin.core.errors import ActorCrashed, TocsinError
from tocsin.core.notification import Notification
from tocsin.executors.base import Call, Report

LIMIT = 15.0
OWN = ["alarm", "runner", "courier", "scheduler", "warden"]


class Unspeakable(Exception):
    """Even its message hurts."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Alien(BaseException):
    """Inherits from nothing that anybody catches."""

    def __str__(self) -> str:
        raise SystemExit("gone")

    __repr__ = __str__


ERRORS: list[type[BaseException]] = [
    SystemExit,
    KeyboardInterrupt,
    GeneratorExit,
    MemoryError,
    RecursionError,
    Unspeakable,
    Alien,
]


class Bad(Actor):
    """Raises once at the place where it is told to."""

    plan: dict[str, type[BaseException]]

    def __init__(self, plan: dict[str, type[BaseException]], died: threading.Semaphore) -> None:
        super().__init__()
        self.plan = plan
        self.died = died

    def _maybe(self, place: str) -> None:
        error = self.plan.pop(place, None)
        if error is not None:
            raise error("on purpose")

    def on_start(self) -> None:
        self._maybe("on_start")

    def on_stop(self, reason: Any = "normal") -> None:
        self.died.release()
        self._maybe("on_stop")

    def patience(self) -> float:
        self._maybe("patience")
        return 0.01

    def idle(self) -> None:
        self._maybe("idle")

    def handle(self, message: Any) -> Any:
        self._maybe("handle")
        if message == "die":
            raise ValueError("dies")
        return message


class BadBatch(Bad):
    def receive(self, letters: Sequence[Letter]) -> None:
        self._maybe("receive")
        super().receive(letters)


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.engine.FLAGS", Flags(intensity=1_000, period=60.0))


@pytest.fixture
def ticks(app: Tocsin) -> threading.Semaphore:
    semaphore = threading.Semaphore(0)
    app.handler("tick")(lambda ctx: semaphore.release())
    return semaphore


def lives(app: Tocsin) -> dict[str, int]:
    return {m.name: m.incarnation for m in app.registry.members() if m.name in {*OWN, "tocsin"}}


@pytest.mark.usefixtures("restless")
@pytest.mark.parametrize("place", ["handle", "receive", "on_start", "on_stop", "idle", "patience"])
def test_an_actor_that_raises_anything_anywhere_is_replaced_and_nobody_else_is(
    app: Tocsin, ticks: threading.Semaphore, place: str, until: Any
) -> None:
    plan: dict[str, type[BaseException]] = {}
    died = threading.Semaphore(0)
    app.supervise("bad", lambda: BadBatch(plan, died))
    with app:
        app.schedule("tick", every("20ms"))
        before = lives(app)
        for error in ERRORS:
            assert app.address("bad").ask("you?", timeout=LIMIT) == "you?"
            plan[place] = error
            if place in {"handle", "receive"}:
                with pytest.raises((ActorCrashed, Unspeakable)):
                    app.address("bad").ask("go", timeout=LIMIT)
            elif place in {"on_start", "on_stop"}:
                app.address("bad").tell("die")
            until(lambda: not plan)
            assert app.address("bad").ask("you?", timeout=LIMIT) == "you?", error
            assert ticks.acquire(timeout=LIMIT)
        assert lives(app) == before
        assert app.well
        assert app.health().abandoned == 0


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("kind", ["def", "async def", "awaitable"])
def test_s65_a_callback_that_raises_anything_fails_its_run_only(
    app: Tocsin, ticks: threading.Semaphore, error: type[BaseException], kind: str, until: Any
) -> None:
    def plain(ctx: RunContext) -> None:
        raise error("on purpose")

    async def coroutine(ctx: RunContext) -> None:
        raise error("on purpose")

    function: Callable[..., Any] = plain if kind == "def" else coroutine
    executor = "threads" if kind == "awaitable" else None
    app.handler("bad", retries=0, executor=executor)(function)
    with app:
        before = lives(app)
        task = app.schedule("bad", now())
        app.schedule("tick", every("20ms"))
        [run] = until(lambda: [r for r in app.history(task) if r.status == "failed"])
        assert error.__name__ in (run.error or "")
        for _ in range(3):
            assert ticks.acquire(timeout=LIMIT)
        assert lives(app) == before


def test_a_notifier_that_raises_anything_stops_no_other_notification(url: str) -> None:
    arrived, tried = threading.Event(), threading.Semaphore(0)

    class Phone:
        kind = "phone"

        def send(self, note: Notification) -> Any:
            if note.message == "good":
                arrived.set()
                return None
            tried.release()
            raise ERRORS[int(note.message)]("on purpose")

    app = Tocsin(url, grace=0.2, notifiers={"phone": Phone()})  # type: ignore[dict-item]
    with app:
        before = lives(app)
        for index in range(len(ERRORS)):
            app.remind("now", str(index), to="phone")
            app.address("courier").tell(
                {"notify": {"to": ["phone"], "note": {"message": str(index)}}}
            )
        for _ in range(2 * len(ERRORS)):
            assert tried.acquire(timeout=LIMIT)
        app.remind("now", "good", to="phone")
        assert arrived.wait(LIMIT)
        assert lives(app) == before


def test_s65_a_listener_that_raises_anything_is_told_again_and_nobody_else_is(
    app: Tocsin, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    monkeypatch.setattr("tocsin.core.published.FIRST_DELAY", 0)
    left, heard, other = list(ERRORS), list[int](), list[int]()
    app.handler("news")(lambda ctx: TaskEvent("news", ctx.run_id))

    @app.on("news", name="bad")
    def listen(event: Published) -> None:
        if left:
            raise left.pop()("on purpose")
        heard.append(event.attempt)

    @app.on("news", name="good")
    def hear(event: Published) -> None:
        other.append(event.attempt)

    with app:
        before = {m.name: m.incarnation for m in app.registry.members()}
        app.schedule("news", now())
        until(lambda: heard)
        assert heard == [len(ERRORS) + 1]
        assert other == [1]
        assert {m.name: m.incarnation for m in app.registry.members()} == before


@pytest.mark.parametrize("lane", ["threads", "asyncio", "commands", "courier", "processes"])
def test_a_report_that_raises_anything_costs_no_executor_its_next_call(
    app: Tocsin, lane: str
) -> None:
    with app:
        assert app._engine is not None
        executor = app._engine.lanes[lane]
        told = threading.Semaphore(0)

        def raising(error: type[BaseException]) -> Callable[[Report], None]:
            def report(_: Report) -> None:
                told.release()
                raise error("on purpose")

            return report

        for number, error in enumerate(ERRORS):
            executor.submit(Call(-number - 1, 1, lambda _: None, None, "bad"), raising(error))
        for _ in ERRORS:
            assert told.acquire(timeout=LIMIT)
        good = threading.Event()
        executor.submit(Call(-100, 1, lambda _: None, None, "good"), lambda _: good.set())
        assert good.wait(LIMIT)


@pytest.mark.usefixtures("restless")
def test_every_caller_gets_an_answer_while_actors_die_of_everything(app: Tocsin) -> None:
    plan: dict[str, type[BaseException]] = {}
    app.supervise("bad", lambda: Bad(plan, threading.Semaphore(0)))
    with app:
        futures = []
        for number in range(300):
            if number % 10 == 0:
                plan["handle"] = ERRORS[number // 10 % len(ERRORS)]
            futures.append(app.address("bad").ask_later(number))
        answers = []
        for future in futures:
            try:
                answers.append(future.get(timeout=LIMIT))
            except (TocsinError, Unspeakable) as error:
                answers.append(type(error))
        assert len(answers) == 300
        assert app.address("bad").ask("you?", timeout=LIMIT) == "you?"
