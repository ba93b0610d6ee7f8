"""Actors that hang are found, replaced, and harmless; those that only take long are left alone."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pykka
import pytest

from tocsin.actors.base import Actor
from tocsin.actors.checkup import Checkup
from tocsin.actors.child import ChildSpec
from tocsin.actors.clockwatch import ClockWatch
from tocsin.actors.messages import Look, TerminateChild
from tocsin.actors.strategies import Flags
from tocsin.actors.supervisor import Supervisor
from tocsin.actors.tree import TOP, Tree
from tocsin.actors.vitals import REAL_TIME
from tocsin.actors.warden import HELD_UP, MOST_ABANDONED, Warden
from tocsin.core.clock import SECOND
from tocsin.core.commands import Suspended
from tocsin.core.errors import (
    ActorCrashed,
    Fenced,
    Hung,
    InvalidMessage,
    RestartsExhausted,
    TooManyHung,
)

PATIENCE = 10.0
LIMIT = 0.2


class Sleeper(Actor):
    """Calls what it is told, or hangs in it."""

    busy_limit: float | None = LIMIT

    def handle(self, message: Any) -> Any:
        return message(self) if callable(message) else message


class Ward:
    """A tree with a Warden that looks often."""

    def __init__(self, house: Any, folder: Path) -> None:
        self.house = house
        self.folder = folder
        self.gate = threading.Event()
        self.tree: Tree

    def start(self, *specs: ChildSpec, most: int = MOST_ABANDONED, **flags: Any) -> None:
        clock = self.house.clock
        self.watch = ClockWatch(clock)
        path = self.folder / "health.json"
        self.checkup = Checkup(self.house.registry, {}, clock, path, self.watch)
        warden = ChildSpec("warden", lambda: Warden(self.checkup, most_abandoned=most))
        options = {"intensity": 100, "period": 60.0, **flags}
        self.tree = self.house.tree(*specs, warden, name=TOP, **options)

    def hang(self, name: str) -> pykka.Future[Any]:
        """Let an actor wait for something that does not come; it does when this returns."""
        begun = threading.Event()

        def wait(_: Actor) -> None:
            begun.set()
            self.gate.wait(PATIENCE)

        future = self.house.registry.address(name).ask_later(wait)
        assert begun.wait(PATIENCE)
        return future  # type: ignore[no-any-return]


@pytest.fixture
def ward(house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    monkeypatch.setattr(Warden, "every", 0.02)
    made = Ward(house, tmp_path)
    yield made
    made.gate.set()


def test_an_actor_that_hangs_is_replaced_and_its_asker_is_told(ward: Ward, log: list[str]) -> None:
    ward.start(ChildSpec("sleeper", Sleeper))
    before = ward.house.actor("sleeper")
    with pytest.raises(ActorCrashed, match="was replaced while it handled function"):
        ward.hang("sleeper").get(timeout=PATIENCE)
    assert ward.house.ask("sleeper", "awake?") == "awake?"
    assert ward.house.actor("sleeper") is not before
    assert before.fenced
    assert ward.house.registry.abandoned == 1
    assert any(line.startswith("ERROR sleeper hangs: it is busy with function") for line in log)
    assert any("self.gate.wait(PATIENCE)" in line for line in log), "the log has its stack"


def test_what_waited_for_a_hung_actor_is_handled_by_the_next_one(ward: Ward) -> None:
    ward.start(ChildSpec("sleeper", Sleeper))
    hung = ward.hang("sleeper")
    later = [ward.house.registry.address("sleeper").ask_later(number) for number in range(20)]
    assert [each.get(timeout=PATIENCE) for each in later] == list(range(20))
    with pytest.raises(ActorCrashed):
        hung.get(timeout=PATIENCE)


def test_a_hung_actor_that_wakes_up_sends_nothing_answers_nothing_and_ends(ward: Ward) -> None:
    told: list[BaseException] = []

    class Dreamer(Sleeper):
        def handle(self, message: Any) -> Any:
            if message == "hang":
                ward.gate.wait(PATIENCE)
                for send in ("tell", "ask", "ask_later"):
                    try:
                        getattr(self.registry.address("witness"), send)("I am back")
                    except Fenced as error:
                        told.append(error)
                return "too late"
            return message

    ward.start(ChildSpec("dreamer", Dreamer), ward.house.spec("witness"))
    future = ward.house.registry.address("dreamer").ask_later("hang")
    with pytest.raises(ActorCrashed):
        future.get(timeout=PATIENCE)
    assert ward.house.ask("dreamer", "you?") == "you?"
    thread = next(iter(ward.house.registry._abandoned.values()))
    ward.gate.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert len(told) == 3
    assert ward.house.registry.abandoned == 0
    with pytest.raises(ActorCrashed):
        future.get(timeout=PATIENCE)
    assert ward.house.registry.member("witness").vitals.handled == 0


def test_an_actor_whose_watermark_stands_still_is_replaced_though_it_answers(ward: Ward) -> None:
    class Idler(Sleeper):
        watermarks: ClassVar = {"beat": LIMIT}

        def patience(self) -> float:
            return 0.01

    ward.start(ChildSpec("idler", Idler))
    before = ward.house.actor("idler")
    assert before.join(PATIENCE)
    assert before.fenced
    assert ward.house.actor("idler") is not before


def test_an_actor_that_gives_signs_of_life_may_take_as_long_as_it_needs(ward: Ward) -> None:
    ward.start(ChildSpec("sleeper", Sleeper))
    pause = threading.Event()

    def work(me: Actor) -> str:
        end = REAL_TIME.monotonic() + 3 * LIMIT * SECOND
        while REAL_TIME.monotonic() < end:
            pause.wait(0.01)
            me.mark()
        return "done"

    assert ward.house.ask("sleeper", work) == "done"
    assert ward.house.registry.abandoned == 0


def test_an_actor_without_a_limit_is_never_taken_for_hung(ward: Ward) -> None:
    class Patient(Sleeper):
        busy_limit = None

    ward.start(ChildSpec("patient", Patient))
    future, pause = ward.hang("patient"), threading.Event()
    pause.wait(2 * LIMIT)
    ward.house.ask("warden", Look())
    ward.gate.set()
    assert future.get(timeout=PATIENCE) is None


def test_an_actor_that_hangs_while_it_cleans_up_after_a_crash_is_replaced(ward: Ward) -> None:
    class Sticky(Sleeper):
        def on_stop(self, reason: Any = "normal") -> None:
            ward.gate.wait(PATIENCE)

    ward.start(ChildSpec("sticky", Sticky, shutdown=0.1))
    before = ward.house.actor("sticky")
    ward.house.registry.address("sticky").tell(lambda _: 1 / 0)
    assert ward.house.ask("sticky", "you?") == "you?"
    assert before.fenced
    assert ward.house.registry.abandoned == 1


def test_an_actor_that_is_stopped_may_take_the_time_that_its_supervisor_gives_it(
    ward: Ward, log: list[str]
) -> None:
    class Tidy(Sleeper):
        def on_stop(self, reason: Any = "normal") -> None:
            threading.Event().wait(3 * LIMIT)

    ward.start(ChildSpec("tidy", Tidy, shutdown=PATIENCE))
    ward.house.ask(TOP, TerminateChild("tidy"))
    assert not [line for line in log if "hangs" in line]


def test_an_actor_that_hangs_in_idle_is_replaced(ward: Ward) -> None:
    hangs = threading.Event()

    class Once(Sleeper):
        def patience(self) -> float:
            return 0.01

        def idle(self) -> None:
            if not hangs.is_set():
                hangs.set()
                ward.gate.wait(PATIENCE)

    ward.start(ChildSpec("once", Once))
    assert hangs.wait(PATIENCE)
    assert ward.house.ask("once", "you?") == "you?"
    assert ward.house.registry.abandoned == 1


def test_too_many_hung_threads_end_the_tree_with_an_error_of_their_own(ward: Ward) -> None:
    ward.start(*(ChildSpec(f"s{n}", Sleeper) for n in range(3)), most=2)
    for n in range(3):
        ward.hang(f"s{n}")
    assert ward.tree.wait(PATIENCE)
    assert isinstance(ward.tree.failure, TooManyHung)
    assert isinstance(ward.tree.failure, RestartsExhausted)
    assert "3 threads of actors hang, and 2 are allowed" in str(ward.tree.failure)


def test_a_top_supervisor_that_hangs_ends_the_tree(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Supervisor, "busy_limit", LIMIT)

    def never(*_: Any) -> Actor:
        if ward.gate.is_set():
            return Sleeper()
        ward.gate.wait(PATIENCE)
        return Sleeper()

    ward.gate.set()
    ward.start(ChildSpec("sleeper", never))
    ward.gate.clear()
    ward.house.registry.address("sleeper").tell(lambda _: 1 / 0)
    assert ward.tree.wait(PATIENCE)
    assert isinstance(ward.tree.failure, Hung)
    assert f"{TOP!r} hangs: it is busy with" in str(ward.tree.failure)


def test_a_supervisor_that_waits_for_a_slow_child_does_not_hang(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Supervisor, "busy_limit", LIMIT)

    class Slow(Sleeper):
        starts = 0

        def on_start(self) -> None:
            Slow.starts += 1
            if Slow.starts > 1:
                threading.Event().wait(3 * LIMIT)

    ward.start(ChildSpec("slow", Slow))
    ward.house.registry.address("slow").tell(lambda _: 1 / 0)
    assert ward.house.ask("slow", "you?") == "you?"
    assert ward.tree.alive
    assert ward.house.registry.abandoned == 0


def test_a_hung_inner_supervisor_is_replaced_with_all_below_it(
    ward: Ward,
) -> None:
    def inner() -> Supervisor:
        sup = Supervisor([ChildSpec("leaf", Sleeper)], Flags())
        sup.busy_limit = LIMIT
        return sup

    ward.start(ChildSpec("inner", inner, type="supervisor"))
    old_leaf, old = ward.house.actor("leaf"), ward.house.registry.member("inner")
    supervisor = ward.tree.supervisor._children["inner"].actor
    assert isinstance(supervisor, Supervisor)
    supervisor._answers[str] = lambda _: ward.gate.wait(PATIENCE)
    with pytest.raises(ActorCrashed):
        ward.house.registry.address("inner").ask("hang", PATIENCE)
    assert ward.house.ask("leaf", "you?") == "you?"
    assert ward.house.registry.member("inner").incarnation != old.incarnation
    assert old_leaf.fenced


def test_the_warden_itself_may_die_and_watches_again(ward: Ward) -> None:
    ward.start(ChildSpec("sleeper", Sleeper))
    with pytest.raises(InvalidMessage):
        ward.house.ask("warden", "nonsense")
    member = ward.house.registry.member("warden")
    warden = ward.tree.supervisor._children["warden"].actor
    assert isinstance(warden, Warden)
    warden._checkup = None  # type: ignore[assignment] # its next look fails
    assert warden.join(PATIENCE)
    with pytest.raises(ActorCrashed):
        ward.hang("sleeper").get(timeout=PATIENCE)
    assert ward.house.registry.member("warden").incarnation != member.incarnation


def test_health_counts_how_often_the_clock_was_set(ward: Ward) -> None:
    ward.start()
    ward.house.clock.advance("3h")
    assert ward.watch.look() == []
    assert ward.checkup.health().clock_steps == 0
    ward.house.clock.set_wall(ward.house.clock.moment().replace(year=2030))
    assert ward.watch.look()
    assert ward.checkup.health().clock_steps == 1


def test_after_the_whole_process_stood_still_nobody_is_taken_for_hung(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Warden, "every", 100.0)
    ward.start(ChildSpec("sleeper", Sleeper))
    ward.house.ask("warden", Look())
    future, warden = ward.hang("sleeper"), ward.tree.supervisor._children["warden"].actor
    assert isinstance(warden, Warden)
    vitals = ward.house.registry.member("sleeper").vitals
    vitals.last_progress -= 2 * HELD_UP
    warden._looked_at -= 200 * SECOND
    warden._trusted_since -= 200 * SECOND
    assert ward.checkup.health().suspends == 0
    ward.house.ask("warden", Look())
    assert not warden._told
    assert ward.checkup.health().suspends == 1
    [suspended] = ward.watch.look()
    assert isinstance(suspended, Suspended)
    assert 99 * SECOND < suspended.duration < 110 * SECOND
    warden.every = 0.02
    ward.house.ask("warden", Look())
    with pytest.raises(ActorCrashed):
        future.get(timeout=PATIENCE)  # it hangs all the same, counted from then on


def test_an_actor_that_was_replaced_lets_go_of_what_its_thread_holds_and_does_nothing_else(
    ward: Ward,
) -> None:
    done: list[str] = []
    let_go = threading.Event()

    class Holder(Sleeper):
        def on_stop(self, reason: Any = "normal") -> None:
            if self.fenced:
                done.append("on_stop")

        def on_fenced(self) -> None:
            let_go.set()
            raise SystemExit("and nobody is hurt")

    ward.start(ChildSpec("holder", Holder))
    with pytest.raises(ActorCrashed):
        ward.hang("holder").get(timeout=PATIENCE)
    assert not let_go.is_set()
    ward.gate.set()
    assert let_go.wait(PATIENCE)
    assert ward.house.ask("holder", "you?") == "you?"
    assert not done
