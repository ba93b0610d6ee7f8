import time
from typing import Any

import pytest

from tocsin.actors.base import Actor
from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import CountChildren, StartChild, TerminateChild
from tocsin.actors.supervisor import Supervisor
from tocsin.core.clock import SystemClock

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _real_time(house: Any) -> None:
    house.clock = SystemClock()  # hundreds of actors, and none of them looks at the time


def static(house: Any, count: int) -> None:
    for number in range(count):
        house.ask("top", StartChild(ChildSpec(f"child {number}", Actor)))
    assert house.ask("top", CountChildren()).active == count


def timed(act: Any, *arguments: Any) -> float:
    """Seconds of work, whatever else the machine does meanwhile."""
    began = time.process_time()
    act(*arguments)
    return time.process_time() - began


def test_count_children__counts_are_right_with_many_children(house: Any) -> None:
    tree = house.tree()
    static(house, 300)
    assert len(house.children()) == 300
    for number in range(0, 300, 3):
        house.ask("top", TerminateChild(f"child {number}"))
    counts = house.ask("top", CountChildren())
    assert (counts.specs, counts.active, counts.workers) == (300, 200, 300)
    assert tree.stop(PATIENCE)
    assert house.registry.names() == []


@pytest.mark.parametrize("strategy", ["one_for_one", "simple_one_for_one"])
def test_scale_start_stop_many_children__the_time_grows_with_their_number(
    house: Any, strategy: str
) -> None:
    def start_and_stop(count: int) -> None:
        if strategy == "simple_one_for_one":
            template = [ChildSpec("child", Actor, restart="temporary")]
            tree = house.tree(*template, name=f"top {count}", strategy=strategy)
            messages = [StartChild() for _ in range(count)]
        else:
            tree = house.tree(name=f"top {count}")
            messages = [StartChild(ChildSpec(f"child {n}", Actor)) for n in range(count)]
        for message in messages:
            house.ask(f"top {count}", message)
        assert tree.stop(PATIENCE)

    few = timed(start_and_stop, 30)
    many = timed(start_and_stop, 300)
    assert many < 50 * few


def test_scale_many_temporary_children__they_come_and_go_and_leave_nothing(house: Any) -> None:
    house.tree(ChildSpec("child", Actor, restart="temporary"), strategy="simple_one_for_one")
    for _ in range(300):
        house.ask("top", TerminateChild(house.ask("top", StartChild()).ref))
    counts = house.ask("top", CountChildren())
    assert (counts.active, counts.workers) == (0, 0)
    assert house.registry.names() == ["top"]


def test_tree__restarts_are_local_at_every_depth(house: Any) -> None:
    def nest(depth: int) -> ChildSpec:
        if depth == 0:
            return house.spec("leaf")
        return ChildSpec(
            f"level {depth}",
            lambda: Supervisor([nest(depth - 1), house.spec(f"twig {depth}")]),
            type="supervisor",
        )

    house.tree(nest(5))
    upper = house.incarnations("level 2")
    house.kill("leaf")
    assert house.ask("leaf", "hello") == "hello"
    assert house.incarnations("level 2") == upper
    house.kill("leaf")
    house.journal.wait_for("start", "leaf", times=3)
    house.journal.wait_for("start", "twig 1", times=2)
    assert house.journal.of("start").count("twig 2") == 1
    assert house.ask("leaf", "hello") == "hello"
