"""An actor that was replaced while it hangs wakes up to nothing."""

import threading

import pytest
from puppets import (
    PATIENCE,
    Puppet,
    adopt,
    ask,
    end,
    hung,
    run,
)

from tocsin.actors.mailbox import Letter, Mailbox
from tocsin.core.errors import ActorCrashed


def test_a_fenced_actor_wakes_up_to_nothing() -> None:
    actor, heir, gate = Puppet(), Puppet(), threading.Event()
    reports = adopt(actor)
    first, second = hung(actor, gate)
    actor.fence()
    with pytest.raises(ActorCrashed, match="replaced while it handled function"):
        first.get(timeout=PATIENCE)
    run(heir, actor.mailbox)
    assert second.get(timeout=PATIENCE) == "second"
    gate.set()
    assert actor.join(PATIENCE)
    assert actor.fenced
    assert reports == []
    assert actor.reasons == []
    assert "handled by" not in actor.acts
    assert ask(heir, "yours") == "yours"
    assert heir.mailbox.owner is not None
    end(heir)


def test_a_fenced_actor_that_waits_ends_at_once() -> None:
    actor = Puppet()
    reports = run(actor)
    actor.fence()
    assert actor.join(PATIENCE)
    assert reports == []


def test_an_actor_fenced_before_it_starts_never_runs() -> None:
    ran: list[bool] = []
    actor = Puppet(on_start=lambda: ran.append(True))
    adopt(actor)
    actor.fence()
    assert actor.launch(PATIENCE) is False
    assert ran == []


def test_fencing_while_letters_flow_neither_loses_nor_doubles_one() -> None:
    handled: list[int] = []
    mailbox = Mailbox()
    actors = [Puppet() for _ in range(20)]
    for number in range(2_000):
        mailbox.put(Letter(lambda _, n=number: handled.append(n)))
    for actor in actors:
        actor.batch = 7
        run(actor, mailbox)
        actor.fence()
    last = Puppet()
    run(last, mailbox)
    ask(last, "flushed")
    for actor in actors:
        assert actor.join(PATIENCE)
    assert sorted(handled) == list(range(2_000))
    end(last)
