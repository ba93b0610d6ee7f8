import sys
import threading
from typing import Any

import pytest
from loguru import logger

from tocsin.actors.base import Actor, Ignore
from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import (
    ChildCounts,
    CountChildren,
    DeleteChild,
    GetChildSpec,
    RestartChild,
    StartChild,
)
from tocsin.actors.registry import Registry
from tocsin.actors.strategies import Flags
from tocsin.actors.supervisor import Supervisor
from tocsin.actors.tree import start_tree
from tocsin.core.errors import InvalidChild, NameTaken, StartFailed, UnknownChild

PATIENCE = 10.0


def ignoring() -> None:
    raise Ignore


def failing() -> None:
    raise ValueError("no disk")


def causes(error: BaseException) -> list[type[BaseException]]:
    found: list[type[BaseException]] = []
    link: BaseException | None = error
    while link is not None:
        found.append(type(link))
        link = link.__cause__
    return found


def test_sup_start_normal__an_empty_supervisor_starts_and_stops(house: Any) -> None:
    tree = house.tree()
    assert tree.alive
    assert house.children() == []
    assert tree.stop(PATIENCE)
    assert not tree.alive
    assert tree.failure is None
    assert house.registry.names() == []


def test_sup_start_ignore_init__a_supervisor_that_is_not_needed_harms_nobody(house: Any) -> None:
    class Unneeded(Supervisor):
        def on_start(self) -> None:
            raise Ignore

    house.tree(ChildSpec("inner", Unneeded, type="supervisor"), house.spec("worker"))
    assert house.states() == {"inner": "stopped", "worker": "running"}


def test_sup_start_ignore_child__it_stays_listed_without_an_actor(house: Any) -> None:
    house.plans["idle"] = ignoring
    house.tree(house.spec("idle"), house.spec("busy"))
    assert house.states() == {"idle": "stopped", "busy": "running"}
    assert house.children()[0].ref is None
    counts = house.ask("top", CountChildren())
    assert counts == ChildCounts(specs=2, active=1, supervisors=0, workers=2, abandoned=0)
    assert house.registry.names() == ["top", "busy"]


def test_sup_start_ignore_child__it_may_be_started_later(house: Any) -> None:
    house.plans["idle"] = ignoring
    house.tree(house.spec("idle"))
    house.plans.clear()
    assert house.ask("top", RestartChild("idle")).state == "running"


def test_sup_start_ignore_temporary_child__it_is_not_kept(house: Any) -> None:
    house.plans["idle"] = ignoring
    tree = house.tree(house.spec("idle", restart="temporary"), house.spec("busy"))
    assert house.states() == {"busy": "running"}
    assert tree.stop(PATIENCE)


def test_sup_start_ignore_temporary_child_start_child__it_is_not_kept(house: Any) -> None:
    house.plans["idle"] = ignoring
    house.tree()
    info = house.ask("top", StartChild(house.spec("idle", restart="temporary")))
    assert (info.state, info.ref) == ("stopped", None)
    assert house.children() == []


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
def test_sup_start_ignore_child_start_child_simple__a_dynamic_child_is_not_kept(
    house: Any, restart: str
) -> None:
    house.tree(
        ChildSpec("idle", _Ignoring, restart=restart),  # type: ignore[arg-type]
        strategy="simple_one_for_one",
    )
    assert house.ask("top", StartChild()).ref is None
    assert house.children() == []
    assert house.registry.names() == ["top"]


class _Ignoring(Actor):
    def on_start(self) -> None:
        raise Ignore


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (lambda: "not an actor", "must return a new .*Actor, not str"),
        (lambda: 1 / 0, "could not be made: ZeroDivisionError"),
        (lambda: sys.exit(1), "could not be made: SystemExit"),
    ],
)
def test_sup_start_error_return__what_makes_no_actor_is_a_start_error(
    house: Any, made: Any, complaint: str
) -> None:
    with pytest.raises(StartFailed, match=complaint):
        house.tree(ChildSpec("odd", made))


def test_sup_start_error_return__an_actor_that_was_started_before_is_refused(house: Any) -> None:
    used = Actor()
    house.tree()
    house.ask("top", StartChild(ChildSpec("used", lambda: used)))
    with pytest.raises(StartFailed, match="a new actor each time"):
        house.ask("top", StartChild(ChildSpec("again", lambda: used)))
    assert house.states() == {"used": "running"}


def test_sup_start_fail__a_child_that_fails_undoes_those_before_it(house: Any) -> None:
    house.plans["third"] = failing
    with pytest.raises(StartFailed, match=r"'top' could not start.*'third'.*no disk") as caught:
        house.tree(*(house.spec(name) for name in ("first", "second", "third", "fourth")))
    assert causes(caught.value) == [StartFailed, StartFailed, ValueError]
    assert house.journal.of("start") == ["first", "second"]
    assert house.journal.of("stop") == ["second", "first"]
    assert house.registry.names() == []


def test_faulty_application_shutdown__the_cause_reaches_the_top_caller(house: Any) -> None:
    house.plans["deep"] = failing
    inner = ChildSpec("inner", lambda: Supervisor([house.spec("deep")]), type="supervisor")
    with pytest.raises(StartFailed, match="no disk") as caught:
        house.tree(house.spec("first"), inner)
    assert causes(caught.value)[-1] is ValueError
    assert house.journal.of("stop") == ["first"]
    assert house.registry.names() == []


def test_faulty_application_shutdown__another_try_in_the_same_registry_works(house: Any) -> None:
    house.plans["second"] = failing
    specs = [house.spec("first"), house.spec("second")]
    with pytest.raises(StartFailed):
        house.tree(*specs)
    house.plans.clear()
    house.tree(*specs)
    assert set(house.states().values()) == {"running"}


def test_sup_start_fail__a_start_that_takes_too_long_is_given_up(house: Any) -> None:
    gate = threading.Event()
    house.plans["slow"] = lambda: gate.wait(PATIENCE)
    house.tree()
    with pytest.raises(StartFailed, match=r"'slow' was not ready within 0\.01 s"):
        house.ask("top", StartChild(house.spec("slow", start_timeout=0.01)))
    assert house.children() == []
    assert house.ask("top", CountChildren()).abandoned == 1
    gate.set()


def test_sup_start_child_returns_error__the_spec_is_not_added(house: Any) -> None:
    house.plans["bad"] = failing
    house.tree()
    with pytest.raises(StartFailed, match="no disk"):
        house.ask("top", StartChild(house.spec("bad")))
    assert house.children() == []
    assert house.registry.names() == ["top"]


def test_sup_restart_child_returns_error__the_spec_is_kept_as_stopped(house: Any) -> None:
    house.plans["idle"] = ignoring
    house.tree(house.spec("idle"))
    house.plans["idle"] = failing
    with pytest.raises(StartFailed, match="no disk"):
        house.ask("top", RestartChild("idle"))
    assert house.states() == {"idle": "stopped"}
    assert house.registry.names() == ["top"]


def test_sup_start_child_returns_error_simple__nothing_is_added(house: Any) -> None:
    class Bad(Actor):
        def on_start(self) -> None:
            failing()

    house.tree(ChildSpec("bad", Bad), strategy="simple_one_for_one")
    with pytest.raises(StartFailed, match="no disk"):
        house.ask("top", StartChild())
    assert house.children() == []


def test_sup_start_map__what_is_left_out_has_otps_defaults(house: Any) -> None:
    house.tree(house.spec("plain"))
    spec = house.ask("top", GetChildSpec("plain"))
    assert (spec.restart, spec.type, spec.shutdown) == ("permanent", "worker", 5.0)
    assert (spec.significant, spec.name) == (False, "plain")
    assert house.ask("top", GetChildSpec(house.ref("plain"))) == spec
    assert ChildSpec("inner", Supervisor, type="supervisor").shutdown is None
    flags = Flags()
    assert (flags.strategy, flags.intensity, flags.period) == ("one_for_one", 1, 5.0)
    assert flags.auto_shutdown == "never"


def test_sup_start_map_simple__a_dynamic_child_has_the_template_with_an_id_of_its_own(
    house: Any,
) -> None:
    template = house.spec("plain", restart="transient")
    house.tree(template, strategy="simple_one_for_one")
    info = house.ask("top", StartChild())
    spec = house.ask("top", GetChildSpec(info.id))
    assert spec.id == spec.name == info.id != template.id
    assert (spec.restart, spec.type, spec.shutdown) == ("transient", "worker", 5.0)
    assert spec.significant is False


def test_sup_start_map_faulty_specs__what_is_no_spec_is_refused(house: Any) -> None:
    house.tree()
    for wrong in (None, "alarm", {"id": "alarm"}, Actor):
        with pytest.raises(InvalidChild, match="ChildSpec"):
            house.ask("top", StartChild(wrong))
    with pytest.raises(InvalidChild, match="described by a ChildSpec"):
        Supervisor(["alarm"])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        ChildSpec(start=Actor)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        ChildSpec("alarm")  # type: ignore[call-arg]


def test_order_of_children__they_start_in_order_and_stop_in_reverse(house: Any) -> None:
    names = [f"child {number}" for number in range(5)]
    tree = house.tree(*map(house.spec, names))
    tree.stop(PATIENCE)
    assert house.journal.of("start") == names
    assert house.journal.of("stop") == names[::-1]


def test_already_started_outside_supervisor__a_strangers_name_is_a_clean_error(
    house: Any,
) -> None:
    stranger = Actor()
    stranger._start_actor_loop()
    house.registry.register("taken", stranger.actor_ref, 1)
    house.tree()
    with pytest.raises(NameTaken, match="'taken' belongs to another actor"):
        house.ask("top", StartChild(house.spec("taken")))
    assert house.children() == []
    assert house.registry.whereis("taken") is stranger.actor_ref
    with pytest.raises(UnknownChild):
        house.ask("top", DeleteChild("taken"))
    stranger.stop()
    assert stranger.join(PATIENCE)
    assert house.ask("top", StartChild(house.spec("taken"))).state == "running"


def test_already_started_outside_supervisor__two_trees_cannot_share_a_name(house: Any) -> None:
    house.tree()
    with pytest.raises(NameTaken, match="'top'"):
        house.tree()
    assert house.children() == []


def test_a_broken_log_leaves_nothing_running(house: Any, log: list[str]) -> None:
    def break_down(_: object) -> None:
        raise OSError("disk full")

    sink = logger.add(break_down, level=0, catch=False)
    try:
        with pytest.raises(StartFailed):
            house.tree(house.spec("first"))
    finally:
        logger.remove(sink)
    assert house.journal.of("stop") == ["first"]
    assert house.registry.names() == []


def test_an_interrupted_start_leaves_nothing_running(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, entered = threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        gate.wait(PATIENCE)

    def interrupted(event: threading.Event, timeout: float | None = None) -> bool:
        if threading.current_thread() is threading.main_thread() and not gate.is_set():
            assert entered.is_set() or waiting(entered, PATIENCE)
            gate.set()
            raise KeyboardInterrupt
        return waiting(event, timeout)

    house.plans["second"] = slow
    waiting = threading.Event.wait
    monkeypatch.setattr(threading.Event, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        house.tree(house.spec("first"), house.spec("second"), house.spec("third"))
    assert house.journal.of("start") == ["first", "second"]
    assert house.journal.of("stop") == ["second", "first"]
    assert house.registry.names() == []


def test_extra_return__what_a_child_says_about_itself_is_passed_on(house: Any) -> None:
    class Talker(Actor):
        def on_start(self) -> None:
            self.info = {"port": 8080}

    house.tree()
    assert house.ask("top", StartChild(ChildSpec("web", Talker))).info == {"port": 8080}
    assert house.children()[0].info == {"port": 8080}


def test_two_tocsins_in_one_process_do_not_know_each_other(house: Any) -> None:
    other = Registry()
    house.tree(house.spec("alarm"))
    tree = start_tree(other, house.clock, "top", [house.spec("alarm")])
    assert other.whereis("alarm") is not house.registry.whereis("alarm")
    tree.stop(PATIENCE)
    assert house.states() == {"alarm": "running"}
