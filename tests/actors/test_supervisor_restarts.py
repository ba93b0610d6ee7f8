import threading
from collections.abc import Callable
from typing import Any

import pytest

from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import (
    ChildDown,
    CountChildren,
    DeleteChild,
    RestartChild,
    TerminateChild,
)
from tocsin.actors.supervisor import Supervisor
from tocsin.core.errors import (
    ActorCrashed,
    ActorUnavailable,
    ChildRestarting,
    RestartsExhausted,
)

PATIENCE = 10.0
NAMES = ["one", "two", "three"]


def family(house: Any, **options: Any) -> list[ChildSpec]:
    return [house.spec(name, **options) for name in NAMES]


def failing_times(times: int, then: Callable[[], None] | None = None) -> Callable[[], None]:
    left = [times]

    def plan() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise ValueError("not yet")
        if then is not None:
            then()

    return plan


def always_failing() -> None:
    raise ValueError("never again")


def replaced(house: Any, was: dict[str, int]) -> list[str]:
    """The children that run in another life than `was`."""
    now = house.incarnations()
    return [name for name in was if house.states().get(name) == "running" and now[name] > was[name]]


# ---------------------------------------------------------------- permanent, transient, temporary


@pytest.mark.parametrize("reason", ["normal", "shutdown", "abnormal"])
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_permanent_transient_temporary__who_comes_back_after_what(
    house: Any, restart: str, reason: str
) -> None:
    house.tree(house.spec("child", restart=restart))
    before = house.incarnations()["child"]
    if reason == "abnormal":
        house.kill("child")
    else:
        house.end("child", reason)
    comes_back = restart == "permanent" or (restart == "transient" and reason == "abnormal")
    if comes_back:
        assert house.incarnations()["child"] > before
        assert house.children()[0].restarts == 1
        assert house.ask("child", "hello") == "hello"
    else:
        assert house.states() == ({} if restart == "temporary" else {"child": "stopped"})
        with pytest.raises(ActorUnavailable):
            house.ask("child", "hello")


# ---------------------------------------------------------------- strategies


def test_one_for_one__only_the_dead_child_is_replaced(house: Any) -> None:
    house.tree(*family(house))
    before = house.incarnations()
    house.kill("two")
    assert replaced(house, before) == ["two"]
    assert list(house.states().values()) == ["running"] * 3


def test_one_for_one__one_crash_too_many_ends_the_supervisor(house: Any) -> None:
    tree = house.tree(*family(house), intensity=2)
    for name in ("one", "two", "one"):
        house.kill(name)
    assert tree.wait(PATIENCE)
    assert isinstance(tree.failure, RestartsExhausted)
    assert isinstance(tree.failure.__cause__, ValueError)
    assert str(tree.failure).startswith("'top' gave up: child 'one' went down once more")
    assert house.registry.names() == []
    assert house.journal.of("stop")[-2:] == ["three", "two"]


def test_one_for_all__every_child_is_replaced(house: Any) -> None:
    house.tree(*family(house), strategy="one_for_all")
    before, old = house.incarnations(), [house.actor(name) for name in NAMES]
    house.journal.clear()
    house.kill("two")
    assert replaced(house, before) == NAMES
    assert all(actor.has_ended for actor in old)
    assert house.journal.of("stop") == ["two", "three", "one"]
    assert house.journal.of("start") == NAMES


def test_one_for_all__the_siblings_are_told_to_stop_and_do_not_crash(house: Any) -> None:
    house.tree(*family(house), strategy="one_for_all")
    house.kill("one")
    house.children()
    assert ("reason", "two", "shutdown") in house.journal.events
    assert ("reason", "three", "shutdown") in house.journal.events


def test_rest_for_one__only_those_started_later_are_replaced(house: Any) -> None:
    house.tree(*family(house), strategy="rest_for_one")
    before = house.incarnations()
    house.journal.clear()
    house.kill("two")
    assert replaced(house, before) == ["two", "three"]
    assert house.journal.of("stop") == ["two", "three"]
    assert house.journal.of("start") == ["two", "three"]


def test_one_for_all_other_child_fails_restart__those_restarted_before_it_start_over(
    house: Any,
) -> None:
    house.tree(*family(house), strategy="one_for_all", intensity=5)
    house.plans["two"] = failing_times(2)
    house.journal.clear()
    house.kill("three")
    house.journal.wait_for("start", "three")
    assert set(house.states().values()) == {"running"}
    assert house.journal.of("start") == ["one", "one", "one", "two", "three"]
    assert house.journal.of("stop") == ["three", "two", "one", "one", "one"]


def test_rest_for_one_other_child_fails_restart__the_retry_begins_there(house: Any) -> None:
    house.tree(*family(house), strategy="rest_for_one", intensity=5)
    house.plans["two"] = failing_times(2)
    house.journal.clear()
    house.kill("one")
    house.journal.wait_for("start", "three")
    assert set(house.states().values()) == {"running"}
    assert house.journal.of("start") == ["one", "two", "three"]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_temporary_bystander__it_goes_with_its_sibling_and_stays_away(
    house: Any, strategy: str
) -> None:
    house.tree(
        house.spec("one"), house.spec("two", restart="temporary"), strategy=strategy, intensity=3
    )
    house.kill("one")
    assert house.states() == {"one": "running"}
    with pytest.raises(ActorUnavailable):
        house.ask("two", "hello")


def test_order_of_children__a_group_restart_keeps_the_order(house: Any) -> None:
    house.tree(*family(house), strategy="one_for_all")
    house.kill("three")
    assert list(house.states()) == NAMES


# ---------------------------------------------------------------- the budget


def test_multiple_restarts__deaths_further_apart_than_the_period_never_add_up(house: Any) -> None:
    house.tree(house.spec("child"), intensity=1, period=1)
    for _ in range(10):
        house.kill("child")
        assert house.states() == {"child": "running"}
        house.clock.advance(1.001)
    assert house.children()[0].restarts == 10


def test_multiple_restarts__deaths_within_the_period_do(house: Any) -> None:
    tree = house.tree(house.spec("child"), intensity=1, period=1)
    house.kill("child")
    house.clock.advance(0.999)
    house.kill("child")
    assert tree.wait(PATIENCE)


def test_sup_flags__an_intensity_of_zero_allows_no_restart(house: Any) -> None:
    tree = house.tree(house.spec("child"), intensity=0)
    house.kill("child")
    assert tree.wait(PATIENCE)
    assert house.journal.of("start") == ["child"]


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_escalation__a_child_that_cannot_be_restarted_takes_all_down(
    house: Any, strategy: str
) -> None:
    tree = house.tree(*family(house), strategy=strategy, intensity=4)
    house.plans["one"] = always_failing
    house.kill("one")
    assert tree.wait(PATIENCE)
    assert "never again" in str(tree.failure)
    running = house.journal.of("start").count("three") - house.journal.of("stop").count("three")
    assert running == 0
    assert house.registry.names() == []


def test_escalation__a_nested_supervisor_that_gives_up_is_restarted_by_its_own(
    house: Any,
) -> None:
    inner = ChildSpec("inner", lambda: Supervisor([house.spec("deep")]), type="supervisor")
    house.tree(inner)
    before = house.incarnations()["inner"]
    house.kill("deep")
    house.kill("deep")
    house.journal.wait_for("start", "deep", times=3)
    assert house.incarnations()["inner"] > before
    assert house.states("inner") == {"deep": "running"}


def test_escalation__what_was_sent_to_a_grandchild_meanwhile_is_not_lost(house: Any) -> None:
    gate, entered = threading.Event(), threading.Event()

    def slow_start() -> None:
        entered.set()
        gate.wait(PATIENCE)

    inner = ChildSpec("inner", lambda: Supervisor([house.spec("deep")]), type="supervisor")
    house.tree(inner)
    supervisor, address = house.registry.whereis("inner"), house.registry.address("deep")
    house.plans["deep"] = slow_start
    supervisor.stop(block=False)
    assert entered.wait(PATIENCE)  # the second supervisor is at work
    waiting = address.ask_later("patience")
    gate.set()
    assert waiting.get(timeout=PATIENCE) == "patience"


# ---------------------------------------------------------------- while a restart keeps failing


@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one", "one_for_all"])
def test_hanging_restart_loop__the_supervisor_answers_meanwhile(house: Any, strategy: str) -> None:
    tree = house.tree(*family(house), strategy=strategy, intensity=1_000_000_000)
    house.plans["two"] = always_failing
    house.kill("two")
    assert house.states()["two"] == "restarting"
    assert house.children()[1].ref is None
    assert house.ask("top", CountChildren()).workers == 3
    with pytest.raises(ChildRestarting):
        house.ask("top", RestartChild("two"))
    with pytest.raises(ChildRestarting):
        house.ask("top", DeleteChild("two"))
    house.ask("top", TerminateChild("two"))
    assert house.states()["two"] == "stopped"
    house.plans.clear()
    house.ask("top", RestartChild("two"))
    assert house.states()["two"] == "running"
    assert tree.alive


@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one", "one_for_all"])
def test_hanging_restart_loop__the_supervisor_can_be_stopped(house: Any, strategy: str) -> None:
    tree = house.tree(*family(house), strategy=strategy, intensity=1_000_000_000)
    house.plans["two"] = always_failing
    house.kill("two")
    assert tree.stop(PATIENCE)
    assert tree.failure is None


@pytest.mark.parametrize("strategy", ["rest_for_one", "one_for_all"])
def test_hanging_restart_loop__the_rest_of_the_group_still_comes_back(
    house: Any, strategy: str
) -> None:
    house.tree(*family(house), strategy=strategy, intensity=1_000_000_000)
    house.plans["two"] = always_failing
    house.kill("two")
    house.ask("top", TerminateChild("two"))
    assert house.states() == {"one": "running", "two": "stopped", "three": "running"}


def test_count_restarting_children__they_are_counted_but_not_active(house: Any) -> None:
    house.tree(*family(house), intensity=1_000_000_000)
    house.plans["two"] = always_failing
    house.kill("two")
    counts = house.ask("top", CountChildren())
    assert (counts.specs, counts.active, counts.workers) == (3, 2, 3)


# ---------------------------------------------------------------- what threads add


def test_child_unlink__a_child_that_hangs_is_replaced_on_a_watchers_word(house: Any) -> None:
    gate, entered = threading.Event(), threading.Event()

    def hang(_: Any) -> None:
        entered.set()
        gate.wait(PATIENCE)

    house.tree(house.spec("child"))
    before = house.incarnations()["child"]
    hangs = house.registry.address("child").ask_later(hang)
    waits = house.registry.address("child").ask_later("for the next one")
    assert entered.wait(PATIENCE)
    house.registry.address("top").tell(ChildDown("child", before, TimeoutError("it hangs")))
    assert waits.get(timeout=PATIENCE) == "for the next one"
    with pytest.raises(ActorCrashed, match="replaced"):
        hangs.get(timeout=PATIENCE)
    assert house.incarnations()["child"] > before
    assert house.ask("top", CountChildren()).abandoned == 1
    gate.set()


def test_a_report_about_an_earlier_life_is_ignored(house: Any) -> None:
    house.tree(house.spec("child"))
    first = house.incarnations()["child"]
    house.kill("child")
    second = house.incarnations()["child"]
    house.registry.address("top").tell(ChildDown("child", first, ValueError("old news")))
    house.registry.address("top").tell(ChildDown("nobody", 1, ValueError("no news")))
    assert house.incarnations()["child"] == second
    assert house.children()[0].restarts == 1


def test_simple_global_supervisor__the_restarted_child_has_its_name_and_its_mail(
    house: Any,
) -> None:
    house.tree(house.spec("child"))
    old = house.ref("child")
    address = house.registry.address("child")
    house.kill("child")
    address.tell("while down")
    assert address.ask("hello", timeout=PATIENCE) == "hello"
    assert house.ref("child") is not old
    assert not old.is_alive()


def test_nothing_sent_during_a_storm_of_crashes_is_lost(house: Any) -> None:
    house.tree(house.spec("child"), intensity=1_000)
    address = house.registry.address("child")
    futures = []
    for number in range(300):
        futures.append(address.ask_later(number))
        if number % 10 == 0:
            address.tell(_raise)
    assert [future.get(timeout=PATIENCE) for future in futures] == list(range(300))


def _raise(_: Any) -> None:
    raise ValueError("storm")


def test_told_nonsense_does_not_kill_the_supervisor(house: Any) -> None:
    tree = house.tree(house.spec("child"))
    for nonsense in ("what?", TerminateChild("nobody"), DeleteChild("child")):
        house.registry.address("top").tell(nonsense)
    assert house.states() == {"child": "running"}
    assert tree.alive
