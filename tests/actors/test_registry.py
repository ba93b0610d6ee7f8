import threading
from typing import Any

import pykka
import pytest

from tocsin.actors.base import Actor
from tocsin.actors.messages import Down
from tocsin.actors.registry import Registry
from tocsin.core.errors import (
    ActorTimeout,
    ActorUnavailable,
    InvalidMessage,
    MailboxFull,
    NameTaken,
)

PATIENCE = 10.0


class Echo(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []

    def handle(self, message: Any) -> Any:
        self.got.append(message)
        return message(self) if callable(message) else message


class Fake(pykka.ThreadingActor):
    pass


@pytest.fixture
def registry() -> Registry:
    return Registry()


def run(registry: Registry, name: str, actor: Actor | None = None, **options: Any) -> Any:
    actor = actor or Echo()
    number = registry.next_incarnation()
    mailbox = registry.inheritance(name, options["owner"]) if "owner" in options else None
    actor.adopt(
        name=name,
        incarnation=number,
        registry=registry,
        clock=actor.clock,
        report=lambda _: None,
        mailbox=mailbox,
    )
    registry.register(name, actor.actor_ref, number, **options)
    assert actor.launch(PATIENCE)
    return actor


def end(*actors: Actor) -> None:
    for actor in actors:
        actor.stop("shutdown")
        assert actor.join(PATIENCE)


def test_a_name_leads_to_its_actor(registry: Registry) -> None:
    echo = run(registry, "echo")
    address = registry.address("echo")
    assert registry.whereis("echo") is echo.actor_ref
    assert registry.names() == ["echo"]
    assert address.ask("hello") == "hello"
    address.tell("news")
    assert address.ask_later("later").get(timeout=PATIENCE) == "later"
    assert echo.got == ["hello", "news", "later"]
    end(echo)


def test_an_unknown_name_is_refused_with_the_one_that_was_meant(registry: Registry) -> None:
    echo = run(registry, "scheduler")
    with pytest.raises(ActorUnavailable, match=r"no actor is called 'sheduler'.*'scheduler'"):
        registry.address("sheduler").tell("hello")
    assert registry.whereis("sheduler") is None
    end(echo)


def test_an_address_may_be_made_before_its_actor(registry: Registry) -> None:
    address = registry.address("later")
    later = run(registry, "later")
    assert address.ask("hello") == "hello"
    end(later)


def test_messages_wait_while_an_actor_is_replaced(registry: Registry) -> None:
    address = registry.address("echo")
    end(run(registry, "echo", owner="top"))
    assert registry.whereis("echo") is None
    waiting = address.ask_later("patience")
    heir = run(registry, "echo", owner="top")
    assert waiting.get(timeout=PATIENCE) == "patience"
    assert heir.got == ["patience"]
    end(heir)


def test_who_cannot_wait_is_told_at_once(registry: Registry) -> None:
    end(run(registry, "echo", owner="top"))
    with pytest.raises(ActorUnavailable, match="being restarted"):
        registry.address("echo", when_down="fail").ask("now")


def test_a_forgotten_name_answers_all_who_wait(registry: Registry) -> None:
    end(run(registry, "echo", owner="top"))
    address = registry.address("echo")
    waiting = address.ask_later("question")
    registry.forget("echo", "'echo' is gone for good")
    with pytest.raises(ActorUnavailable, match="gone for good"):
        waiting.get(timeout=PATIENCE)
    with pytest.raises(ActorUnavailable, match="no actor is called 'echo'"):
        address.tell("late")
    registry.forget("echo")
    assert registry.names() == []


def test_an_ask_gives_up_in_time_and_says_what_it_waited_for(registry: Registry) -> None:
    gate = threading.Event()
    echo = run(registry, "echo")
    registry.address("echo").tell(lambda _: gate.wait(PATIENCE))
    with pytest.raises(ActorTimeout, match=r"'echo' did not answer str within 0\.01 s"):
        registry.address("echo").ask("hello", timeout=0.01)
    gate.set()
    end(echo)


def test_an_ask_to_a_full_mailbox_gives_up_in_time(registry: Registry) -> None:
    gate, entered = threading.Event(), threading.Event()

    class Narrow(Echo):
        capacity = 1

    echo = run(registry, "echo", Narrow())
    address = registry.address("echo")
    address.tell(lambda _: entered.set() or gate.wait(PATIENCE))
    assert entered.wait(PATIENCE)
    address.tell("fills it")
    with pytest.raises(MailboxFull):
        address.ask("hello", timeout=0.01)
    gate.set()
    end(echo)


def test_an_actor_that_asks_itself_is_told_so(registry: Registry) -> None:
    echo = run(registry, "echo")
    address = registry.address("echo")
    with pytest.raises(InvalidMessage, match="'echo' asks itself"):
        address.ask(lambda me: me.registry.address("echo").ask("me"))
    later = address.ask(lambda me: me.registry.address("echo").ask_later("me"))
    assert later.get(timeout=PATIENCE) == "me"
    end(echo)


def test_an_error_in_the_answer_is_raised_where_it_was_asked(registry: Registry) -> None:
    echo = run(registry, "echo")
    with pytest.raises(ZeroDivisionError):
        registry.address("echo").ask(lambda _: 1 / 0)
    end(echo)


def test_a_name_taken_twice_is_a_clean_error(registry: Registry) -> None:
    echo = run(registry, "echo")
    with pytest.raises(NameTaken, match="'echo' belongs to another actor"):
        registry.register("echo", Echo().actor_ref, 99)
    with pytest.raises(NameTaken):
        registry.inheritance("echo", "somebody")
    assert registry.address("echo").ask("still me") == "still me"
    end(echo)


def test_a_living_actor_is_not_inherited_even_by_its_owner(registry: Registry) -> None:
    echo = run(registry, "echo", owner="top")
    with pytest.raises(NameTaken):
        registry.inheritance("echo", "top")
    end(echo)


def test_only_our_own_actors_get_a_name(registry: Registry) -> None:
    stranger = Fake()
    with pytest.raises(NameTaken, match="Actor"):
        registry.register("stranger", stranger.actor_ref, 1)


def test_a_name_goes_with_everything_it_owns(registry: Registry) -> None:
    top, inner, leaf = (
        run(registry, "top"),
        run(registry, "inner", owner="top"),
        run(registry, "leaf", owner="inner"),
    )
    other = run(registry, "other")
    assert registry.owned_by("top") == ["inner"]
    registry.forget("top")
    assert registry.names() == ["other"]
    for actor in (top, inner, leaf):
        assert actor.join(PATIENCE)
    end(other)


def test_a_name_is_not_forgotten_for_the_sake_of_an_earlier_life(registry: Registry) -> None:
    echo = run(registry, "echo", owner="top")
    registry.forget("echo", incarnation=echo.vitals.incarnation - 1)
    assert registry.names() == ["echo"]
    registry.forget("echo", incarnation=echo.vitals.incarnation)
    assert registry.names() == []
    assert echo.join(PATIENCE)


def test_an_earlier_life_cannot_take_the_name_back(registry: Registry) -> None:
    old = run(registry, "echo", owner="top")
    end(old)
    heir = run(registry, "echo", owner="top")
    with pytest.raises(NameTaken):
        registry.register("echo", old.actor_ref, old.vitals.incarnation, "top")
    assert registry.whereis("echo") is heir.actor_ref
    end(heir)


def test_no_two_lives_have_the_same_number(registry: Registry) -> None:
    numbers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: numbers.extend(registry.next_incarnation() for _ in range(500))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(numbers) == list(range(1, 2_001))


# ---------------------------------------------------------------- watching


def test_a_watcher_hears_once_that_a_name_is_gone(registry: Registry) -> None:
    watcher, watched = run(registry, "watcher"), run(registry, "watched")
    registry.watch("watched", "watcher")
    registry.watch("watched", "watcher")
    end(watched)
    registry.forget("watched", "it left")
    registry.forget("watched", "it left again")
    assert registry.address("watcher").ask("flush") == "flush"
    assert watcher.got == [Down("watched", "it left"), "flush"]
    end(watcher)


def test_a_restart_is_not_an_end(registry: Registry) -> None:
    watcher = run(registry, "watcher")
    end(run(registry, "watched", owner="top"))
    registry.watch("watched", "watcher")
    heir = run(registry, "watched", owner="top")
    registry.address("watcher").ask("flush")
    assert watcher.got == ["flush"]
    end(heir, watcher)


def test_the_end_of_somebody_already_gone_is_told_at_once(registry: Registry) -> None:
    watcher = run(registry, "watcher")
    registry.watch("nobody", "watcher")
    registry.address("watcher").ask("flush")
    assert watcher.got == [Down("nobody", "no actor is called 'nobody'"), "flush"]
    end(watcher)


def test_who_does_not_watch_any_more_hears_nothing(registry: Registry) -> None:
    watcher, watched = run(registry, "watcher"), run(registry, "watched")
    registry.watch("watched", "watcher")
    registry.unwatch("watched", "watcher")
    end(watched)
    registry.forget("watched")
    registry.address("watcher").ask("flush")
    assert watcher.got == ["flush"]
    end(watcher)


def test_a_watcher_that_is_gone_itself_does_no_harm(registry: Registry) -> None:
    ghost, watcher, watched = (run(registry, name) for name in ("ghost", "watcher", "watched"))
    registry.watch("watched", "ghost")
    registry.watch("watched", "watcher")
    end(ghost, watched)
    registry.forget("ghost")
    registry.forget("watched")
    registry.address("watcher").ask("flush")
    assert watcher.got == [Down("watched", "'watched' has stopped"), "flush"]
    end(watcher)
