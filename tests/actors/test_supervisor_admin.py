import gc
import weakref
from typing import Any

import pytest

from tocsin.actors.base import Actor
from tocsin.actors.child import ChildSpec
from tocsin.actors.messages import (
    ChildCounts,
    CountChildren,
    DeleteChild,
    Down,
    GetChildSpec,
    RestartChild,
    StartChild,
    TerminateChild,
)
from tocsin.actors.supervisor import Supervisor
from tocsin.core.errors import (
    ActorUnavailable,
    ChildExists,
    ChildRunning,
    InvalidChild,
    StartFailed,
    UnknownChild,
)

PATIENCE = 10.0


def test_child_adm__a_child_is_started_once(house: Any) -> None:
    house.tree(house.spec("child"))
    first = house.incarnations()
    with pytest.raises(ChildExists, match="has a child 'child', which is running"):
        house.ask("top", StartChild(house.spec("child")))
    assert house.incarnations() == first
    house.ask("top", TerminateChild("child"))
    with pytest.raises(ChildExists, match="which is stopped: restart it, or delete it"):
        house.ask("top", StartChild(house.spec("child")))


def test_child_adm__terminating_is_idempotent(house: Any) -> None:
    house.tree(house.spec("child"), house.spec("other"))
    before = house.incarnations()
    house.ask("top", TerminateChild("child"))
    house.ask("top", TerminateChild("child"))
    assert house.states() == {"child": "stopped", "other": "running"}
    assert house.incarnations() == before
    assert ("reason", "child", "shutdown") in house.journal.events


def test_child_adm__a_terminated_child_can_be_restarted(house: Any) -> None:
    house.tree(house.spec("child"))
    with pytest.raises(ChildRunning):
        house.ask("top", RestartChild("child"))
    house.ask("top", TerminateChild("child"))
    with pytest.raises(ActorUnavailable):
        house.ask("child", "hello")
    info = house.ask("top", RestartChild("child"))
    assert (info.id, info.state, info.ref) == ("child", "running", house.ref("child"))
    assert house.ask("child", "hello") == "hello"


def test_child_adm__only_a_stopped_child_is_deleted(house: Any) -> None:
    house.tree(house.spec("child"))
    with pytest.raises(ChildRunning, match="terminate it first"):
        house.ask("top", DeleteChild("child"))
    house.ask("top", TerminateChild("child"))
    house.ask("top", DeleteChild("child"))
    assert house.children() == []
    assert house.ask("top", StartChild(house.spec("child"))).state == "running"


@pytest.mark.parametrize("message", [TerminateChild, RestartChild, DeleteChild, GetChildSpec])
def test_child_adm__an_unknown_child_is_named_with_the_one_that_was_meant(
    house: Any, message: Any
) -> None:
    house.tree(house.spec("scheduler"))
    with pytest.raises(UnknownChild, match="no child 'sheduler'; did you mean 'scheduler'"):
        house.ask("top", message("sheduler"))


def test_child_adm__a_terminated_temporary_child_is_gone(house: Any) -> None:
    house.tree(house.spec("child", restart="temporary"))
    house.ask("top", TerminateChild("child"))
    assert house.children() == []
    with pytest.raises(UnknownChild):
        house.ask("top", RestartChild("child"))


def test_child_adm__a_child_can_be_named_by_its_ref(house: Any) -> None:
    house.tree(house.spec("child"))
    ref = house.ref("child")
    house.ask("top", TerminateChild(ref))
    assert house.states() == {"child": "stopped"}
    with pytest.raises(UnknownChild, match="not a child of 'top'"):
        house.ask("top", TerminateChild(ref))


def test_child_adm__no_message_is_lost_on_a_child_that_is_terminated(house: Any) -> None:
    house.tree(house.spec("child"))
    address = house.registry.address("child")
    futures = [address.ask_later(number) for number in range(500)]
    house.ask("top", TerminateChild("child"))
    answers = 0
    for future in futures:
        try:
            future.get(timeout=PATIENCE)
        except ActorUnavailable:
            continue
        answers += 1
    assert answers <= 500  # each was answered, one way or the other


def test_child_specs__a_duplicate_name_is_refused(house: Any) -> None:
    house.tree(house.spec("alarm"))
    with pytest.raises(InvalidChild, match="'alarm' belongs to another"):
        house.ask("top", StartChild(house.spec("other", name="alarm")))
    assert house.states() == {"alarm": "running"}
    assert house.ask("alarm", "still there?") == "still there?"


def test_child_specs__a_stopped_child_has_no_power_over_who_has_its_name_now(house: Any) -> None:
    house.tree(house.spec("first", name="alarm"))
    house.ask("top", TerminateChild("first"))
    house.ask("top", StartChild(house.spec("second", name="alarm")))
    house.ask("top", TerminateChild("first"))
    with pytest.raises(InvalidChild, match="'alarm' belongs to another"):
        house.ask("top", RestartChild("first"))
    assert house.states() == {"first": "stopped", "second": "running"}
    assert house.ask("alarm", "still there?") == "still there?"


def test_a_child_may_have_another_name_than_id(house: Any) -> None:
    house.tree(house.spec("1", name="alarm"))
    assert house.ask("alarm", "hello") == "hello"
    assert house.children()[0].name == "alarm"


def test_which_children__they_are_listed_in_start_order(house: Any) -> None:
    inner = ChildSpec("inner", Supervisor, type="supervisor")
    house.tree(house.spec("one"), inner, house.spec("three"))
    house.ask("top", TerminateChild("three"))
    listed = [(child.id, child.state, child.type) for child in house.children()]
    assert listed == [
        ("one", "running", "worker"),
        ("inner", "running", "supervisor"),
        ("three", "stopped", "worker"),
    ]
    assert house.children()[0].ref == house.ref("one")
    assert house.children()[2].ref is None


def test_count_children_supervisor__supervisors_and_workers_are_told_apart(house: Any) -> None:
    inner = ChildSpec("inner", Supervisor, type="supervisor")
    house.tree(house.spec("one"), inner, house.spec("three"))
    house.ask("top", TerminateChild("inner"))
    counts = house.ask("top", CountChildren())
    assert counts == ChildCounts(specs=3, active=2, supervisors=1, workers=2, abandoned=0)


def test_do_not_save_child_specs_for_temporary_children__nothing_is_held_on_to(
    house: Any,
) -> None:
    class Luggage:
        pass

    luggage = Luggage()
    seen = weakref.ref(luggage)
    house.tree()

    def spec(kept: Luggage) -> ChildSpec:
        return ChildSpec("child", lambda: _carrying(kept), restart="temporary")

    house.ask("top", StartChild(spec(luggage)))
    del luggage
    house.children()  # the supervisor has moved on to another message
    gc.collect()
    assert seen() is None
    assert house.states() == {"child": "running"}
    assert house.ask("top", GetChildSpec("child")).restart == "temporary"


def _carrying(_: object) -> Actor:
    return Actor()


def test_watching__a_restart_is_silent_and_an_end_is_told_once(house: Any) -> None:
    heard: list[Any] = []

    class Watcher(Actor):
        def handle(self, message: Any) -> Any:
            heard.append(message)

    house.tree(house.spec("child"), ChildSpec("watcher", Watcher))
    house.registry.watch("child", "watcher")
    house.kill("child")
    house.children()
    house.ask("top", TerminateChild("child"))
    house.ask("top", TerminateChild("child"))
    house.ask("watcher", "flush")
    assert heard == [Down("child", "'child' was terminated"), "flush"]


def test_external_start_no_progress_log__a_child_that_fails_is_never_said_to_run(
    house: Any, log: list[str]
) -> None:
    house.tree()
    house.plans["bad"] = lambda: 1 / 0
    with pytest.raises(StartFailed, match="ZeroDivisionError"):
        house.ask("top", StartChild(house.spec("bad")))
    house.ask("top", StartChild(house.spec("good")))
    assert [line for line in log if "runs" in line] == ["DEBUG top: child good runs"]


def test_format_log__a_restart_says_who_why_how_and_what_is_left(
    house: Any, log: list[str]
) -> None:
    house.tree(house.spec("child"), intensity=2)
    house.kill("child")
    house.children()
    assert (
        "WARNING top: child child is down (ValueError: killed): "
        "one_for_one restart in 0 s; 1 more within 5 s"
    ) in log
    assert any(line.startswith("ERROR child died: ValueError: killed") for line in log)
