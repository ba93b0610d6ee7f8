import threading
import time
from typing import Any

import pytest

from tocsin.actors.base import Actor
from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import ChildDown, CountChildren, Reason, StartChild, TerminateChild
from tocsin.actors.supervisor import Supervisor
from tocsin.core.errors import ActorCrashed, ActorUnavailable

PATIENCE = 10.0


class Slow(Actor):
    """Needs its time to stop."""

    def __init__(self, gate: threading.Event, stopping: threading.Event | None = None) -> None:
        super().__init__()
        self.gate = gate
        self.stopping = stopping or threading.Event()
        self.was: list[Reason] = []

    def on_stop(self, reason: Reason = "normal") -> None:
        self.stopping.set()
        self.gate.wait(PATIENCE)
        self.was.append(reason)

    def handle(self, message: Any) -> Any:
        return message(self)


def stop_in_thread(tree: Any) -> threading.Thread:
    thread = threading.Thread(target=lambda: tree.stop(PATIENCE), daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("nested", [False, True])
def test_sup_stop_infinity__it_waits_as_long_as_it_takes(house: Any, nested: bool) -> None:
    gate, stopping = threading.Event(), threading.Event()
    worker = ChildSpec("slow", lambda: Slow(gate, stopping), shutdown=None)
    inner = ChildSpec("inner", lambda: Supervisor([worker]), type="supervisor")
    tree = house.tree(inner if nested else worker)
    slow = house.actor("slow")
    stopper = stop_in_thread(tree)
    assert stopping.wait(PATIENCE)
    assert tree.alive
    gate.set()
    stopper.join(PATIENCE)
    assert not tree.alive
    assert slow.was == ["shutdown"]


def test_sup_stop_timeout__a_child_that_does_not_stop_in_time_is_given_up(house: Any) -> None:
    gate = threading.Event()
    tree = house.tree(
        house.spec("first"),
        ChildSpec("slow", lambda: Slow(gate), shutdown=0.05),
        house.spec("last"),
    )
    slow = house.actor("slow")
    assert tree.stop(PATIENCE)
    assert not slow.has_ended
    assert house.journal.of("stop") == ["last", "first"]
    assert ("reason", "first", "shutdown") in house.journal.events
    gate.set()
    assert slow.join(PATIENCE)


def test_sup_stop_timeout__the_askers_of_a_hung_child_are_told(house: Any) -> None:
    gate, entered = threading.Event(), threading.Event()

    def hang(_: Any) -> None:
        entered.set()
        gate.wait(PATIENCE)

    house.tree(house.spec("child", shutdown=0.01))
    address = house.registry.address("child")
    asked, next_in_line = address.ask_later(hang), address.ask_later("hello")
    assert entered.wait(PATIENCE)
    house.ask("top", TerminateChild("child"))
    with pytest.raises(ActorCrashed, match="replaced"):
        asked.get(timeout=PATIENCE)
    with pytest.raises(ActorUnavailable, match="was terminated"):
        next_in_line.get(timeout=PATIENCE)
    assert house.ask("top", CountChildren()).abandoned == 1
    gate.set()


def test_sup_stop_timeout__an_abandoned_thread_is_counted_until_it_ends(house: Any) -> None:
    gate = threading.Event()
    house.tree(ChildSpec("slow", lambda: Slow(gate), shutdown=0.01, restart="temporary"))
    slow = house.actor("slow")
    house.ask("top", TerminateChild("slow"))
    assert house.ask("top", CountChildren()).abandoned == 1
    gate.set()
    assert slow.join(PATIENCE)
    assert house.ask("top", CountChildren()).abandoned == 0


def test_sup_stop_timeout_dynamic__children_stop_together_and_share_the_time(house: Any) -> None:
    gate = threading.Event()
    tree = house.tree(
        ChildSpec("slow", lambda: Slow(gate), shutdown=0.2), strategy="simple_one_for_one"
    )
    for _ in range(20):
        house.ask("top", StartChild())
    began = time.monotonic()
    assert tree.stop(PATIENCE)
    assert time.monotonic() - began < 2  # one after the other it would take 4 s
    gate.set()


def test_sup_stop_brutal_kill__a_child_is_not_waited_for(house: Any) -> None:
    gate, entered = threading.Event(), threading.Event()

    def hang(_: Any) -> None:
        entered.set()
        gate.wait(PATIENCE)

    tree = house.tree(house.spec("polite"), house.spec("brute", shutdown="brutal"))
    asked = house.registry.address("brute").ask_later(hang)
    assert entered.wait(PATIENCE)
    assert tree.stop(PATIENCE)
    with pytest.raises(ActorCrashed):
        asked.get(timeout=PATIENCE)
    assert house.journal.of("stop") == ["polite"]
    gate.set()


def test_sup_stop_brutal_kill_dynamic__no_child_is_waited_for(house: Any) -> None:
    gate = threading.Event()
    tree = house.tree(
        ChildSpec("slow", lambda: Slow(gate), shutdown="brutal"), strategy="simple_one_for_one"
    )
    infos = [house.ask("top", StartChild()) for _ in range(3)]
    for info in infos:
        house.registry.address(info.name).tell(lambda _: gate.wait(PATIENCE))
    assert tree.stop(PATIENCE)
    gate.set()


def test_sup_stop_brutal_kill_dynamic__they_are_harmless_before_they_are_told(house: Any) -> None:
    told: list[bool] = []

    class Brute(Actor):
        def stop(self, reason: Reason = "normal") -> None:
            told.append(self.fenced)
            super().stop(reason)

    tree = house.tree(ChildSpec("brute", Brute, shutdown="brutal"), strategy="simple_one_for_one")
    for _ in range(3):
        house.ask("top", StartChild())
    assert tree.stop(PATIENCE)
    assert told == [True, True, True]


@pytest.mark.parametrize("strategy", ["one_for_one", "simple_one_for_one"])
@pytest.mark.parametrize("reason", ["normal", "shutdown", "other"])
def test_sup_stop_race__children_that_end_by_themselves_do_not_disturb(
    house: Any, strategy: str, reason: str
) -> None:
    go = threading.Event()

    class Racer(Actor):
        def on_stop(self, reason: Reason = "normal") -> None:
            go.set()

        def patience(self) -> float | None:
            return 0.001

        def idle(self) -> None:
            if go.is_set():
                if reason == "other":
                    raise ValueError("odd reason")
                self.stop(reason)  # type: ignore[arg-type]

    specs = [ChildSpec(f"racer {n}", Racer, shutdown=PATIENCE) for n in range(5)]
    dynamic = strategy == "simple_one_for_one"
    tree = house.tree(*(specs[:1] if dynamic else specs), strategy=strategy, intensity=100)
    for racer in house.children():
        house.registry.address(racer.name)
    if dynamic:
        for _ in range(5):
            house.ask("top", StartChild())
    assert tree.stop(PATIENCE)
    assert tree.failure is None


def test_sup_stop_non_shutdown_exit_dynamic__odd_ends_do_not_break_the_stop(house: Any) -> None:
    class Odd(Actor):
        def on_stop(self, reason: Reason = "normal") -> None:
            raise SystemExit

    tree = house.tree(ChildSpec("odd", Odd), strategy="simple_one_for_one")
    for _ in range(5):
        house.ask("top", StartChild())
    assert tree.stop(PATIENCE)
    assert tree.failure is None


def test_a_tree_that_hangs_is_given_up_as_a_whole(house: Any) -> None:
    gate = threading.Event()
    deep = ChildSpec("deep", lambda: Slow(gate), shutdown=None)
    inner = ChildSpec("inner", lambda: Supervisor([deep, house.spec("last")]), type="supervisor")
    tree = house.tree(house.spec("first"), inner)
    first = house.actor("first")
    assert tree.stop(0.05) is False
    assert not tree.alive
    assert house.registry.names() == []
    assert first.join(PATIENCE)
    assert house.journal.of("stop") == ["last"]  # given up means: no goodbye either
    gate.set()
    assert tree.supervisor.join(PATIENCE)


def test_a_supervisor_given_up_takes_its_children_with_it(house: Any) -> None:
    gate = threading.Event()
    deep = ChildSpec("deep", lambda: Slow(gate), shutdown=None)
    inner = ChildSpec(
        "inner",
        lambda: Supervisor([house.spec("below"), deep]),
        type="supervisor",
        shutdown=0.05,
    )
    house.tree(inner)
    below = house.actor("below")
    house.ask("top", TerminateChild("inner"))
    assert below.join(PATIENCE)
    assert house.registry.names() == ["top"]
    gate.set()


def test_a_hung_supervisor_is_replaced_with_all_its_children(house: Any) -> None:
    gate, stopping = threading.Event(), threading.Event()
    slow = ChildSpec("slow", lambda: Slow(gate, stopping), shutdown=None)
    inner = ChildSpec("inner", lambda: Supervisor([house.spec("deep"), slow]), type="supervisor")
    house.tree(inner)
    deep, supervisor = house.actor("deep"), house.registry.whereis("inner")
    supervisor.tell(TerminateChild("slow"))  # hangs until the gate opens
    assert stopping.wait(PATIENCE)
    waiting = house.registry.address("inner").ask_later(CountChildren())
    accusation = ChildDown("inner", house.incarnations()["inner"], TimeoutError("it hangs"))
    house.registry.address("top").tell(accusation)
    assert waiting.get(timeout=PATIENCE).active == 2
    assert deep.join(PATIENCE)
    assert house.actor("deep") is not deep
    assert house.journal.of("stop") == []
    gate.set()


def test_a_supervisor_given_up_while_it_starts_a_child_does_not_start_it(house: Any) -> None:
    def made_too_late() -> Any:
        house.registry.whereis("top")._actor_weakref().fence()
        return house.spec("late").start()

    tree = house.tree()
    house.registry.address("top").tell(StartChild(ChildSpec("late", made_too_late)))
    assert tree.supervisor.join(PATIENCE)
    assert house.journal.of("start") == []
    assert tree.stop(0) is False
    house.trees.remove(tree)


def test_a_supervisor_that_crashes_stops_its_children_first(house: Any) -> None:
    inner = ChildSpec("inner", lambda: Supervisor([house.spec("deep")]), type="supervisor")
    house.tree(inner)
    deep, supervisor = house.actor("deep"), house.registry.whereis("inner")
    supervisor.tell(ChildDown([], 0, "normal"))  # type: ignore[arg-type] - a bug in a message
    house.journal.wait_for("start", "deep", times=2)
    assert deep.has_ended
    assert house.states("inner") == {"deep": "running"}
