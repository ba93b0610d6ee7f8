"""What the tests of every executor share: a collector of reports, calls by number, clean ends."""

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tocsin.core.entry import Cancellation
from tocsin.executors.base import Call, Claim, Executor, Outcome, Report

PATIENCE = 20.0


class Reports:
    """Collects reports; its methods wait for them."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self.all: list[Report] = []

    def __call__(self, report: Report) -> None:
        with self._arrived:
            self.all.append(report)
            self._arrived.notify_all()

    def wait(self, count: int) -> list[Report]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.all) >= count, PATIENCE), self.all
            return list(self.all)

    def outcome(self, run_id: int) -> Outcome:
        return self.of((run_id, 1)).outcome

    def of(self, claim: Claim) -> Report:
        with self._arrived:
            found = [r for r in self.all if r.claim == claim]
            while not found:
                assert self._arrived.wait(PATIENCE), self.all
                found = [r for r in self.all if r.claim == claim]
            (report,) = found
            return report


class Stuck:
    """A function that ignores its cancellation and returns when the test ends."""

    def __init__(self, release: threading.Event) -> None:
        self.started = threading.Event()
        self.ended = threading.Event()
        self._release = release

    def __call__(self, _: Cancellation) -> str:
        self.started.set()
        self._release.wait(PATIENCE)
        self.ended.set()
        return "too late"


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def call() -> Callable[..., Call]:
    def make(run_id: int, function: Callable[[Cancellation], Any], fence: int = 1) -> Call:
        return Call(run_id, fence, function, timeout=None, label=f"test {run_id}")

    return make


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Set when the test is over: whatever waits for it ends."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def stuck(release: threading.Event) -> Callable[[], Stuck]:
    return lambda: Stuck(release)


@pytest.fixture
def ending(release: threading.Event) -> Iterator[Callable[[Executor], Any]]:
    """Register an executor that is stopped when the test is over."""
    executors: list[Executor] = []

    def register(executor: Executor) -> Executor:
        executors.append(executor)
        return executor

    yield register
    release.set()
    for executor in executors:
        executor.stop(0.0)


@pytest.fixture
def watch() -> Iterator[Callable[[int], Callable[[], bool]]]:
    """Watch a process by its id; what this returns waits until the process has ended."""
    with ExitStack() as stack:

        def by_id(pid: int) -> Callable[[], bool]:
            descriptor = os.pidfd_open(pid)
            stack.callback(os.close, descriptor)
            return lambda: bool(select.select([descriptor], [], [], PATIENCE)[0])

        yield by_id
