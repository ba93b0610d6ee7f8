from typing import Any

import pytest

from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import StartChild, TerminateChild
from tocsin.actors.strategies import Flags
from tocsin.actors.supervisor import Supervisor
from tocsin.core.errors import InvalidChild

PATIENCE = 10.0
MODES = ["any_significant", "all_significant"]


def pair(house: Any, restart: str, **options: Any) -> list[ChildSpec]:
    return [
        house.spec("one", restart=restart, significant=True, **options),
        house.spec("two", restart=restart, significant=True, **options),
        house.spec("helper"),
    ]


def still_runs(house: Any, tree: Any) -> bool:
    house.children()
    return bool(tree.alive)


@pytest.mark.parametrize("mode", ["never", *MODES])
@pytest.mark.parametrize("restart", ["temporary", "transient"])
def test_nonsignificant__their_ends_never_shut_anything_down(
    house: Any, restart: str, mode: str
) -> None:
    tree = house.tree(
        house.spec("one", restart=restart), house.spec("two", restart=restart), auto_shutdown=mode
    )
    house.end("one")
    house.end("two", "shutdown")
    assert still_runs(house, tree)


@pytest.mark.parametrize("reason", ["normal", "shutdown"])
@pytest.mark.parametrize("restart", ["temporary", "transient"])
def test_significant_any__the_first_end_shuts_the_supervisor_down(
    house: Any, restart: str, reason: str
) -> None:
    tree = house.tree(*pair(house, restart), auto_shutdown="any_significant")
    house.end("one", reason)
    assert tree.wait(PATIENCE)
    assert tree.failure is None
    assert house.journal.of("stop") == ["one", "helper", "two"]


@pytest.mark.parametrize("restart", ["temporary", "transient"])
def test_significant_all__only_the_last_end_shuts_the_supervisor_down(
    house: Any, restart: str
) -> None:
    tree = house.tree(*pair(house, restart), auto_shutdown="all_significant")
    house.end("one")
    assert still_runs(house, tree)
    house.end("two")
    assert tree.wait(PATIENCE)


@pytest.mark.parametrize("mode", MODES)
def test_significant_temporary__an_abnormal_end_counts_too(house: Any, mode: str) -> None:
    tree = house.tree(house.spec("one", restart="temporary", significant=True), auto_shutdown=mode)
    house.kill("one")
    assert tree.wait(PATIENCE)


@pytest.mark.parametrize("mode", MODES)
def test_significant_transient__an_abnormal_end_is_a_restart_and_no_shutdown(
    house: Any, mode: str
) -> None:
    tree = house.tree(house.spec("one", restart="transient", significant=True), auto_shutdown=mode)
    house.kill("one")
    assert house.states() == {"one": "running"}
    assert tree.alive


@pytest.mark.parametrize("mode", MODES)
def test_significant__terminating_through_the_api_does_not_count(house: Any, mode: str) -> None:
    tree = house.tree(*pair(house, "transient"), auto_shutdown=mode)
    house.ask("top", TerminateChild("one"))
    assert still_runs(house, tree)
    house.ask("top", TerminateChild("two"))
    assert still_runs(house, tree)


def test_significant_all__who_was_terminated_is_not_waited_for(house: Any) -> None:
    tree = house.tree(*pair(house, "transient"), auto_shutdown="all_significant")
    house.ask("top", TerminateChild("one"))
    house.end("two")
    assert tree.wait(PATIENCE)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_significant_bystander__being_taken_along_does_not_count(
    house: Any, strategy: str, mode: str
) -> None:
    tree = house.tree(
        house.spec("crasher"),
        house.spec("bystander", restart="temporary", significant=True),
        strategy=strategy,
        auto_shutdown=mode,
    )
    house.kill("crasher")
    assert house.states() == {"crasher": "running"}
    assert tree.alive


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("restart", ["temporary", "transient"])
def test_significant_simple__dynamic_children_can_be_significant(
    house: Any, restart: str, mode: str
) -> None:
    tree = house.tree(
        house.spec("session", restart=restart, significant=True),
        strategy="simple_one_for_one",
        auto_shutdown=mode,
    )
    names = [house.ask("top", StartChild()).name for _ in range(3)]
    house.ask("top", TerminateChild(house.ref(names[0])))
    assert still_runs(house, tree)
    house.end(names[1])
    if mode == "all_significant":
        assert still_runs(house, tree)
        house.end(names[2])
    assert tree.wait(PATIENCE)


def inner(house: Any, *, significant: bool) -> ChildSpec:
    return ChildSpec(
        "inner",
        lambda: Supervisor(
            [house.spec("deep", restart="temporary", significant=True)],
            Flags(auto_shutdown="any_significant"),
        ),
        type="supervisor",
        restart="transient",
        significant=significant,
    )


def test_significant_escalation__it_climbs_through_significant_supervisors(house: Any) -> None:
    tree = house.tree(inner(house, significant=True), auto_shutdown="any_significant")
    house.end("deep")
    assert tree.wait(PATIENCE)


def test_significant_escalation__and_stops_at_one_that_is_not(house: Any) -> None:
    tree = house.tree(inner(house, significant=False), auto_shutdown="any_significant")
    supervisor = house.registry.whereis("inner")
    house.end("deep")
    supervisor.actor_stopped.wait(PATIENCE)
    house.journal.wait_for("stop", "deep")
    assert tree.alive


def test_bad_combination__significant_needs_a_supervisor_that_cares(house: Any) -> None:
    tree = house.tree()
    with pytest.raises(InvalidChild, match="auto_shutdown is never"):
        house.ask("top", StartChild(house.spec("child", restart="temporary", significant=True)))
    assert tree.alive
    with pytest.raises(InvalidChild, match="auto_shutdown is never"):
        Supervisor([house.spec("child", restart="transient", significant=True)])
