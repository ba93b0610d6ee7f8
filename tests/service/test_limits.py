"""How much is done at once, and in which order, when there is too much to do."""

import asyncio
import threading
from typing import Any

import pytest

from tocsin import RunContext, Tocsin, every, now
from tocsin.messages import NewEntries, NewEntry

LIMIT = 30.0


class Gauge:
    """How many calls are inside at the same time, and the order in which they came."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = self.total = 0
        self.order: list[str] = []
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)

    def __call__(self, ctx: RunContext) -> None:
        with self.lock:
            self.inside += 1
            self.total += 1
            self.most = max(self.most, self.inside)
            self.order.append(ctx.key or "")
        self.entered.release()
        self.gate.wait(LIMIT)
        with self.lock:
            self.inside -= 1


@pytest.fixture
def gauge() -> Gauge:
    return Gauge()


def order(count: int, **options: Any) -> NewEntries:
    return NewEntries([NewEntry("now", handler="call", **options) for _ in range(count)])


@pytest.mark.parametrize("limit", [1, 3])
def test_max_concurrent_bounds_what_runs_at_the_same_time(
    url: str, gauge: Gauge, until: Any, limit: int
) -> None:
    app = Tocsin(url, max_concurrent=limit, grace=0.2)
    app.handler("call")(gauge)
    with app:
        app.scheduler.ask(order(30), timeout=LIMIT)
        assert all(gauge.entered.acquire(timeout=LIMIT) for _ in range(limit))
        assert not gauge.entered.acquire(timeout=0.1)
        gauge.gate.set()
        until(lambda: len(app.history(status="succeeded", limit=100)) == 30)
    assert (gauge.most, gauge.total) == (limit, 30)


def test_five_thousand_due_at_once_wait_in_the_database_and_all_run(
    url: str, gauge: Gauge, until: Any, sql: Any
) -> None:
    app = Tocsin(url, max_queue=100, max_concurrent=10, grace=0.2)
    app.handler("call")(gauge)
    executing = "SELECT count(*) FROM runs WHERE status = 'executing'"
    with app:
        app.scheduler.ask(order(5_000), timeout=LIMIT)
        until(lambda: sql(executing) == [(110,)])
        seen = [110]
        gauge.gate.set()
        while gauge.total < 5_000:
            seen.append(sql(executing)[0][0])
            threading.Event().wait(0.02)
        until(lambda: sql("SELECT count(*) FROM runs WHERE status = 'succeeded'") == [(5_000,)])
    assert max(seen) <= 110
    assert gauge.total == 5_000
    assert gauge.most <= 10


def test_the_more_important_run_starts_first_even_from_the_backlog(
    url: str, gauge: Gauge, until: Any
) -> None:
    app = Tocsin(url, max_queue=2, max_concurrent=1, grace=0.2)
    app.handler("call")(gauge)
    with app:
        app.schedule("call", now(), key="first")
        assert gauge.entered.acquire(timeout=LIMIT)
        for number in range(20):
            app.schedule("call", now(), key=f"plain {number}")
        app.schedule("call", now(), key="important", priority=5)
        app.schedule("call", now(), key="urgent", priority=9)
        until(lambda: len(app.history(limit=100)) == 23)
        gauge.gate.set()
        until(lambda: len(app.history(status="succeeded", limit=100)) == 23)
    # two plain ones were in the queue already when the others came
    assert gauge.order.index("urgent") <= 3
    assert gauge.order.index("important") <= 4


def test_importance_counts_in_a_backlog_from_before_the_start(
    url: str, gauge: Gauge, until: Any
) -> None:
    gauge.gate.set()
    app = Tocsin(url, max_queue=1, max_concurrent=1, grace=0.2)
    app.handler("call")(gauge)
    for number in range(30):
        app.schedule("call", every("1h"), key=str(number), priority=-1 if number < 5 else 0)
        app.run_now(str(number))
    app.schedule("call", every("1h"), key="urgent", priority=9)
    app.run_now("urgent")
    with app:
        until(lambda: len(app.history(status="succeeded", limit=100)) == 31)
    assert gauge.order[0] == "urgent"
    assert set(gauge.order[-5:]) == {"0", "1", "2", "3", "4"}


def test_a_queue_in_memory_is_served_by_importance(url: str, gauge: Gauge, until: Any) -> None:
    app = Tocsin(url, max_concurrent=1, grace=0.2)
    app.handler("call")(gauge)
    with app:
        app.schedule("call", now(), key="first")
        assert gauge.entered.acquire(timeout=LIMIT)
        for priority in (0, -5, 9, 3):
            app.schedule("call", now(), key=f"p{priority}", priority=priority)
        until(lambda: sum(executor.queued for executor in app.health().executors) == 4)
        gauge.gate.set()
        until(lambda: len(app.history(status="succeeded")) == 5)
    assert gauge.order == ["first", "p9", "p3", "p0", "p-5"]


def test_a_long_call_does_not_let_its_own_next_occurrences_crowd_out_others(
    url: str, gauge: Gauge, until: Any
) -> None:
    app = Tocsin(url, max_concurrent=2, max_queue=1, grace=0.2)
    app.handler("call", catch_up="all")(gauge)
    app.handler("quick")(lambda ctx: None)
    with app:
        app.schedule("call", every("20ms"), key="slow")
        assert gauge.entered.acquire(timeout=LIMIT)
        for number in range(5):
            app.schedule("quick", now(), key=f"quick {number}")
        for number in range(5):
            until(lambda number=number: app.get(f"quick {number}").status == "completed")
        assert gauge.most == 1
        skipped = until(lambda: app.history("slow", status="skipped", limit=500))
        assert all("overlap" in (run.reason or "") for run in skipped)
        gauge.gate.set()


def test_ten_thousand_coroutines_do_not_need_ten_thousand_threads(
    url: str, until: Any, sql: Any
) -> None:
    app = Tocsin(url, max_concurrent=2, grace=0.2, max_queue=5_000)
    inside, gate = [0], threading.Event()

    @app.handler("wait")
    async def wait(ctx: RunContext) -> None:
        inside[0] += 1
        while not gate.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.05)

    with app:
        app.scheduler.ask(
            NewEntries([NewEntry("now", handler="wait") for _ in range(1_000)]), timeout=LIMIT
        )
        until(lambda: inside[0] == 1_000, LIMIT)
        assert threading.active_count() < 30
        gate.set()
        until(lambda: sql("SELECT count(*) FROM runs WHERE status = 'succeeded'") == [(1_000,)])
