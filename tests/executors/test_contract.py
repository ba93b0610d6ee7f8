"""What every executor promises, tried on each of them."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tocsin.core.clock import SystemClock
from tocsin.core.entry import Cancellation
from tocsin.core.errors import EntryRejected, ExecutorStopped
from tocsin.executors.asyncio import AsyncioExecutor
from tocsin.executors.base import (
    Call,
    Cancelled,
    Executor,
    Failed,
    Rejected,
    Succeeded,
    TimedOut,
)
from tocsin.executors.command import Command, CommandExecutor
from tocsin.executors.processes import Job, ProcessExecutor
from tocsin.executors.threads import ThreadExecutor

CLOCK = SystemClock()


@dataclass(frozen=True)
class Kind:
    """One executor, and what it takes to have it do the same as the others."""

    make: Callable[[int], Executor]
    quick: Any
    result: Any
    failing: Any
    endless: Any


KINDS = {
    "threads": Kind(
        make=lambda slots: ThreadExecutor(slots, clock=CLOCK),
        quick=lambda: 42,
        result=42,
        failing=lambda: 1 // 0,
        endless=None,
    ),
    "asyncio": Kind(
        make=lambda slots: AsyncioExecutor(slots, clock=CLOCK),
        quick=lambda: asyncio.sleep(0, 42),
        result=42,
        failing=lambda: 1 // 0,
        endless=lambda: asyncio.sleep(1000),
    ),
    "command": Kind(
        make=lambda slots: CommandExecutor(slots, clock=CLOCK),
        quick=lambda: Command(("echo", "42")),
        result={"exit_code": 0, "output": "42\n"},
        failing=lambda: Command(("false",)),
        endless=lambda: Command(("sleep", "1000")),
    ),
    "processes": Kind(
        make=lambda slots: ProcessExecutor(slots, clock=CLOCK),
        quick=lambda: Job("operator", "mul", (6, 7)),
        result=42,
        failing=lambda: Job("operator", "truediv", (1, 0)),
        endless=lambda: Job("time", "sleep", (1000,)),
    ),
}


class Bench:
    """An executor under test, with calls that all kinds can make."""

    def __init__(self, kind: Kind, executor: Executor, call: Any, stuck: Any, reports: Any) -> None:
        self.kind, self.executor, self.reports = kind, executor, reports
        self._call, self._stuck = call, stuck

    def quick(self, run_id: int) -> None:
        self.submit(run_id, lambda _: self.kind.quick())

    def submit(self, run_id: int, function: Callable[[Cancellation], Any]) -> None:
        self.executor.submit(self._call(run_id, function), self.reports)

    def submit_all(self, run_ids: list[int]) -> None:
        calls = [self._call(run_id, lambda _: self.kind.quick()) for run_id in run_ids]
        self.executor.submit_all(calls, self.reports)

    def endless(self, run_id: int) -> None:
        """Submit a call that does not end by itself, and wait until it runs."""
        if self.kind.endless is None:
            function = self._stuck()
            self.submit(run_id, function)
            assert function.started.wait(20)
            return
        started = threading.Event()

        def begin(_: Cancellation) -> Any:
            started.set()
            return self.kind.endless()

        self.submit(run_id, begin)
        assert started.wait(20)


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def bench(kind: Kind, ending: Any, call: Callable[..., Call], stuck: Any, reports: Any) -> Bench:
    """One slot, so that a second call is always queued."""
    return Bench(kind, ending(kind.make(1)), call, stuck, reports)


def test_a_call_is_reported_with_its_result_and_its_times(bench: Bench) -> None:
    before = CLOCK.now()
    bench.quick(1)
    (report,) = bench.reports.wait(1)
    assert report.claim == (1, 1)
    assert report.outcome == Succeeded(bench.kind.result)
    assert before <= report.started_at <= report.finished_at <= CLOCK.now()


def test_many_calls_at_once_are_each_reported_and_a_held_claim_only_once(bench: Bench) -> None:
    bench.endless(1)
    bench.submit_all([1, 2, 2, 3])
    assert set(bench.executor.holding()) == {(1, 1), (2, 1), (3, 1)}
    bench.executor.expire((1, 1))
    bench.reports.wait(3)
    assert sorted(report.claim for report in bench.reports.all) == [(1, 1), (2, 1), (3, 1)]


def test_a_failing_call_is_reported_as_failed(bench: Bench) -> None:
    bench.submit(1, lambda _: bench.kind.failing())
    outcome = bench.reports.outcome(1)
    assert isinstance(outcome, Failed)
    assert outcome.retryable


def test_an_entry_that_is_rejected_before_the_call_is_reported_so(bench: Bench) -> None:
    def reject(_: Cancellation) -> None:
        raise EntryRejected("the signature does not match")

    bench.submit(1, reject)
    assert bench.reports.outcome(1) == Rejected("the signature does not match")


def test_an_expired_call_times_out_and_its_slot_is_served_again(bench: Bench) -> None:
    bench.endless(1)
    bench.quick(2)
    assert bench.executor.expire((1, 1))
    assert bench.reports.outcome(1) == TimedOut()
    assert bench.reports.outcome(2) == Succeeded(bench.kind.result)


def test_only_a_running_call_expires(bench: Bench) -> None:
    bench.endless(1)
    bench.quick(2)
    assert not bench.executor.expire((2, 1))
    assert not bench.executor.expire((1, 2))
    assert not bench.executor.expire((99, 1))
    assert bench.reports.all == []


def test_a_queued_call_that_is_cancelled_never_starts(bench: Bench) -> None:
    touched = threading.Event()
    bench.endless(1)
    bench.submit(2, lambda _: touched.set())
    assert bench.executor.cancel((2, 1))
    report = bench.reports.of((2, 1))
    assert report.outcome == Cancelled()
    assert report.started_at is None
    assert not bench.executor.cancel((2, 1))
    bench.executor.expire((1, 1))
    bench.quick(3)
    bench.reports.of((3, 1))
    assert not touched.is_set()


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "threads"], indirect=True)
def test_a_running_call_that_can_be_killed_ends_when_it_is_cancelled(bench: Bench) -> None:
    bench.endless(1)
    assert bench.executor.cancel((1, 1))
    assert bench.reports.outcome(1) == Cancelled()


def test_what_is_held_and_what_is_free_is_known_at_every_moment(bench: Bench) -> None:
    assert bench.executor.free() == 1
    before = CLOCK.monotonic()
    bench.endless(1)
    bench.quick(2)
    held = bench.executor.holding()
    assert list(held) == [(1, 1), (2, 1)]
    assert before <= (held[1, 1] or 0) <= CLOCK.monotonic()
    assert held[2, 1] is None
    assert bench.executor.free() == 0


def test_the_slot_is_free_and_the_claim_still_held_while_it_is_reported(
    kind: Kind, ending: Any, call: Callable[..., Call]
) -> None:
    executor = ending(kind.make(1))
    seen: list[tuple[int, bool]] = []
    done = threading.Event()

    def report(_: Any) -> None:
        seen.append((executor.free(), (1, 1) in executor.holding()))
        done.set()

    executor.submit(call(1, lambda _: kind.quick()), report)
    assert done.wait(20)
    assert seen == [(1, True)]


def test_a_claim_that_is_held_is_not_run_twice(bench: Bench) -> None:
    bench.endless(1)
    bench.quick(1)
    assert list(bench.executor.holding()) == [(1, 1)]
    assert bench.executor.expire((1, 1))
    bench.quick(2)
    bench.reports.of((2, 1))
    assert bench.reports.all[0].outcome == TimedOut()
    assert len(bench.reports.all) == 2


def test_stop_returns_what_did_not_end_and_reports_none_of_it(bench: Bench) -> None:
    bench.endless(1)
    for run_id in range(2, 102):
        bench.quick(run_id)
    began = time.monotonic()
    unfinished = bench.executor.stop(0.05)
    assert time.monotonic() - began < 10
    assert sorted(unfinished) == [(run_id, 1) for run_id in range(1, 102)]
    assert bench.executor.stop(0.05) == unfinished
    assert bench.executor.holding() == {}
    assert bench.executor.free() == 0
    assert bench.reports.all == []


def test_a_stopped_executor_takes_no_more_calls(bench: Bench) -> None:
    assert bench.executor.stop(0.0) == []
    with pytest.raises(ExecutorStopped, match="takes no more calls"):
        bench.quick(1)


def test_a_call_that_ends_within_the_grace_is_reported(bench: Bench) -> None:
    entered = threading.Event()

    def slow(cancellation: Any) -> Any:
        entered.set()
        assert cancellation._signal().wait(20)  # the stop has begun; the call does not know
        return bench.kind.quick()

    bench.submit(1, slow)
    assert entered.wait(20)
    assert bench.executor.stop(20) == []
    assert bench.reports.outcome(1) == Succeeded(bench.kind.result)


def test_a_report_that_raises_is_survived(bench: Bench, call: Callable[..., Call]) -> None:
    def broken(_: Any) -> None:
        raise SystemExit("whoever listens is broken")

    bench.executor.submit(call(1, lambda _: bench.kind.quick()), broken)
    bench.quick(2)
    assert bench.reports.outcome(2) == Succeeded(bench.kind.result)
    assert bench.executor.free() == 1


def test_an_executor_without_slots_is_refused(kind: Kind) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        kind.make(-1)
