from typing import Any

import pytest

from tocsin.actors.backoff import Backoff
from tocsin.actors.messages import RestartChild, TerminateChild
from tocsin.core.errors import ActorUnavailable, ChildRestarting

PATIENCE = 10.0
STEADY = Backoff(min=1, max=8, factor=2, jitter=0, reset_after=20)


def wait_of(house: Any, name: str) -> float:
    """Seconds that pass until a child that is down starts again."""
    starts = house.journal.of("start").count(name)
    for tenth in range(1, 1_000):
        house.clock.advance(0.1)
        if house.states()[name] == "running":
            house.journal.wait_for("start", name, times=starts + 1)
            return tenth / 10
    pytest.fail(f"{name} did not come back")


def test_a_child_that_keeps_dying_is_restarted_ever_more_slowly(house: Any) -> None:
    house.tree(house.spec("child"), intensity=100, backoff=STEADY)
    waits = []
    for _ in range(5):
        house.kill("child")
        assert house.states() == {"child": "restarting"}
        waits.append(wait_of(house, "child"))
    assert waits == [1.0, 2.0, 4.0, 8.0, 8.0]


def test_a_healthy_life_starts_the_pauses_over(house: Any) -> None:
    house.tree(house.spec("child"), intensity=100, backoff=STEADY)
    house.kill("child")
    wait_of(house, "child")
    house.clock.advance(20)
    house.kill("child")
    assert wait_of(house, "child") == 1.0


def test_each_child_has_pauses_of_its_own(house: Any) -> None:
    house.tree(house.spec("one"), house.spec("two"), intensity=100, backoff=STEADY)
    house.kill("one")
    wait_of(house, "one")
    house.kill("one")
    house.kill("two")
    assert wait_of(house, "two") == 1.0
    assert house.states() == {"one": "restarting", "two": "running"}


def test_a_failing_restart_waits_longer_each_time_and_counts(house: Any) -> None:
    tree = house.tree(house.spec("child"), intensity=3, period=1_000, backoff=STEADY)
    house.plans["child"] = lambda: 1 / 0
    house.kill("child")
    for seconds in (1, 2):
        house.clock.advance(seconds)
        assert house.states() == {"child": "restarting"}
    house.clock.advance(4)
    assert tree.wait(PATIENCE)
    assert "ZeroDivisionError" in str(tree.failure)


def test_a_child_that_cannot_start_is_not_healthy_however_long_it_tries(house: Any) -> None:
    house.tree(house.spec("child"), intensity=100, backoff=STEADY)
    house.plans["child"] = lambda: 1 / 0
    house.kill("child")
    for seconds in (1, 2, 4, 8, 8, 8, 8):
        house.clock.advance(seconds)
        assert house.states() == {"child": "restarting"}
    house.plans.clear()
    house.clock.advance(7.9)
    assert house.states() == {"child": "restarting"}
    house.clock.advance(0.1)
    assert house.states() == {"child": "running"}


def test_messages_wait_through_a_pause(house: Any) -> None:
    house.tree(house.spec("child"), backoff=STEADY)
    house.kill("child")
    waiting = house.registry.address("child").ask_later("patience")
    with pytest.raises(ActorUnavailable, match="being restarted"):
        house.registry.address("child", when_down="fail").tell("now")
    wait_of(house, "child")
    assert waiting.get(timeout=PATIENCE) == "patience"


def test_who_waits_for_its_restart_can_be_terminated_and_started_at_once(house: Any) -> None:
    house.tree(house.spec("child"), backoff=STEADY)
    house.kill("child")
    with pytest.raises(ChildRestarting):
        house.ask("top", RestartChild("child"))
    house.ask("top", TerminateChild("child"))
    house.clock.advance(10)
    assert house.states() == {"child": "stopped"}
    assert house.ask("top", RestartChild("child")).state == "running"


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_group_stops_at_once_and_comes_back_together(house: Any, strategy: str) -> None:
    house.tree(house.spec("one"), house.spec("two"), strategy=strategy, backoff=STEADY)
    house.kill("one")
    assert house.states() == {"one": "restarting", "two": "restarting"}
    house.journal.clear()
    assert wait_of(house, "two") == 1.0
    assert house.journal.of("start") == ["one", "two"]


def test_a_second_death_in_a_group_keeps_the_order(house: Any) -> None:
    house.tree(
        *(house.spec(name) for name in ("one", "two", "three")),
        strategy="rest_for_one",
        intensity=10,
        backoff=STEADY,
    )
    house.kill("three")
    house.kill("two")
    assert house.states() == {"one": "running", "two": "restarting", "three": "restarting"}
    house.journal.clear()
    assert wait_of(house, "three") == 1.0
    assert house.journal.of("start") == ["two", "three"]


def test_a_tree_stops_in_the_middle_of_a_pause(house: Any) -> None:
    tree = house.tree(house.spec("child"), backoff=STEADY)
    house.kill("child")
    assert tree.stop(PATIENCE)
    assert house.journal.of("start") == ["child"]
