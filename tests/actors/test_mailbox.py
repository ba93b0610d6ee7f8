import threading
from typing import Any

import pykka
import pytest
from pykka.messages import _ActorStop

from tocsin.actors.mailbox import Letter, Mailbox
from tocsin.core.clock import SystemClock
from tocsin.core.errors import ActorUnavailable, MailboxFull

CLOCK = SystemClock()
PATIENCE = 10.0


def ask(message: Any) -> Letter:
    return Letter(message, pykka.ThreadingFuture())


def reply_to(letter: Letter) -> Any:
    assert letter.reply_to is not None
    return letter.reply_to.get(timeout=PATIENCE)


def messages(mailbox: Mailbox, limit: int = 100) -> list[Any]:
    return [letter.message for letter in mailbox.take(limit, 0, CLOCK)]


def in_thread(act: Any) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_letters_come_out_in_the_order_in_which_they_went_in() -> None:
    mailbox = Mailbox()
    for number in range(5):
        mailbox.put(Letter(number))
    assert len(mailbox) == 5
    assert messages(mailbox, 3) == [0, 1, 2]
    assert messages(mailbox, 3) == [3, 4]
    assert mailbox.empty()


def test_an_empty_mailbox_gives_nothing_without_patience() -> None:
    assert Mailbox().take(1, 0, CLOCK) == []


def test_a_take_returns_after_its_timeout() -> None:
    assert Mailbox().take(1, 0.01, CLOCK) == []


def test_a_waiting_take_gets_the_letter_that_comes() -> None:
    mailbox, found = Mailbox(), []
    taker = in_thread(lambda: found.extend(mailbox.take(1, PATIENCE, CLOCK)))
    mailbox.put(Letter("here"))
    taker.join(PATIENCE)
    assert [letter.message for letter in found] == ["here"]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was answered has all the time in the world to ask again."""
    monkeypatch.setattr("tocsin.actors.mailbox.TIME_TO_ASK", PATIENCE)


class Gathering(Mailbox):
    """Tells when somebody waits for company."""

    def __init__(self) -> None:
        super().__init__()
        self.gathers = threading.Event()

    def _gather(self, company: int) -> None:
        self.gathers.set()
        super()._gather(company)


def company_of(mailbox: Gathering, act: Any) -> list[Any]:
    """What a taker finds who knows of three that ask together, and is not alone with the first."""
    found: list[Any] = []
    mailbox.put(ask("first"))
    taker = in_thread(lambda: found.extend(mailbox.take(9, None, CLOCK, company=3)))
    assert mailbox.gathers.wait(PATIENCE)
    act()
    taker.join(PATIENCE)
    return [letter.message for letter in found]


@pytest.mark.usefixtures("patient")
def test_those_who_ask_together_are_taken_together() -> None:
    mailbox = Gathering()

    def others() -> None:
        mailbox.put(ask("second"))
        mailbox.put(ask("third"))

    assert company_of(mailbox, others) == ["first", "second", "third"]


@pytest.mark.usefixtures("patient")
def test_a_told_letter_waits_for_nobodys_company() -> None:
    mailbox = Gathering()
    assert company_of(mailbox, lambda: mailbox.put(Letter("told"))) == ["first", "told"]
    mailbox.put(ask("alone"))
    mailbox.put(Letter("told"))
    assert [letter.message for letter in mailbox.take(9, None, CLOCK, company=3)] == [
        "alone",
        "told",
    ]


@pytest.mark.usefixtures("patient")
def test_a_wake_ends_the_wait_for_company() -> None:
    mailbox = Gathering()
    assert company_of(mailbox, mailbox.wake) == ["first"]


def test_who_never_asks_again_is_waited_for_a_moment_only() -> None:
    mailbox = Gathering()
    mailbox.put(ask("first"))
    assert [letter.message for letter in mailbox.take(9, None, CLOCK, company=3)] == ["first"]
    assert mailbox.gathers.is_set()


def test_wake_ends_the_next_take_even_when_nobody_waited() -> None:
    mailbox = Mailbox()
    mailbox.wake()
    assert mailbox.take(1, None, CLOCK) == []


def test_a_wake_is_used_up_by_one_take() -> None:
    waits: list[float | None] = []

    class Watched(SystemClock):
        def wait(self, condition: Any, timeout: float | None) -> None:
            waits.append(timeout)

    mailbox = Mailbox()
    mailbox.wake()
    mailbox.take(1, None, Watched())
    assert waits == []
    mailbox.take(1, None, Watched())
    assert waits == [None]


def test_wake_ends_a_waiting_take() -> None:
    mailbox = Mailbox()
    taker = in_thread(lambda: mailbox.take(1, None, CLOCK))
    mailbox.wake()
    taker.join(PATIENCE)
    assert not taker.is_alive()


def test_nothing_is_taken_once_until_is_true() -> None:
    mailbox = Mailbox()
    mailbox.put(Letter("keep"))
    assert mailbox.take(1, None, CLOCK, until=lambda: True) == []
    assert len(mailbox) == 1


def test_letters_that_are_put_back_come_first_and_in_order() -> None:
    mailbox = Mailbox()
    for number in range(4):
        mailbox.put(Letter(number))
    taken = mailbox.take(3, 0, CLOCK)
    mailbox.put_back(taken[1:])
    assert messages(mailbox) == [1, 2, 3]


def test_closing_answers_everybody_who_waits_and_refuses_later_letters() -> None:
    mailbox, waiting = Mailbox(), ask("question")
    mailbox.put(waiting)
    mailbox.close("'it' has stopped")
    mailbox.close("a second reason")
    with pytest.raises(ActorUnavailable, match="'it' has stopped"):
        reply_to(waiting)
    with pytest.raises(ActorUnavailable, match="'it' has stopped"):
        mailbox.put(Letter("late"))
    assert mailbox.closed
    assert mailbox.take(1, None, CLOCK) == []


def test_letters_put_back_into_a_closed_mailbox_are_answered() -> None:
    mailbox, letter = Mailbox(), ask("question")
    mailbox.close("gone")
    mailbox.put_back([letter])
    with pytest.raises(ActorUnavailable, match="gone"):
        reply_to(letter)


def test_a_full_mailbox_refuses() -> None:
    mailbox = Mailbox(capacity=1, overflow="refuse")
    mailbox.put(Letter("first"))
    with pytest.raises(MailboxFull):
        mailbox.put(Letter("second"))
    assert messages(mailbox) == ["first"]


def test_a_full_mailbox_drops_the_oldest_and_tells_its_sender() -> None:
    mailbox, oldest = Mailbox(capacity=2, overflow="drop_oldest"), ask("oldest")
    for letter in (oldest, Letter("middle"), Letter("newest")):
        mailbox.put(letter)
    assert messages(mailbox) == ["middle", "newest"]
    assert mailbox.dropped == 1
    with pytest.raises(MailboxFull):
        reply_to(oldest)


def test_a_full_mailbox_blocks_until_there_is_room() -> None:
    mailbox = Mailbox(capacity=1)
    mailbox.put(Letter("first"))
    putter = in_thread(lambda: mailbox.put(Letter("second"), timeout=PATIENCE))
    assert messages(mailbox) == ["first"]
    putter.join(PATIENCE)
    assert not putter.is_alive()
    assert messages(mailbox) == ["second"]


def test_a_blocked_sender_gives_up_after_its_timeout() -> None:
    mailbox = Mailbox(capacity=1)
    mailbox.put(Letter("first"))
    with pytest.raises(MailboxFull):
        mailbox.put(Letter("second"), timeout=0.01)


def test_a_blocked_sender_hears_of_the_close() -> None:
    mailbox, heard = Mailbox(capacity=1), []
    mailbox.put(Letter("first"))

    def put() -> None:
        with pytest.raises(ActorUnavailable):
            mailbox.put(Letter("second"))
        heard.append(True)

    putter = in_thread(put)
    mailbox.close("gone")
    putter.join(PATIENCE)
    assert heard


def test_an_actor_never_blocks_on_its_own_full_mailbox() -> None:
    mailbox = Mailbox(capacity=1)
    mailbox.owner = threading.get_ident()
    mailbox.put(Letter("first"))
    with pytest.raises(MailboxFull):
        mailbox.put(Letter("second"))


@pytest.mark.parametrize("overflow", ["block", "refuse", "drop_oldest"])
def test_a_full_mailbox_takes_the_request_to_stop_and_keeps_it(overflow: Any) -> None:
    mailbox = Mailbox(capacity=1, overflow=overflow)
    mailbox.put(Letter("first"))
    mailbox.put(Letter(_ActorStop()))
    assert len(mailbox) == 2
    if overflow == "drop_oldest":
        mailbox.put(Letter("second"))
        mailbox.put(Letter("third"))
        assert messages(mailbox)[0] == _ActorStop()


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_mailbox_without_room_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="1 letter or more"):
        Mailbox(capacity=capacity)


def test_an_unknown_overflow_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="drop_oldest"):
        Mailbox(overflow="drop_newest")  # type: ignore[arg-type]


def test_only_the_first_reply_counts() -> None:
    letter = ask("question")
    letter.answer(1)
    letter.answer(2)
    letter.fail(ValueError("late"))
    assert reply_to(letter) == 1


def test_a_told_letter_can_be_answered_and_failed_without_harm() -> None:
    mailbox, news, question = Mailbox(), Letter("news"), ask("question")
    news.answer(1)
    mailbox.put(news)
    mailbox.put(question)
    mailbox.close("gone")  # fails both, in their order
    with pytest.raises(ActorUnavailable, match="gone"):
        reply_to(question)


def test_pykkas_envelopes_are_letters_too() -> None:
    mailbox = Mailbox()
    ref = pykka.ActorRef(_actor_with(mailbox))
    ref.tell("told")
    future = ref.ask("asked", block=False)
    told, asked = mailbox.get(), mailbox.get()
    asked.answer("reply")
    assert (told.message, told.reply_to) == ("told", None)
    assert future.get(timeout=PATIENCE) == "reply"


def test_pykkas_blocking_get_ends_when_the_mailbox_closes() -> None:
    mailbox = Mailbox()
    mailbox.close("gone")
    with pytest.raises(ActorUnavailable, match="gone"):
        mailbox.get()


def test_no_letter_is_lost_or_doubled_between_many_threads() -> None:
    mailbox, found = Mailbox(capacity=10), []
    senders = [
        in_thread(lambda base=base: [mailbox.put(Letter(base + n)) for n in range(200)])
        for base in (0, 1000, 2000, 3000)
    ]
    while len(found) < 800:
        found.extend(letter.message for letter in mailbox.take(7, PATIENCE, CLOCK))
    for sender in senders:
        sender.join(PATIENCE)
    assert sorted(found) == sorted(base + n for base in (0, 1000, 2000, 3000) for n in range(200))
    for base in (0, 1000, 2000, 3000):
        own = [number for number in found if base <= number < base + 1000]
        assert own == sorted(own)


class _Silent(pykka.ThreadingActor):
    pass


_KEPT = []


def _actor_with(mailbox: Mailbox) -> pykka.ThreadingActor:
    actor = _Silent()
    actor.actor_inbox = mailbox
    _KEPT.append(actor)
    return actor
