"""Short turns, and rare looks for garbage, as long as a service runs."""

import gc
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tocsin import Tocsin
from tocsin.executors.interpreter import LOOKS, TURN, TURNS, YOUNG, punctual_threads

needs_slack = pytest.mark.skipif(
    not Path("/proc/self/timerslack_ns").exists(), reason="only Linux delays those who wait"
)


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


def slack() -> int:
    """By how many nanoseconds the system may wake the calling thread too late."""
    return int(Path(f"/proc/{threading.get_native_id()}/timerslack_ns").read_text())


@needs_slack
def test_threads_of_a_service_are_woken_in_time_and_the_host_s_own_as_before(
    tmp_path: Path,
) -> None:
    before = slack()
    seen: list[int] = []
    called = threading.Event()
    app = Tocsin(f"sqlite:///{tmp_path / 't.db'}")

    @app.handler("look")
    def look(_: object) -> None:
        seen.append(slack())
        called.set()

    with app:
        assert slack() == before
        app.schedule("look", "now")
        assert called.wait(30)
    assert seen == [1]


@needs_slack
def test_a_thread_that_was_started_by_a_punctual_one_is_punctual_too() -> None:
    def started_by_it() -> int:
        with ThreadPoolExecutor(1) as inner:
            return inner.submit(slack).result()

    with punctual_threads():
        pool = ThreadPoolExecutor(1)
        pool.submit(slack).result()
    with pool:
        assert pool.submit(started_by_it).result() == 1


def test_where_nothing_can_be_set_threads_are_started_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading, "get_native_id", lambda: "no-such-thread")
    with punctual_threads(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: "called").result() == "called"
