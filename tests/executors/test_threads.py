import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest
from loguru import logger

from tocsin.core.clock import HOUR, SystemClock
from tocsin.core.entry import Cancellation
from tocsin.core.errors import EntryRejected
from tocsin.executors.base import Call, Cancelled, Failed, Succeeded, TimedOut
from tocsin.executors.threads import ThreadExecutor

CLOCK = SystemClock()


@pytest.fixture
def executor(ending: Any) -> ThreadExecutor:
    found: ThreadExecutor = ending(ThreadExecutor(2, clock=CLOCK, name="bell"))
    return found


@pytest.fixture
def run(executor: ThreadExecutor, call: Callable[..., Call], reports: Any) -> Callable[..., Any]:
    """Run a function in the executor and return its outcome."""
    numbers = iter(range(1, 1000))

    def submit(function: Callable[[Cancellation], Any]) -> Any:
        number = next(numbers)
        executor.submit(call(number, function), reports)
        return reports.outcome(number)

    return submit


def raising(error: BaseException) -> Callable[[Cancellation], Any]:
    def function(_: Cancellation) -> None:
        raise error

    return function


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class Poisonous(Exception):
    @property
    def retryable(self) -> bool:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        MemoryError(),
        RecursionError("deep"),
        StopIteration(),
        asyncio.CancelledError(),
        Unspeakable(),
        Poisonous(),
        BaseExceptionGroup("two", [SystemExit(), ValueError("x")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_call_raises_is_only_this_calls_failure(
    run: Callable[..., Any], executor: ThreadExecutor, error: BaseException
) -> None:
    failed = run(raising(error))
    assert isinstance(failed, Failed)
    assert failed.kind == type(error).__name__
    assert failed.error
    assert run(lambda _: "alive") == Succeeded("alive")
    assert executor.free() == 2


def test_endless_recursion_is_only_this_calls_failure(run: Callable[..., Any]) -> None:
    def recurse(cancellation: Cancellation) -> Any:
        return recurse(cancellation)

    assert run(recurse).kind == "RecursionError"
    assert run(lambda _: "alive") == Succeeded("alive")


def test_an_async_function_runs_to_its_end_in_the_thread(run: Callable[..., Any]) -> None:
    async def handler() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert run(lambda _: handler()) == Succeeded("bell: test 1")


def test_an_entry_rejected_by_the_running_coroutine_is_a_failure(run: Callable[..., Any]) -> None:
    async def handler() -> None:
        raise EntryRejected("some other entry")

    assert run(lambda _: handler()).kind == "EntryRejected"


def test_threads_are_started_on_demand_and_used_again(run: Callable[..., Any]) -> None:
    threads = {run(lambda _: threading.get_ident()).result for _ in range(5)}
    assert len(threads) == 1


def test_threads_are_still_used_again_after_one_was_abandoned(
    executor: ThreadExecutor, call: Callable[..., Call], run: Callable[..., Any], stuck: Any
) -> None:
    function = stuck()
    executor.submit(call(0, function), lambda _: None)
    assert function.started.wait(20)
    assert executor.expire((0, 1))
    for _ in range(5):
        run(lambda _: None)
    assert sum(t.name.startswith("bell") for t in threading.enumerate()) == 2


def test_threads_never_keep_the_interpreter_alive(run: Callable[..., Any]) -> None:
    assert run(lambda _: threading.current_thread().daemon) == Succeeded(True)


def test_what_a_call_sets_in_its_context_the_next_one_does_not_see(run: Callable[..., Any]) -> None:
    tenant = contextvars.ContextVar("tenant", default="nobody")
    run(lambda _: tenant.set("acme") and None)
    assert run(lambda _: tenant.get()) == Succeeded("nobody")


def test_calls_start_in_the_order_they_were_submitted(
    call: Callable[..., Call], stuck: Any, reports: Any, ending: Any
) -> None:
    executor = ending(ThreadExecutor(1, clock=CLOCK))
    blocker, order = stuck(), []
    executor.submit(call(0, blocker), reports)
    for number in range(1, 21):
        executor.submit(call(number, lambda _, n=number: order.append(n)), reports)
    assert blocker.started.wait(20)
    executor.expire((0, 1))
    reports.wait(21)
    assert order == list(range(1, 21))


def test_ten_blocked_workers_are_all_replaced_and_their_late_results_dropped(
    call: Callable[..., Call], stuck: Any, reports: Any, release: threading.Event, ending: Any
) -> None:
    executor = ending(ThreadExecutor(10, clock=CLOCK))
    functions = [stuck() for _ in range(10)]
    for number, function in enumerate(functions):
        executor.submit(call(number, function), reports)
    for number in range(10, 30):
        executor.submit(call(number, lambda _: "served"), reports)
    assert all(function.started.wait(20) for function in functions)
    assert all(executor.expire((number, 1)) for number in range(10))
    outcomes = {report.claim[0]: report.outcome for report in reports.wait(30)}
    assert all(outcomes[number] == TimedOut() for number in range(10))
    assert all(outcomes[number] == Succeeded("served") for number in range(10, 30))
    assert executor.abandoned == 10

    abandoned = [
        t for t in threading.enumerate() if t.name in {f"threads: test {n}" for n in range(10)}
    ]
    assert len(abandoned) == 10
    release.set()
    for thread in abandoned:
        thread.join(20)
        assert not thread.is_alive()
    assert executor.abandoned == 0
    assert len(reports.all) == 30


def test_more_calls_than_workers_never_run_at_once(
    call: Callable[..., Call], reports: Any, ending: Any
) -> None:
    executor = ending(ThreadExecutor(3, clock=CLOCK))
    lock, running, peak = threading.Lock(), 0, 0

    def count(cancellation: Any) -> None:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        cancellation._signal().wait(0.001)
        with lock:
            running -= 1

    for number in range(60):
        executor.submit(call(number, count), reports)
    reports.wait(60)
    assert peak == 3


def test_a_call_that_notices_its_cancellation_is_cancelled(
    executor: ThreadExecutor, call: Callable[..., Call], reports: Any
) -> None:
    started = threading.Event()

    def polite(cancellation: Cancellation) -> str:
        started.set()
        assert cancellation.wait(20)
        return "stopped early"

    executor.submit(call(1, polite), reports)
    assert started.wait(20)
    assert executor.cancel((1, 1))
    assert reports.outcome(1) == Cancelled()


def test_a_call_that_never_noticed_its_cancellation_is_reported_as_it_ended(
    executor: ThreadExecutor, call: Callable[..., Call], reports: Any
) -> None:
    started, proceed = threading.Event(), threading.Event()

    def busy(_: Cancellation) -> str:
        started.set()
        proceed.wait(20)
        return "all of it"

    executor.submit(call(1, busy), reports)
    assert started.wait(20)
    assert executor.cancel((1, 1))
    proceed.set()
    assert reports.outcome(1) == Succeeded("all of it")


def test_a_call_that_was_cancelled_in_vain_still_expires(
    executor: ThreadExecutor, call: Callable[..., Call], reports: Any, stuck: Any
) -> None:
    function = stuck()
    executor.submit(call(1, function), reports)
    assert function.started.wait(20)
    assert executor.cancel((1, 1))
    assert executor.expire((1, 1))
    assert reports.outcome(1) == TimedOut()


def test_a_call_that_ends_early_because_of_the_stop_is_unfinished(
    executor: ThreadExecutor, call: Callable[..., Call], reports: Any
) -> None:
    started = threading.Event()

    def polite(cancellation: Cancellation) -> str:
        started.set()
        assert cancellation.wait(20)
        return "half of it"

    executor.submit(call(1, polite), reports)
    assert started.wait(20)
    assert executor.stop(20) == [(1, 1)]
    assert reports.all == []


def test_a_call_may_stop_its_own_executor(
    executor: ThreadExecutor, call: Callable[..., Call], reports: Any
) -> None:
    returned: list[Any] = []
    done = threading.Event()

    def suicidal(_: Cancellation) -> None:
        returned.extend(executor.stop(0.01))
        done.set()

    executor.submit(call(1, suicidal), reports)
    assert done.wait(20)
    assert returned == [(1, 1)]
    assert reports.all == []


def test_workers_end_when_the_executor_stops(ending: Any, call: Any, reports: Any) -> None:
    executor = ending(ThreadExecutor(3, clock=CLOCK, name="mortal"))
    for number in range(3):
        executor.submit(call(number, lambda _: None), reports)
    reports.wait(3)
    workers = [t for t in threading.enumerate() if t.name.startswith("mortal")]
    assert workers
    executor.stop(1)
    for worker in workers:
        worker.join(20)
        assert not worker.is_alive()


def test_a_system_without_threads_refuses_the_call_and_keeps_nothing(
    executor: ThreadExecutor,
    call: Callable[..., Call],
    reports: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more)
        with pytest.raises(RuntimeError, match="can't start"):
            executor.submit(call(1, lambda _: "ran"), reports)
    assert executor.holding() == {}
    assert executor.free() == 2
    executor.submit(call(1, lambda _: "ran"), reports)
    assert reports.outcome(1) == Succeeded("ran")


def test_a_report_that_raises_is_logged(
    executor: ThreadExecutor, call: Callable[..., Call]
) -> None:
    lines: list[str] = []
    logged = threading.Event()

    def sink(message: str) -> None:
        lines.append(message)
        logged.set()

    handler = logger.add(sink, format="{message}")
    logger.enable("tocsin")
    try:
        executor.submit(call(7, lambda _: None), raising(ValueError("nobody listens")))
        assert logged.wait(20)
    finally:
        logger.disable("tocsin")
        logger.remove(handler)
    assert "the report of test 7 (7, 1) failed" in lines[0]
    assert "nobody listens" in lines[0]


def test_the_time_limit_counts_from_the_start_of_the_call(
    executor: ThreadExecutor, stuck: Any, reports: Any
) -> None:
    functions = [stuck(), stuck()]
    assert executor.next_deadline() is None
    before = CLOCK.monotonic()
    for number, timeout in enumerate([1, HOUR]):
        executor.submit(Call(number, 1, functions[number], timeout, "limited"), reports)
        assert functions[number].started.wait(20)
    executor.submit(Call(2, 1, lambda _: None, 1, "queued"), reports)
    assert executor.overdue() == [(0, 1)]
    assert before < (executor.next_deadline() or 0) <= CLOCK.monotonic()
    assert executor.expire((0, 1))
    reports.of((2, 1))
    deadline = executor.next_deadline() or 0
    assert before + HOUR <= deadline <= CLOCK.monotonic() + HOUR


def test_a_call_that_ignores_its_cancellation_is_overdue_in_the_end(
    executor: ThreadExecutor, stuck: Any, reports: Any
) -> None:
    function = stuck()
    executor.submit(Call(1, 1, function, 1, "limited"), reports)
    assert function.started.wait(20)
    assert executor.cancel((1, 1))
    assert executor.overdue() == [(1, 1)]
