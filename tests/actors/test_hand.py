from typing import Any

import pytest

from tocsin.actors.hand import Hand
from tocsin.actors.mailbox import Letter, Mailbox
from tocsin.actors.reply import Reply
from tocsin.core.clock import SystemClock

CLOCK = SystemClock()


def hand_with(*messages: str) -> Hand:
    hand = Hand(Mailbox())
    for message in messages:
        hand.mailbox.put(Letter(message))
    assert hand.take(10, 0, CLOCK, lambda: False)
    return hand


def waiting(hand: Hand) -> list[str]:
    return [letter.message for letter in hand.mailbox.take(10, 0, CLOCK)]


def words(letters: list[Letter]) -> list[str]:
    return [letter.message for letter in letters]


def test_those_who_asked_last_time_are_expected_to_ask_again() -> None:
    companies: list[int] = []

    class Watched(Mailbox):
        def take(self, *args: Any, **kwargs: Any) -> list[Letter]:
            companies.append(args[4])
            return super().take(*args, **kwargs)

    hand = Hand(Watched())
    for letter in (Letter("told"), Letter("asked", Reply()), Letter("asked", Reply())):
        hand.mailbox.put(letter)
    for _ in range(3):
        hand.take(10, 0, CLOCK, lambda: False)
    assert companies == [0, 2, 0]


@pytest.mark.parametrize("given_up_by", [Hand.fence, Hand.release])
def test_letters_that_nobody_has_seen_go_back(given_up_by: object) -> None:
    hand = hand_with("one", "two")
    assert given_up_by(hand) == []  # type: ignore[operator]
    assert waiting(hand) == ["one", "two"]


def test_letters_handled_one_by_one_go_back_unless_they_were_begun() -> None:
    hand = hand_with("one", "two")
    letters = hand.open(as_a_whole=False)
    assert hand.fence() == []
    assert not hand.begin(letters[0])
    assert not letters[0].begun
    assert waiting(hand) == ["one", "two"]


def test_a_begun_letter_is_lost_and_the_rest_goes_back() -> None:
    hand = hand_with("one", "two", "three")
    letters = hand.open(as_a_whole=False)
    assert hand.begin(letters[0])
    assert words(hand.release()) == ["one"]
    assert waiting(hand) == ["two", "three"]


def test_a_batch_handled_as_a_whole_is_lost_as_a_whole() -> None:
    hand = hand_with("one", "two")
    hand.open(as_a_whole=True)
    assert words(hand.release()) == ["one", "two"]
    assert waiting(hand) == []


def test_a_batch_that_begins_letters_by_name_loses_only_those() -> None:
    hand = hand_with("one", "two")
    letters = hand.open(as_a_whole=True)
    hand.begin(letters[1])
    assert words(hand.release()) == ["two"]
    assert waiting(hand) == ["one"]


def test_what_is_done_is_neither_lost_nor_given_back() -> None:
    hand = hand_with("one")
    hand.open(as_a_whole=True)
    hand.close()
    assert hand.release() == []
    assert waiting(hand) == []


def test_a_fenced_hand_has_nothing_to_handle() -> None:
    hand = hand_with("one")
    hand.fence()
    assert hand.open(as_a_whole=True) == ()
