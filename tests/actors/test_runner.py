"""The Runner alone: admits by importance, fills free slots, ends what takes too long."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tocsin.actors.attempts import Attempts
from tocsin.actors.calls import Calls
from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import CancelRuns, RunnerStarted, RunsFinished, StartRuns, WhatIsHeld
from tocsin.actors.runner import Runner
from tocsin.core.clock import SECOND
from tocsin.core.commands import RunFinished
from tocsin.core.errors import EntryRejected, InvalidMessage
from tocsin.core.limits import rank
from tocsin.core.work import Start
from tocsin.executors.base import Call
from tocsin.executors.threads import ThreadExecutor

PATIENCE = 10.0


class PlainCalls(Calls):
    """Calls a function of the test's instead of a stored entry."""

    def __init__(self, act: Any) -> None:
        self.act = act

    def lane(self, start: Start) -> str:
        return start.target

    def make(self, start: Start) -> Call:
        return Call(
            start.run_id, start.fence, lambda told: self.act(start, told), start.timeout, "x",
            rank(start.priority, start.due_at),
        )  # fmt: skip


class Told:
    """What the Scheduler is told, and finds in the book then."""

    def __init__(self, attempts: Attempts) -> None:
        self.messages: list[Any] = []
        self.changed = threading.Condition()
        self.attempts = attempts

    def put(self, message: Any) -> None:
        with self.changed:
            self.messages.append(message)
            if isinstance(message, RunsFinished):
                self.messages += self.attempts.fresh()
            self.changed.notify_all()

    def results(self, count: int) -> dict[int, RunFinished]:
        def found() -> dict[int, RunFinished]:
            return {m.run_id: m for m in self.messages if isinstance(m, RunFinished)}

        with self.changed:
            assert self.changed.wait_for(lambda: len(found()) >= count, PATIENCE), self.messages
            return found()


class Bench:
    def __init__(self, house: Any) -> None:
        self.house = house
        self.attempts = Attempts()
        self.told = Told(self.attempts)
        self.gate, self.entered = threading.Event(), threading.Semaphore(0)
        self.order: list[int] = []
        self.lane = ThreadExecutor(2, clock=house.clock, name="bench")
        calls = PlainCalls(self.act)
        runner = ChildSpec("runner", lambda: Runner(calls, {"threads": self.lane}, self.attempts))
        house.tree(house.spec("scheduler"))
        house.actor("scheduler").handle = self.told.put
        house.tree(runner, name="under")

    def act(self, start: Start, told: Any) -> str:
        self.order.append(start.run_id)
        if start.target == "reject":
            raise EntryRejected("no")
        self.entered.release()
        assert self.gate.wait(PATIENCE)
        return "done"

    def enter(self, count: int) -> None:
        assert all(self.entered.acquire(timeout=PATIENCE) for _ in range(count))

    def start(self, *starts: Start) -> None:
        self.house.ask("runner", StartRuns(starts))


def start(run_id: int, *, priority: int = 0, target: str = "threads", timeout: int = 0) -> Start:
    return Start(
        run_id=run_id, fence=1, attempt=1, task_id=run_id, key=None, tenant="t", target=target,
        entry_id=1, blob=b"", due_at=run_id, missed=(), timeout=timeout or None,
        priority=priority, previous=None,
    )  # fmt: skip


@pytest.fixture
def bench(house: Any) -> Iterator[Bench]:
    made = Bench(house)
    yield made
    made.gate.set()
    made.lane.stop(PATIENCE)


def test_what_waits_starts_by_importance_then_by_time(bench: Bench) -> None:
    bench.start(start(1), start(2))
    bench.enter(2)
    bench.start(
        start(9), start(5, priority=-1), start(7, priority=3), start(6), start(8, priority=3)
    )
    bench.gate.set()
    bench.told.results(7)
    assert bench.order[:2] == [1, 2]
    assert sorted(bench.order[2:4]) == [7, 8]
    assert sorted(bench.order[4:6]) == [6, 9]
    assert bench.order[6] == 5


def test_an_unknown_lane_falls_back_to_threads_where_the_entry_is_rejected(bench: Bench) -> None:
    bench.start(start(1, target="reject"))
    result = bench.told.results(1)[1]
    assert (result.outcome, result.error) == ("rejected", "no")


def test_a_call_that_takes_too_long_is_ended_at_its_limit_and_not_before(
    house: Any, bench: Bench
) -> None:
    bench.start(start(1, timeout=5 * SECOND), start(2, timeout=60 * SECOND), start(3))
    bench.enter(2)
    house.clock.advance(4)
    assert house.ask("runner", WhatIsHeld()) == {(1, 1), (2, 1), (3, 1)}
    assert bench.attempts.results() == []
    house.clock.advance(1)
    result = bench.told.results(1)[1]
    assert (result.outcome, result.error) == ("timed_out", "it took longer than its timeout")
    bench.enter(1)  # the slot is served again while the thread still hangs
    assert bench.order == [1, 2, 3]


def test_a_cancelled_call_that_waits_is_never_made(house: Any, bench: Bench) -> None:
    bench.start(start(1), start(2), start(3), start(4))
    bench.enter(2)
    house.ask("runner", CancelRuns(((3, 1), (4, 9), (77, 1))))
    assert bench.told.results(1)[3].outcome == "cancelled"
    bench.gate.set()
    assert set(bench.told.results(4)) == {1, 2, 3, 4}
    assert 3 not in bench.order


def test_a_new_runner_keeps_what_runs_and_what_waits(house: Any, bench: Bench) -> None:
    bench.start(start(1), start(2), start(3), start(4))
    bench.enter(2)
    incarnation = house.incarnations("under")["runner"]
    house.registry.address("runner").tell(Poison())
    for _ in range(200):
        if house.incarnations("under")["runner"] != incarnation:
            break
        house.clock.advance(1)
    assert house.ask("runner", WhatIsHeld()) == {(n, 1) for n in range(1, 5)}
    assert bench.attempts.results() == []
    assert any(isinstance(m, RunnerStarted) for m in bench.told.messages)
    bench.gate.set()
    results = bench.told.results(4)
    assert {result.outcome for result in results.values()} == {"succeeded"}
    assert sorted(bench.order) == [1, 2, 3, 4]


def test_what_was_admitted_and_never_handed_over_is_given_back(house: Any, bench: Bench) -> None:
    bench.attempts.admit([start(7)])
    incarnation = house.incarnations("under")["runner"]
    house.registry.address("runner").tell(Poison())
    for _ in range(200):
        if house.incarnations("under")["runner"] != incarnation:
            break
        house.clock.advance(1)
    assert house.ask("runner", WhatIsHeld()) == {(7, 1)}
    assert [r.outcome for r in bench.attempts.results()] == ["interrupted"]


class Poison:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise SystemExit("poison")


def test_a_result_stays_in_the_book_until_it_is_confirmed(bench: Bench) -> None:
    bench.gate.set()
    bench.start(start(1))
    bench.told.results(1)
    assert bench.attempts.alive() == {(1, 1)}
    bench.attempts.confirm([(1, 1), (5, 5)])
    assert bench.attempts.alive() == frozenset()


def test_a_message_that_it_does_not_understand_is_refused(house: Any, bench: Bench) -> None:
    with pytest.raises(InvalidMessage):
        house.ask("runner", {"wake": "up"})
