import random
import threading
from typing import Any

import pykka
import pytest

from tocsin.actors.base import Actor
from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import ChildDown, RestartChild, TerminateChild
from tocsin.actors.strategies import Flags
from tocsin.actors.supervisor import Supervisor
from tocsin.core.clock import SystemClock
from tocsin.core.errors import TocsinError

PATIENCE = 30.0
CHILDREN = ["one", "two", "three"]
ALL = [*CHILDREN, "deep one", "deep two"]


class Echo(Actor):
    batch = 3

    def handle(self, message: Any) -> Any:
        return message(self) if callable(message) else message


class Attacker:
    """Does every kind of harm at random, and keeps what it was promised."""

    def __init__(self, house: Any, seed: int) -> None:
        self.house = house
        self.chance = random.Random(seed)
        self.promises: list[pykka.Future[Any]] = []

    def attack(self) -> None:
        for _ in range(300):
            act = self.chance.choices(
                [self.ask, self.crash, self.stop, self.accuse, self.administrate],
                weights=[80, 10, 3, 3, 4],
            )[0]
            try:
                act(self.chance.choice(ALL))
            except TocsinError:
                continue

    def ask(self, name: str) -> None:
        self.promises.append(self.house.registry.address(name).ask_later("hello"))

    def crash(self, name: str) -> None:
        error = self.chance.choice([ValueError, SystemExit, KeyboardInterrupt])
        self.promises.append(self.house.registry.address(name).ask_later(lambda _: _raise(error)))

    def stop(self, name: str) -> None:
        ref = self.house.registry.whereis(name)
        if ref is not None:
            ref.stop(block=False)

    def accuse(self, _: str) -> None:
        child = self.chance.choice(self.house.children())
        accusation = ChildDown(child.id, child.incarnation, TimeoutError("it seems to hang"))
        self.house.registry.address("top").tell(accusation)

    def administrate(self, _: str) -> None:
        name = self.chance.choice(CHILDREN)
        self.house.ask("top", TerminateChild(name))
        self.house.ask("top", RestartChild(name))


def _raise(error: type[BaseException]) -> None:
    raise error


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_in_a_storm_every_question_is_answered_and_nothing_is_left_behind(
    house: Any, strategy: Any
) -> None:
    house.clock = SystemClock()
    inner = ChildSpec(
        "inner",
        lambda: Supervisor(
            [ChildSpec("deep one", Echo), ChildSpec("deep two", Echo)],
            Flags(strategy, intensity=3, period=0.01),
        ),
        type="supervisor",
    )
    before = set(threading.enumerate())
    tree = house.tree(
        *(ChildSpec(name, Echo) for name in CHILDREN),
        inner,
        strategy=strategy,
        intensity=1_000_000,
    )
    attackers = [Attacker(house, seed) for seed in range(3)]
    threads = [threading.Thread(target=attacker.attack) for attacker in attackers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert tree.alive
    assert tree.stop(PATIENCE)
    for attacker in attackers:
        for promise in attacker.promises:
            _settle(promise)
    assert house.registry.names() == []
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def _settle(promise: pykka.Future[Any]) -> None:
    try:
        promise.get(timeout=PATIENCE)
    except (ValueError, TocsinError):
        return
