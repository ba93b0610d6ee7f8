"""Short turns, and rare looks for garbage, as long as a service runs."""

import gc
import sys
from collections.abc import Iterator

import pytest

from tocsin.executors.interpreter import LOOKS, TURN, TURNS, YOUNG


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    before, limits = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(0.005)
    gc.set_threshold(700, 10, 10)
    yield
    sys.setswitchinterval(before)
    gc.set_threshold(*limits)


def test_a_setting_is_changed_until_the_last_service_has_stopped() -> None:
    TURNS.change()
    TURNS.change()
    assert sys.getswitchinterval() == pytest.approx(TURN)
    TURNS.restore()
    assert sys.getswitchinterval() == pytest.approx(TURN)
    TURNS.restore()
    assert sys.getswitchinterval() == pytest.approx(0.005)


def test_turns_that_are_shorter_already_stay() -> None:
    sys.setswitchinterval(TURN / 2)
    TURNS.change()
    assert sys.getswitchinterval() == pytest.approx(TURN / 2, rel=0.05)
    TURNS.restore()
    assert sys.getswitchinterval() == pytest.approx(TURN / 2, rel=0.05)


def test_what_the_host_set_meanwhile_stays() -> None:
    TURNS.change()
    sys.setswitchinterval(0.002)
    TURNS.restore()
    assert sys.getswitchinterval() == pytest.approx(0.002)


@pytest.mark.parametrize(
    ("host", "meanwhile"),
    [
        ((700, 10, 10), (YOUNG, 10, 10)),
        ((50_000, 20, 5), (50_000, 20, 5)),
        ((0, 10, 10), (0, 10, 10)),
    ],
    ids=["Python's own", "rarer already", "never"],
)
def test_garbage_is_looked_for_rarely_but_not_more_often_than_the_host_wants(
    host: tuple[int, int, int], meanwhile: tuple[int, int, int]
) -> None:
    gc.set_threshold(*host)
    LOOKS.change()
    assert gc.get_threshold() == meanwhile
    LOOKS.restore()
    assert gc.get_threshold() == host
