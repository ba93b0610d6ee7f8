import threading
from collections.abc import Callable
from typing import Any

import pytest

from tocsin.core.clock import SystemClock
from tocsin.core.entry import Cancellation
from tocsin.executors.base import Call, Succeeded
from tocsin.executors.tempo import BRIEF, FEWEST, LASTING, MOST, Tempo
from tocsin.executors.threads import ThreadExecutor

CLOCK = SystemClock()
SLOTS = 8
PATIENCE = 20.0


def now() -> int:
    return CLOCK.monotonic()


def test_calls_are_taken_for_short_until_one_is_not() -> None:
    tempo = Tempo()
    assert tempo.brief
    tempo.ended(now() - 100 * BRIEF)
    assert not tempo.brief


def test_a_single_turn_lost_to_another_thread_makes_no_call_long() -> None:
    tempo = Tempo()
    tempo.ended(now() - 4 * BRIEF)
    assert tempo.brief


def test_calls_that_are_short_again_are_soon_taken_for_short() -> None:
    tempo = Tempo()
    tempo.ended(now() - 100 * BRIEF)
    for _ in range(40):
        tempo.ended(now())
    assert tempo.brief


def test_a_standstill_counts_as_long_calls() -> None:
    tempo = Tempo()
    tempo.stuck()
    assert not tempo.brief


def test_calls_that_share_the_interpreter_are_no_longer_for_that() -> None:
    tempo = Tempo()
    tempo.stuck()
    for _ in range(100):
        tempo.ended(now() - 4 * BRIEF, beside=7)
    assert tempo.brief


def calls_until_brief(tempo: Tempo) -> int:
    """How many calls are made at once until one thread tries again to make them alone."""
    for calls in range(1, 100_000):
        tempo.ended(now(), beside=7)
        if tempo.brief:
            return calls
    raise AssertionError("it never tries again")


def test_what_failed_again_and_again_is_tried_ever_more_rarely() -> None:
    tempo, waits = Tempo(), []
    for _ in range(12):
        tempo.stuck()
        waits.append(calls_until_brief(tempo))
    assert waits[3:8] == [64, 128, 256, 512, 1024]
    assert waits[-1] == MOST


def test_what_went_well_for_long_is_tried_again_soon() -> None:
    tempo = Tempo()
    for _ in range(12):
        tempo.stuck()
        calls_until_brief(tempo)
    for _ in range(LASTING):
        tempo.ended(now())
    tempo.stuck()
    assert calls_until_brief(tempo) < 4 * FEWEST


def test_calls_that_wait_for_each_other_are_all_made_at_once(
    ending: Any, call: Callable[..., Call], reports: Any
) -> None:
    executor = ending(ThreadExecutor(SLOTS, clock=CLOCK, name="bell"))
    together = threading.Barrier(SLOTS)
    for number in range(SLOTS):
        executor.submit(call(number, lambda _: together.wait(PATIENCE) >= 0), reports)
    assert {r.outcome for r in reports.wait(SLOTS)} == {Succeeded(True)}


def test_long_calls_behind_many_short_ones_are_made_at_once_too(
    ending: Any, call: Callable[..., Call], reports: Any
) -> None:
    executor = ending(ThreadExecutor(SLOTS, clock=CLOCK, name="bell"))
    together = threading.Barrier(SLOTS)

    def meet(_: Cancellation) -> bool:
        return together.wait(PATIENCE) >= 0

    for number in range(500):
        executor.submit(call(number, lambda _: True), reports)
    for number in range(500, 500 + SLOTS):
        executor.submit(call(number, meet), reports)
    assert {r.outcome for r in reports.wait(500 + SLOTS)} == {Succeeded(True)}


def test_short_calls_are_made_after_a_long_one_that_does_not_end(
    ending: Any, call: Callable[..., Call], reports: Any, stuck: Any
) -> None:
    executor = ending(ThreadExecutor(SLOTS, clock=CLOCK, name="bell"))
    endless = stuck()
    executor.submit(call(0, endless), reports)
    assert endless.started.wait(PATIENCE)
    for number in range(1, 200):
        executor.submit(call(number, lambda _: True), reports)
    assert len(reports.wait(199)) == 199
    assert not endless.ended.is_set()


def test_a_long_call_is_noticed_once_and_not_again_beside_each_few_short_ones(
    ending: Any,
    call: Callable[..., Call],
    reports: Any,
    stuck: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noticed: list[Tempo] = []

    def note(tempo: Tempo) -> None:
        noticed.append(tempo)

    monkeypatch.setattr(Tempo, "stuck", note)
    executor = ending(ThreadExecutor(SLOTS, clock=CLOCK, name="bell"))
    endless = stuck()
    executor.submit(call(0, endless), reports)
    assert endless.started.wait(PATIENCE)
    for number in range(1, 1_001):
        executor.submit(call(number, lambda _: True), reports)
    assert len(reports.wait(1_000)) == 1_000
    assert len(noticed) < 20


def test_a_call_beside_long_ones_does_not_wait_for_the_one_before_it(
    ending: Any, call: Callable[..., Call], reports: Any, stuck: Any
) -> None:
    executor = ending(ThreadExecutor(SLOTS, clock=CLOCK, name="bell"))
    endless = [stuck() for _ in range(3)]
    for number, each in enumerate(endless):
        executor.submit(call(number, each), reports)
        assert each.started.wait(PATIENCE)
    for number in range(3, 103):  # one after the other: nobody else is there to serve them
        executor.submit(call(number, lambda _: True), reports)
        reports.of((number, 1))
    begun, go_on = threading.Event(), threading.Event()
    executor.submit(call(103, lambda _: begun.set() or go_on.wait(PATIENCE / 4)), reports)
    assert begun.wait(PATIENCE)
    executor.submit(call(104, lambda _: go_on.set() or True), reports)
    assert reports.outcome(103) == reports.outcome(104) == Succeeded(True)
