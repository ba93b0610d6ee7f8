"""A house for actors: a registry, a clock that tests move, and a journal of what happened."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tocsin.actors.base import Actor
from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import ChildInfo, Reason, WhichChildren
from tocsin.actors.registry import Registry
from tocsin.actors.strategies import Flags
from tocsin.actors.tree import Tree, start_tree
from tocsin.core.clock import Clock
from tocsin.core.errors import ActorUnavailable
from tocsin.testing import SettableClock

sys.path.insert(0, str(Path(__file__).parent))  # helpers are found by their names

PATIENCE = 10.0


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
        """Let an actor die of an exception; its supervisor has taken note when this returns."""
        return self._see_off(name, lambda _: self._tell(name, error or ValueError("killed")))

    def end(self, name: str, reason: Reason = "normal") -> Any:
        """Let an actor end by itself; its supervisor has taken note when this returns."""
        return self._see_off(name, lambda actor: actor.stop(reason))

    def _tell(self, name: str, error: BaseException) -> None:
        self.registry.address(name).tell(_raising(error))

    def _see_off(self, name: str, act: Callable[[Any], None]) -> Any:
        actor, owner = self.actor(name), self.registry._entries[name].owner
        act(actor)
        assert actor.join(PATIENCE)
        with suppress(ActorUnavailable):  # this death may have been one too many
            self.children(owner)
        return actor

    def children(self, name: str | None = "top") -> list[ChildInfo]:
        found: list[ChildInfo] = self.ask(name or "top", WhichChildren())
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
