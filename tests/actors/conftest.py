"""A house for actors: a registry, a clock that tests move, and a journal of what happened."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from loguru import logger
from tocsin.actors.base import Actor
from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import ChildInfo, Reason, WhichChildren
from tocsin.actors.registry import Registry
from tocsin.actors.strategies import Flags
from tocsin.actors.tree import Tree, start_tree
from tocsin.core.clock import SECOND, Clock, Waitable

PATIENCE = 10.0


class SettableClock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self._now = 0
        self._waiting: list[Any] = []
        self._lock = threading.Lock()

    def now(self) -> int:
        return self._now

    def monotonic(self) -> int:
        return self._now

    def wait(self, condition: Waitable, timeout: float | None) -> None:
        with self._lock:
            self._waiting.append(condition)
        condition.wait(PATIENCE)
        with self._lock:
            self._waiting.remove(condition)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += round(seconds * SECOND)
            waiting = list(self._waiting)
        for condition in waiting:
            with condition:
                condition.notify_all()


class Journal:
    """What happened, in order; a test waits for an event instead of sleeping."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self._changed = threading.Condition()

    def add(self, *event: Any) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, *event: Any, times: int = 1) -> None:
        with self._changed:
            seen = self._changed.wait_for(lambda: self.events.count(event) >= times, PATIENCE)
            assert seen, f"{event} did not happen {times} times: {self.events}"

    def of(self, kind: str) -> list[Any]:
        with self._changed:
            return [event[1] for event in self.events if event[0] == kind]

    def clear(self) -> None:
        with self._changed:
            self.events.clear()


class Probe(Actor):
    """Writes its life into the journal; a message that is a function is called with it."""

    def __init__(self, house: "House") -> None:
        super().__init__()
        self.house = house

    def on_start(self) -> None:
        plan = self.house.plans.get(self.name)
        if plan is not None:
            plan()
        self.house.journal.add("start", self.name)

    def on_stop(self, reason: Reason = "normal") -> None:
        kind = type(reason).__name__ if isinstance(reason, BaseException) else reason
        self.house.journal.add("stop", self.name)
        self.house.journal.add("reason", self.name, kind)

    def handle(self, message: Any) -> Any:
        return message(self) if callable(message) else message


@dataclass
class House:
    """Everything a test about actors needs, and the sweeping up afterwards."""

    clock: Clock
    registry: Registry = field(default_factory=Registry)
    journal: Journal = field(default_factory=Journal)
    plans: dict[str, Callable[[], None]] = field(default_factory=dict)
    trees: list[Tree] = field(default_factory=list)

    def spec(self, child_id: str, **options: Any) -> ChildSpec:
        return ChildSpec(child_id, lambda *_: Probe(self), **options)

    def tree(self, *specs: ChildSpec, name: str = "top", **flags: Any) -> Tree:
        tree = start_tree(self.registry, self.clock, name, specs, Flags(**flags))
        self.trees.append(tree)
        return tree

    def ask(self, name: str, message: Any) -> Any:
        return self.registry.address(name).ask(message, timeout=PATIENCE)

    def ref(self, name: str) -> Any:
        ref = self.registry.whereis(name)
        assert ref is not None, f"{name} does not run"
        return ref

    def actor(self, name: str) -> Any:
        return self.ask(name, lambda me: me)

    def kill(self, name: str, error: BaseException | None = None) -> Any:
        """Let an actor die of an exception; its supervisor has the news when this returns."""
        actor = self.actor(name)
        self.registry.address(name).tell(_raising(error or ValueError("killed")))
        assert actor.join(PATIENCE)
        return actor

    def end(self, name: str, reason: Reason = "normal") -> Any:
        """Let an actor end by itself; its supervisor has the news when this returns."""
        actor = self.actor(name)
        actor.stop(reason)
        assert actor.join(PATIENCE)
        return actor

    def children(self, name: str = "top") -> list[ChildInfo]:
        found: list[ChildInfo] = self.ask(name, WhichChildren())
        return found

    def states(self, name: str = "top") -> dict[str, str]:
        return {child.id: child.state for child in self.children(name)}

    def incarnations(self, name: str = "top") -> dict[str, int]:
        return {child.id: child.incarnation for child in self.children(name)}

    def incarnation(self, name: str) -> int:
        number: int = self.ask(name, lambda me: me.vitals.incarnation)
        return number

    def sweep(self) -> None:
        for tree in self.trees:
            assert tree.stop(PATIENCE), f"{tree.name} did not stop"


def _raising(error: BaseException) -> Callable[[Any], None]:
    def act(_: Any) -> None:
        raise error

    return act


@pytest.fixture
def house() -> Iterator[House]:
    made = House(SettableClock())
    yield made
    made.sweep()


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The lines that Tocsin logs, as "LEVEL message"; a library is silent unless it is enabled."""
    lines: list[str] = []
    logger.enable("tocsin")
    sink = logger.add(lambda line: lines.append(line.strip()), format="{level} {message}", level=0)
    yield lines
    logger.remove(sink)
    logger.disable("tocsin")
