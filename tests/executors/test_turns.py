"""Turns are short beside a thread that computes all the time, and long as long as none does."""

import sys
import threading
from collections.abc import Iterator

import pytest

from tocsin.executors.interpreter import TURN, TURNS
from tocsin.executors.turns import BETWEEN, LONG_TURN, MEMORY, Turns, cpu_times

HOST = 0.005

ME = threading.get_native_id()
CALLER, HOG = -1, -2
"""Threads that are not there: what they compute is what the test says."""


class Process:
    """Seconds of a process, and of what its threads have computed."""

    def __init__(self) -> None:
        self.now = 100.0
        self.computed = {ME: 0.0, CALLER: 0.0, HOG: 0.0}
        self.looks = 0

    def clock(self) -> float:
        return self.now

    def cpu_times(self) -> dict[int, float]:
        self.looks += 1
        return dict(self.computed)

    def live(self, seconds: float, **shares: float) -> None:
        self.now += seconds
        for thread, share in {"me": 0.9, **shares}.items():
            self.computed[{"me": ME, "caller": CALLER, "hog": HOG}[thread]] += share * seconds


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def turns(process: Process) -> Iterator[Turns]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(HOST)
    TURNS.change()
    yield Turns(process.clock, process.cpu_times)
    TURNS.restore()
    sys.setswitchinterval(before)


def busy(turns: Turns, process: Process, seconds: float, **shares: float) -> float:
    """Look again and again while the threads go on; how long turns are at the end."""
    for _ in range(round(seconds / 0.05)):
        process.live(0.05, **shares)
        turns.look()
    return sys.getswitchinterval()


def test_turns_are_short_until_it_is_known_that_nobody_computes_all_the_time(
    turns: Turns, process: Process
) -> None:
    assert busy(turns, process, MEMORY / 2) == pytest.approx(TURN)
    assert busy(turns, process, MEMORY) == pytest.approx(LONG_TURN)


def test_threads_that_wait_now_and_then_keep_turns_long(turns: Turns, process: Process) -> None:
    assert busy(turns, process, 5, caller=0.2, hog=0.2) == pytest.approx(LONG_TURN)


def test_a_thread_that_computes_all_the_time_makes_turns_short_at_the_next_look(
    turns: Turns, process: Process
) -> None:
    busy(turns, process, 5)
    assert busy(turns, process, 2 * BETWEEN, hog=0.6) == pytest.approx(TURN)


def test_turns_stay_short_for_a_while_when_it_has_stopped(turns: Turns, process: Process) -> None:
    busy(turns, process, 2, hog=1.0)
    assert busy(turns, process, MEMORY / 2) == pytest.approx(TURN)
    assert busy(turns, process, MEMORY) == pytest.approx(LONG_TURN)


def test_the_thread_that_looks_may_compute_all_the_time(turns: Turns, process: Process) -> None:
    assert busy(turns, process, 5, me=1.0) == pytest.approx(LONG_TURN)


def test_a_new_thread_is_judged_by_what_it_computes_from_then_on(
    turns: Turns, process: Process
) -> None:
    busy(turns, process, 5)
    process.computed[-3] = 1_000.0
    assert busy(turns, process, 1) == pytest.approx(LONG_TURN)


def test_it_looks_ten_times_a_second_at_most(turns: Turns, process: Process) -> None:
    for _ in range(10_000):
        process.live(0.0001)
        turns.look()
    assert process.looks <= 1 / BETWEEN + 1


def test_looks_that_take_long_come_rarely(process: Process) -> None:
    def slowly() -> dict[int, float]:
        process.now += 0.01
        return process.cpu_times()

    turns = Turns(process.clock, slowly)
    for _ in range(1_000):
        process.live(0.01)
        turns.look()
    assert process.looks <= 12


def test_where_nobody_can_tell_turns_stay_short(process: Process, turns: Turns) -> None:
    assert busy(Turns(process.clock, dict), process, 5) == pytest.approx(TURN)


def test_what_the_host_has_set_meanwhile_stays(turns: Turns, process: Process) -> None:
    sys.setswitchinterval(0.003)
    busy(turns, process, 5)
    assert sys.getswitchinterval() == pytest.approx(0.003)


def test_turns_are_never_longer_than_the_host_s_own(process: Process) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    TURNS.change()
    try:
        assert busy(Turns(process.clock, process.cpu_times), process, 5) == pytest.approx(0.0005)
    finally:
        TURNS.restore()
        sys.setswitchinterval(before)


def test_without_a_service_the_host_s_turns_are_left_alone(process: Process) -> None:
    before = sys.getswitchinterval()
    busy(Turns(process.clock, process.cpu_times), process, 5)
    assert sys.getswitchinterval() == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it of any thread")
def test_what_a_thread_computes_is_seen_until_it_ends() -> None:
    stop = threading.Event()

    def compute() -> None:
        while not stop.is_set():
            sum(range(1_000))

    thread = threading.Thread(target=compute)
    thread.start()
    number = thread.native_id
    assert number is not None
    begun = cpu_times()[number]
    while cpu_times()[number] < begun + 0.02:
        stop.wait(0.001)
    stop.set()
    thread.join()
    assert number not in cpu_times()
