import gc
import weakref
from typing import Any

import pytest

from tocsin.actors.base import Actor, Ignore
from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import (
    ChildCounts,
    CountChildren,
    DeleteChild,
    RestartChild,
    StartChild,
    TerminateChild,
)
from tocsin.actors.strategies import Flags
from tocsin.actors.supervisor import Supervisor
from tocsin.core.errors import InvalidChild, UnknownChild

PATIENCE = 10.0


class Session(Actor):
    """Made from arguments, which it can tell."""

    refusing = False

    def __init__(self, *args: Any) -> None:
        super().__init__()
        self.args = args

    def on_start(self) -> None:
        if Session.refusing:
            raise Ignore

    def handle(self, message: Any) -> Any:
        return message(self) if callable(message) else self.args


@pytest.fixture(autouse=True)
def willing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "refusing", False)


def sessions(house: Any, **options: Any) -> Any:
    flags = {
        name: options.pop(name) for name in ("intensity", "period", "backoff") if name in options
    }
    return house.tree(
        ChildSpec("session", Session, **options), strategy="simple_one_for_one", **flags
    )


def start(house: Any, *args: Any) -> Any:
    return house.ask("top", StartChild(args=args))


def test_simple_one_for_one__no_child_is_started_before_it_is_asked_for(house: Any) -> None:
    sessions(house)
    assert house.children() == []
    counts = house.ask("top", CountChildren())
    assert counts == ChildCounts(specs=1, active=0, supervisors=0, workers=0, abandoned=0)


def test_simple_one_for_one_extra__each_child_restarts_with_its_own_arguments(house: Any) -> None:
    sessions(house, intensity=2)
    anna, bert = start(house, "anna", 1), start(house, "bert", 2)
    assert anna.name != bert.name
    house.kill(anna.name)
    house.kill(bert.name)
    assert house.ask(anna.name, "who?") == ("anna", 1)
    assert house.ask(bert.name, "who?") == ("bert", 2)
    assert [child.restarts for child in house.children()] == [1, 1]


def test_simple_one_for_one__only_the_dead_child_is_replaced(house: Any) -> None:
    sessions(house)
    names = [start(house, n).name for n in range(3)]
    before = house.incarnations()
    house.kill(names[1])
    now = house.incarnations()
    assert [now[name] > before[name] for name in names] == [False, True, False]


def test_simple_one_for_one_escalation__too_many_deaths_end_it(house: Any) -> None:
    tree = sessions(house, intensity=1)
    name = start(house).name
    house.kill(name)
    house.kill(name)
    assert tree.wait(PATIENCE)
    assert tree.failure is not None


def test_simple_one_for_one_shutdown__all_children_are_stopped(house: Any) -> None:
    tree = sessions(house)
    actors = [house.actor(start(house, n).name) for n in range(10)]
    assert tree.stop(PATIENCE)
    assert all(actor.has_ended for actor in actors)


def test_simple_one_for_one_restart_ignore__a_child_that_is_not_needed_any_more_is_gone(
    house: Any,
) -> None:
    sessions(house)
    name = start(house).name
    Session.refusing = True
    house.kill(name)
    assert house.children() == []
    assert name not in house.registry.names()


def test_transient_dynamic_children_are_gone_after_their_end(house: Any) -> None:
    sessions(house, restart="transient")
    name = start(house).name
    house.end(name)
    assert house.children() == []


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
def test_simple_one_for_one_corruption__arguments_of_temporary_children_are_not_kept(
    house: Any, restart: str
) -> None:
    class Luggage:
        pass

    class Traveller(Actor):
        def __init__(self, luggage: Luggage) -> None:
            super().__init__()

    luggage = Luggage()
    seen = weakref.ref(luggage)
    spec = ChildSpec("traveller", Traveller, restart=restart)  # type: ignore[arg-type]
    house.tree(spec, strategy="simple_one_for_one")
    house.ask("top", StartChild(args=(luggage,)))
    del luggage
    house.children()
    gc.collect()
    assert (seen() is None) == (restart == "temporary")


def test_child_adm_simple__a_child_is_terminated_by_its_ref_or_its_own_id(house: Any) -> None:
    sessions(house)
    anna, bert = start(house, "anna"), start(house, "bert")
    house.ask("top", TerminateChild(anna.ref))
    house.ask("top", TerminateChild(bert.id))
    assert house.children() == []
    assert house.registry.names() == ["top"]


def test_child_adm_simple__the_templates_id_is_nobody(house: Any) -> None:
    sessions(house)
    start(house)
    with pytest.raises(UnknownChild):
        house.ask("top", TerminateChild("session"))
    for message in (RestartChild, DeleteChild):
        with pytest.raises(InvalidChild, match="simple_one_for_one"):
            house.ask("top", message("session"))


def test_child_adm_simple__a_foreign_actor_is_not_found_and_left_alive(house: Any) -> None:
    sessions(house)
    foreign = Actor()
    foreign._start_actor_loop()
    with pytest.raises(UnknownChild):
        house.ask("top", TerminateChild(foreign.actor_ref))
    assert foreign.actor_ref.is_alive()
    foreign.stop()
    assert foreign.join(PATIENCE)


def test_child_adm_simple__it_takes_arguments_and_no_spec(house: Any) -> None:
    sessions(house)
    with pytest.raises(InvalidChild, match="pass args"):
        house.ask("top", StartChild(house.spec("other")))
    house.tree(name="static")
    with pytest.raises(InvalidChild, match="without args"):
        house.ask("static", StartChild(house.spec("other"), args=(1,)))


@pytest.mark.parametrize("count", [0, 2])
def test_child_specs__a_dynamic_supervisor_has_one_template(house: Any, count: int) -> None:
    specs = [house.spec(f"session {n}") for n in range(count)]
    with pytest.raises(InvalidChild, match="exactly one ChildSpec"):
        Supervisor(specs, Flags(strategy="simple_one_for_one"))


def test_which_children_simple_one_for_one__all_are_listed_and_counted(house: Any) -> None:
    sessions(house)
    started = [start(house, n) for n in range(5)]
    assert [child.id for child in house.children()] == [info.id for info in started]
    counts = house.ask("top", CountChildren())
    assert counts == ChildCounts(specs=1, active=5, supervisors=0, workers=5, abandoned=0)


def test_hanging_restart_loop_simple__the_supervisor_answers_and_stops(house: Any) -> None:
    broken: list[bool] = []

    class Fragile(Actor):
        def on_start(self) -> None:
            if broken:
                raise ValueError("broken")

        def handle(self, message: Any) -> Any:
            return message(self)

    tree = house.tree(
        ChildSpec("fragile", Fragile), strategy="simple_one_for_one", intensity=1_000_000_000
    )
    first, second = house.ask("top", StartChild()), house.ask("top", StartChild())
    broken.append(True)
    house.kill(first.name)
    assert house.states() == {first.id: "restarting", second.id: "running"}
    counts = house.ask("top", CountChildren())
    assert (counts.active, counts.workers) == (1, 2)
    house.ask("top", TerminateChild(first.id))
    assert house.states() == {second.id: "running"}
    house.kill(second.name)
    assert tree.stop(PATIENCE)


def test_tree__dynamic_children_of_a_restarted_supervisor_are_gone(house: Any) -> None:
    inner = ChildSpec(
        "inner",
        lambda: Supervisor(
            [ChildSpec("session", Session)], Flags(strategy="simple_one_for_one", intensity=0)
        ),
        type="supervisor",
    )
    house.tree(inner)
    names = [house.ask("inner", StartChild()).name for _ in range(3)]
    old = house.incarnations()["inner"]
    supervisor = house.registry.whereis("inner")
    house.kill(names[0])
    assert supervisor.actor_stopped.wait(PATIENCE)
    assert house.ask("inner", CountChildren()).active == 0
    assert house.incarnations()["inner"] > old
    assert house.registry.names() == ["top", "inner"]
