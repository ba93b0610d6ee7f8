"""The server is restarted and connections are cut under load: nobody helps, nothing is lost."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from postgres_server import Server

from tocsin import Tocsin, every, now
from tocsin.core.errors import StorageUnavailable

LIMIT = 30.0
WITHIN = 5.0
"""Seconds in which an outage shows in the health, and in which all is well again after it."""


class Load:
    """A service that is kept busy: what it acknowledged, and what it called."""

    def __init__(self, url: str) -> None:
        self.app = Tocsin(url, grace=1)
        self.acknowledged: list[str] = []
        self.calls: list[tuple[int, int]] = []
        self.refused = 0
        self._ended = threading.Event()
        self.app.handler("ring", retries=0)(self._ring)

    def _ring(self, ctx: Any) -> None:
        self.calls.append((ctx.run_id, ctx.attempt))

    @contextmanager
    def __call__(self) -> Iterator["Load"]:
        """Start the service and a caller who does not stop asking."""
        with self.app:
            self.app.schedule("ring", every("1s"), key="steady")
            caller = threading.Thread(target=self._ask)
            caller.start()
            try:
                yield self
            finally:
                self._ended.set()
                caller.join(LIMIT)

    def _ask(self) -> None:
        for number in itertools.count():
            if self._ended.wait(0.02):
                return
            try:
                self.app.schedule("ring", now(), key=f"k{number}")
            except StorageUnavailable:
                self.refused += 1
            else:
                self.acknowledged.append(f"k{number}")

    def lives(self) -> dict[str, int]:
        return {m.name: m.incarnation for m in self.app.registry.members()}

    def stop_asking(self) -> None:
        self._ended.set()

    def check(self) -> None:
        """Everything acknowledged is there, was called, and once for each attempt on record."""
        until(lambda: self.app.count().get("active", 0) == 1)
        stored = {task.key: task for task in self.app.tasks(status=["completed"])}
        assert set(self.acknowledged) <= set(stored)
        assert max(Counter(self.calls).values()) == 1, "an attempt was made twice"
        runs = {run.id: run for run in self.app.history(limit=100_000)}
        for run_id, attempt in self.calls:
            assert attempt <= runs[run_id].attempt
        done = {task.id for task in stored.values()}
        assert done <= {run.task_id for run in runs.values() if run.status == "succeeded"}


def until(true: Callable[[], Any], limit: float = LIMIT) -> float:
    """How many seconds it took until something was so."""
    began, pause = time.monotonic(), threading.Event()
    while True:
        try:
            if true():
                return time.monotonic() - began
        except StorageUnavailable:
            pass
        assert time.monotonic() - began < limit, "it did not become so in time"
        pause.wait(0.02)


def troubled(app: Tocsin) -> bool:
    assert app._engine is not None
    return app._engine.checkup.health().status == "degraded"


def serving(load: Load) -> Callable[[], bool]:
    """Whether it answers and calls again, from now on."""
    answers, calls = len(load.acknowledged), len(load.calls)
    return lambda: (
        len(load.acknowledged) > answers and len(load.calls) > calls and not troubled(load.app)
    )


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_is_restarted_under_load_loses_nothing_and_costs_no_actor_its_life(
    frail: Server, frail_url: str, mode: str
) -> None:
    load = Load(frail_url)
    with load():
        until(serving(load))
        before = load.lives()
        for _ in range(2):
            frail.stop(mode)
            assert until(lambda: troubled(load.app)) < WITHIN
            told = Tocsin(frail_url).health()
            assert told.status == "degraded", told
            assert "cannot be used right now" in str(told.problems)
            calls = len(load.calls)
            until(lambda refused=load.refused: load.refused > refused + 5)
            assert len(load.calls) <= calls + 10, "what was claimed before, and nothing else"
            frail.start()
            assert until(serving(load)) < WITHIN
        assert load.lives() == before
        assert load.refused
        load.stop_asking()
        load.check()


@pytest.mark.slow
def test_s33_connections_that_are_cut_again_and_again_lose_nothing(
    frail: Server, frail_url: str
) -> None:
    load = Load(frail_url)
    with load():
        until(serving(load))
        before = load.lives()
        for _ in range(10):
            assert frail.cut() >= 2
            assert until(serving(load)) < WITHIN
        assert load.lives() == before
        load.stop_asking()
        load.check()


def test_a_server_that_is_not_there_at_first_is_said_and_found_later(
    frail: Server, frail_url: str
) -> None:
    frail.stop()
    app = Tocsin(frail_url)
    with pytest.raises(StorageUnavailable, match="cannot be used right now"):
        app.start()
    frail.start()
    with app:
        assert app.running
