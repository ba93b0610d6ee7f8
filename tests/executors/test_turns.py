"""Threads take short turns while a service runs, and the host's setting comes back."""

import sys
from collections.abc import Iterator

import pytest

from tocsin.executors.turns import TURN, Turns


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    yield
    sys.setswitchinterval(before)


def test_turns_are_short_until_the_last_service_has_stopped() -> None:
    turns = Turns()
    turns.shorten()
    turns.shorten()
    assert sys.getswitchinterval() == pytest.approx(TURN)
    turns.restore()
    assert sys.getswitchinterval() == pytest.approx(TURN)
    turns.restore()
    assert sys.getswitchinterval() == pytest.approx(0.005)


def test_turns_that_are_shorter_already_stay() -> None:
    sys.setswitchinterval(0.0001)
    turns = Turns()
    turns.shorten()
    assert sys.getswitchinterval() == pytest.approx(0.0001, rel=0.05)
    turns.restore()
    assert sys.getswitchinterval() == pytest.approx(0.0001, rel=0.05)


def test_what_the_host_set_meanwhile_stays() -> None:
    turns = Turns()
    turns.shorten()
    sys.setswitchinterval(0.002)
    turns.restore()
    assert sys.getswitchinterval() == pytest.approx(0.002)
