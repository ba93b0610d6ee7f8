import threading
from collections.abc import Sequence
from typing import Any

import pykka
import pytest
from puppets import (
    PATIENCE,
    Puppet,
    adopt,
    ask,
    batch_of,
    end,
    raising,
    run,
)

from tocsin.actors.base import Actor, Ignore, describe
from tocsin.actors.mailbox import Letter
from tocsin.core.errors import ActorCrashed, ActorUnavailable, InvalidMessage, StartFailed


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")

    __repr__ = __str__


class Alien(BaseException):
    pass


KILLERS = [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, RecursionError, Alien]
ALL = [*KILLERS, ValueError, Unspeakable]


@pytest.fixture
def neighbour() -> Any:
    """Somebody else's actor, in pykka's own registry."""

    class Neighbour(pykka.ThreadingActor):
        def on_receive(self, message: Any) -> Any:
            return message

    ref = Neighbour.start()
    yield ref
    assert ref.ask("still there?", timeout=PATIENCE) == "still there?"
    ref.stop(timeout=PATIENCE)


# ---------------------------------------------------------------- what kills, and whom


def test_an_exception_in_an_asked_message_goes_to_the_asker_and_the_actor_lives_on() -> None:
    actor = Puppet()
    reports = run(actor)
    with pytest.raises(ZeroDivisionError):
        ask(actor, lambda _: 1 / 0)
    assert ask(actor, "alive") == "alive"
    end(actor)
    assert reports == ["shutdown"]


def test_an_exception_in_a_told_message_kills_the_actor() -> None:
    actor = Puppet()
    reports = run(actor)
    actor.actor_ref.tell(raising(ValueError))
    assert actor.join(PATIENCE)
    assert [type(reason) for reason in reports] == [ValueError]
    assert actor.reasons == list(reports)


@pytest.mark.parametrize("error", KILLERS)
def test_what_nobody_can_answer_for_kills_this_actor_only(
    error: type[BaseException], neighbour: Any
) -> None:
    actor = Puppet()
    reports = run(actor)
    with pytest.raises(ActorCrashed, match="function") as caught:
        ask(actor, raising(error))
    assert isinstance(caught.value.__cause__, error)
    assert actor.join(PATIENCE)
    assert [type(reason) for reason in reports] == [error]


@pytest.mark.parametrize("error", ALL)
def test_a_failing_start_is_told_to_who_starts_it_and_nobody_else(
    error: type[BaseException], neighbour: Any
) -> None:
    actor = Puppet(on_start=raising(error))
    reports = adopt(actor)
    with pytest.raises(StartFailed, match="'puppet' could not start") as caught:
        actor.launch(PATIENCE)
    assert isinstance(caught.value.__cause__, error)
    assert not actor.actor_ref.is_alive()  # at once: its name is free for the next try
    assert actor.join(PATIENCE)
    assert reports == []
    assert actor.reasons == []


@pytest.mark.parametrize("error", ALL)
def test_a_failing_stop_is_reported_like_any_death(
    error: type[BaseException], neighbour: Any
) -> None:
    actor = Puppet(on_stop=raising(error))
    reports = run(actor)
    end(actor)
    assert [type(reason) for reason in reports] == [error]


@pytest.mark.parametrize("hook", ["patience", "idle"])
@pytest.mark.parametrize("error", [SystemExit, ValueError])
def test_a_failing_pause_is_a_death(
    hook: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = Puppet()
    if hook == "idle":
        monkeypatch.setattr(actor, "patience", lambda: 0)
    monkeypatch.setattr(actor, hook, raising(error))
    reports = run(actor)
    assert actor.join(PATIENCE)
    assert [type(reason) for reason in reports] == [error]


def test_a_message_nobody_understands_kills_nobody() -> None:
    actor = Actor()
    reports = run(actor)
    actor.actor_ref.tell("what?")
    with pytest.raises(InvalidMessage, match="'puppet' does not understand str"):
        ask(actor, "what?")
    end(actor)
    assert reports == ["shutdown"]


def test_a_crash_with_a_message_that_cannot_be_shown_is_described_all_the_same() -> None:
    assert describe(Unspeakable()) == "Unspeakable"
    assert describe(ValueError("why")) == "ValueError: why"
    assert describe("normal") == "normal"


# ---------------------------------------------------------------- starting


def test_an_actor_may_ask_to_be_ignored() -> None:
    actor = Puppet(on_start=raising(Ignore))
    reports = adopt(actor)
    assert actor.launch(PATIENCE) is False
    assert actor.join(PATIENCE)
    assert reports == []


def test_a_start_that_hangs_is_given_up_and_stays_silent_when_it_wakes() -> None:
    gate = threading.Event()
    actor = Puppet(on_start=lambda: gate.wait(PATIENCE))
    reports = adopt(actor)
    with pytest.raises(StartFailed, match=r"not ready within 0\.01 s"):
        actor.launch(0.01)
    actor.mailbox.put(Letter("for the next one"))
    gate.set()
    assert actor.join(PATIENCE)
    assert reports == []
    assert actor.reasons == []
    assert len(actor.mailbox) == 1


def test_a_machine_without_threads_is_a_failed_start(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = Puppet()
    adopt(actor)
    monkeypatch.setattr(threading.Thread, "start", raising(RuntimeError))
    with pytest.raises(StartFailed, match="no thread for 'puppet'"):
        actor.launch(PATIENCE)


def test_an_actor_thread_never_keeps_the_program_alive() -> None:
    actor = Puppet()
    run(actor)
    assert ask(actor, lambda _: threading.current_thread().daemon)
    assert ask(actor, lambda _: threading.current_thread().name) == "puppet-1"
    end(actor)


def test_an_actor_started_the_way_pykka_does_needs_no_supervisor() -> None:
    ref = Puppet.start()
    assert ref.ask("hello", timeout=PATIENCE) == "hello"
    assert ref.stop(timeout=PATIENCE)
    assert ref not in pykka.ActorRegistry.get_all()
    with pytest.raises(ActorUnavailable, match="'Puppet' has stopped"):
        ref.actor_inbox.put(Letter("late"))


def test_a_lone_actor_that_dies_leaves_no_asker_waiting() -> None:
    actor, gate = Puppet(), threading.Event()
    ref = actor.actor_ref
    actor._start_actor_loop()
    ref.tell(lambda _: gate.wait(PATIENCE) and raising(SystemExit)())
    waiting = ref.ask("question", block=False)
    gate.set()
    with pytest.raises(ActorUnavailable):
        waiting.get(timeout=PATIENCE)


# ---------------------------------------------------------------- stopping


def test_pykkas_stop_lets_earlier_messages_finish_and_keeps_later_ones() -> None:
    actor, gate = Puppet(), threading.Event()
    actor.batch = 10
    reports = run(actor)
    actor.actor_ref.tell(lambda _: gate.wait(PATIENCE))
    earlier = actor.actor_ref.ask("earlier", block=False)
    stopped = actor.actor_ref.stop(block=False)
    actor.actor_ref.tell("later")
    gate.set()
    assert earlier.get(timeout=PATIENCE) == "earlier"
    assert stopped.get(timeout=PATIENCE) is True
    assert actor.join(PATIENCE)
    assert reports == ["normal"]
    assert [letter.message for letter in actor.mailbox.take(9, 0, actor.clock)] == ["later"]


def test_a_stopped_actor_finishes_the_batch_in_hand_and_leaves_the_rest() -> None:
    actor, gate, entered = Puppet(), threading.Event(), threading.Event()
    actor.batch = 2
    adopt(actor)
    handled: list[int] = []

    def handle(number: int) -> None:
        entered.set()
        gate.wait(PATIENCE)
        handled.append(number)

    for number in range(4):
        actor.mailbox.put(Letter(lambda _, n=number: handle(n)))
    assert actor.launch(PATIENCE)
    assert entered.wait(PATIENCE)
    actor.stop("shutdown")
    gate.set()
    assert actor.join(PATIENCE)
    assert handled == [0, 1]
    assert len(actor.mailbox) == 2


def test_the_first_reason_to_stop_is_the_one_that_counts() -> None:
    actor = Puppet()
    reports = run(actor)
    ask(actor, lambda me: (me.stop("normal"), me.stop("shutdown")))
    assert actor.join(PATIENCE)
    assert reports == ["normal"]


def test_an_actor_whose_name_was_closed_ends() -> None:
    actor = Puppet()
    reports = run(actor)
    actor.mailbox.close("gone")
    assert actor.join(PATIENCE)
    assert reports == ["shutdown"]


def test_a_report_that_fails_does_no_harm(neighbour: Any) -> None:
    actor = Puppet()
    adopt(actor)
    actor._report = raising(SystemExit)
    assert actor.launch(PATIENCE)
    stopped = actor.actor_ref.stop(block=False)
    assert stopped.get(timeout=PATIENCE) is True


# ---------------------------------------------------------------- the mailbox survives


def test_what_is_sent_while_an_actor_is_replaced_reaches_the_next_one() -> None:
    first, second = Puppet(), Puppet()
    run(first)
    first.actor_ref.tell(raising(ValueError))
    assert first.join(PATIENCE)
    waiting = Letter("question", pykka.ThreadingFuture())
    first.mailbox.put(waiting)
    run(second, first.mailbox)
    assert waiting.reply_to is not None
    assert waiting.reply_to.get(timeout=PATIENCE) == "question"
    assert second.actor_ref.actor_inbox is first.mailbox
    end(second)


def test_only_the_message_being_handled_is_lost_in_a_crash() -> None:
    actor, heir = Puppet(), Puppet()
    actor.batch = 10
    adopt(actor)
    done, lost, kept = batch_of(actor, "done", raising(SystemExit), "kept")
    assert actor.launch(PATIENCE)
    assert actor.join(PATIENCE)
    assert done.get(timeout=PATIENCE) == "done"
    with pytest.raises(ActorCrashed, match="'puppet' died while it handled function"):
        lost.get(timeout=PATIENCE)
    run(heir, actor.mailbox)
    assert kept.get(timeout=PATIENCE) == "kept"
    end(heir)


class Clerk(Puppet):
    """Handles a batch as a whole."""

    batch = 10

    def receive(self, letters: Sequence[Letter]) -> None:
        for letter in letters:
            if letter.message == "die":
                raise SystemExit
            if letter.message == "begin":
                self.begin(letter)


def test_a_batch_handled_as_a_whole_is_lost_as_a_whole() -> None:
    actor = Clerk()
    adopt(actor)
    futures = batch_of(actor, "one", "die", "two")
    actor.launch(PATIENCE)
    for future in futures:
        with pytest.raises(ActorCrashed):
            future.get(timeout=PATIENCE)
    assert actor.mailbox.empty()


def test_a_batch_that_says_what_it_began_keeps_the_rest() -> None:
    actor = Clerk()
    adopt(actor)
    futures = batch_of(actor, "begin", "die", "two")
    actor.launch(PATIENCE)
    assert actor.join(PATIENCE)
    with pytest.raises(ActorCrashed):
        futures[0].get(timeout=PATIENCE)
    assert [letter.message for letter in actor.mailbox.take(9, 0, actor.clock)] == ["die", "two"]
