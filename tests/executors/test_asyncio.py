import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tocsin.core.clock import SECOND, SystemClock
from tocsin.core.entry import Cancellation
from tocsin.core.errors import EntryRejected
from tocsin.executors.asyncio import PATIENCE, AsyncioExecutor
from tocsin.executors.base import Call, Cancelled, Failed, Rejected, Succeeded, TimedOut

CLOCK = SystemClock()


class SlidingClock(SystemClock):
    """The real clock, moved forward by hand."""

    def __init__(self) -> None:
        self.ahead = 0

    def monotonic(self) -> int:
        return super().monotonic() + self.ahead


@pytest.fixture
def executor(ending: Any) -> AsyncioExecutor:
    found: AsyncioExecutor = ending(AsyncioExecutor(clock=CLOCK, name="loop"))
    return found


def test_ten_thousand_calls_wait_at_the_same_time(
    executor: AsyncioExecutor, call: Callable[..., Call], reports: Any
) -> None:
    waiting, everybody = 0, asyncio.Event()

    async def wait() -> int:
        nonlocal waiting
        waiting += 1
        if waiting == 10_000:
            everybody.set()
        await everybody.wait()
        return waiting

    for number in range(10_000):
        executor.submit(call(number, lambda _: wait()), reports)
    found = reports.wait(10_000)
    assert len({report.claim for report in found}) == 10_000
    assert all(report.outcome == Succeeded(10_000) for report in found)


def test_no_more_calls_run_at_once_than_there_are_slots(
    call: Callable[..., Call], reports: Any, ending: Any
) -> None:
    executor = ending(AsyncioExecutor(3, clock=CLOCK))
    running, peak = 0, 0

    async def count() -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0)
        running -= 1

    for number in range(100):
        executor.submit(call(number, lambda _: count()), reports)
    reports.wait(100)
    assert peak == 3


def test_a_cancelled_coroutine_may_clean_up_and_is_reported_afterwards(
    executor: AsyncioExecutor, call: Callable[..., Call], reports: Any
) -> None:
    steps: list[str] = []
    started = threading.Event()

    async def handler() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")

    executor.submit(call(1, lambda _: handler()), reports)
    assert started.wait(20)
    assert executor.cancel((1, 1))
    assert reports.outcome(1) == Cancelled()
    assert steps == ["cleaned up"]


def test_a_coroutine_that_refuses_to_be_cancelled_expires_all_the_same(
    executor: AsyncioExecutor, call: Callable[..., Call], reports: Any
) -> None:
    started, refused, late = threading.Event(), threading.Event(), threading.Event()

    async def stubborn() -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            refused.set()
            await asyncio.get_running_loop().run_in_executor(None, late.wait, 20)
        return "too late"

    executor.submit(call(1, lambda _: stubborn()), reports)
    assert started.wait(20)
    executor.cancel((1, 1))
    assert refused.wait(20)
    assert executor.expire((1, 1))
    assert reports.outcome(1) == TimedOut()
    late.set()
    executor.submit(call(2, lambda _: asyncio.sleep(0, "next")), reports)
    assert reports.outcome(2) == Succeeded("next")
    executor.stop(20)
    assert len(reports.all) == 2


def test_a_call_that_another_one_cancels_before_its_first_step_has_failed(
    executor: AsyncioExecutor, call: Callable[..., Call], reports: Any
) -> None:
    ran = threading.Event()

    async def vandal() -> None:
        executor.submit(call(2, lambda _: ran.set()), reports)
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    executor.submit(call(1, lambda _: vandal()), reports)
    assert reports.outcome(1) == Succeeded(None)
    assert reports.outcome(2).kind == "CancelledError"
    assert not ran.is_set()


@pytest.mark.parametrize("error", [SystemExit(2), KeyboardInterrupt(), MemoryError()])
def test_whatever_a_coroutine_raises_is_only_this_calls_failure(
    executor: AsyncioExecutor, call: Callable[..., Call], reports: Any, error: BaseException
) -> None:
    async def handler() -> None:
        await asyncio.sleep(0)
        raise error

    executor.submit(call(1, lambda _: handler()), reports)
    assert reports.outcome(1).kind == type(error).__name__
    executor.submit(call(2, lambda _: asyncio.sleep(0, "alive")), reports)
    assert reports.outcome(2) == Succeeded("alive")


def test_a_subtask_that_exits_does_not_take_the_loop_with_it(
    executor: AsyncioExecutor, call: Callable[..., Call], reports: Any
) -> None:
    async def subtask() -> None:
        raise SystemExit(3)

    async def handler() -> str:
        with pytest.raises(SystemExit):
            await asyncio.ensure_future(subtask())
        return "survived"

    executor.submit(call(1, lambda _: handler()), reports)
    assert reports.outcome(1) == Succeeded("survived")


def test_a_coroutine_that_cancels_itself_has_failed(
    executor: AsyncioExecutor, call: Callable[..., Call], reports: Any
) -> None:
    async def handler() -> None:
        raise asyncio.CancelledError

    executor.submit(call(1, lambda _: handler()), reports)
    assert reports.outcome(1).kind == "CancelledError"


def test_only_what_is_raised_before_the_coroutine_runs_is_a_rejection(
    executor: AsyncioExecutor, call: Callable[..., Call], reports: Any
) -> None:
    def reject(_: Cancellation) -> None:
        raise EntryRejected("bad signature")

    async def handler() -> None:
        raise EntryRejected("some other entry")

    executor.submit(call(1, reject), reports)
    executor.submit(call(2, lambda _: handler()), reports)
    assert reports.outcome(1) == Rejected("bad signature")
    assert isinstance(reports.outcome(2), Failed)


def test_a_blocked_loop_is_replaced_and_ends_when_it_is_free_again(
    call: Callable[..., Call], stuck: Any, reports: Any, release: threading.Event, ending: Any
) -> None:
    clock = SlidingClock()
    executor = ending(AsyncioExecutor(clock=clock, name="blocked"))
    blocker, bystander = stuck(), threading.Event()

    async def wait() -> str:
        bystander.set()
        await asyncio.sleep(0.01)
        return "late, but not lost"

    executor.submit(call(1, lambda _: wait()), reports)
    assert bystander.wait(20)
    executor.submit(call(2, blocker), reports)
    assert blocker.started.wait(20)
    loop_thread = next(t for t in threading.enumerate() if t.name == "blocked")
    executor.submit(call(3, lambda _: asyncio.sleep(0, "served")), reports)
    clock.ahead = PATIENCE + SECOND
    assert executor.expire((2, 1))
    assert reports.outcome(2) == TimedOut()
    assert reports.outcome(3) == Succeeded("served")
    assert executor.abandoned == 1

    release.set()
    assert reports.outcome(1) == Succeeded("late, but not lost")
    loop_thread.join(20)
    assert not loop_thread.is_alive()
    assert executor.abandoned == 0


def test_the_loop_ends_when_the_executor_stops(
    executor: AsyncioExecutor, call: Callable[..., Call], reports: Any
) -> None:
    executor.submit(call(1, lambda _: asyncio.Event().wait()), reports)
    executor.submit(call(2, lambda _: asyncio.sleep(0)), reports)
    reports.of((2, 1))
    thread = next(t for t in threading.enumerate() if t.name == "loop")
    assert executor.stop(0.0) == [(1, 1)]
    thread.join(20)
    assert not thread.is_alive()


def test_what_still_runs_when_the_loop_ends_may_clean_up(
    executor: AsyncioExecutor, call: Callable[..., Call], reports: Any
) -> None:
    started, cleaned = threading.Event(), threading.Event()

    async def subtask() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    kept: list[Any] = []

    async def handler() -> None:
        kept.append(asyncio.create_task(subtask()))

    executor.submit(call(1, lambda _: handler()), reports)
    assert started.wait(20)
    assert executor.stop(20) == []
    assert cleaned.wait(20)
