"""The law behind every executor: each claim ends once, in a report or in what `stop` returns."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tocsin.core.clock import SystemClock
from tocsin.executors.asyncio import AsyncioExecutor
from tocsin.executors.base import Call, Executor
from tocsin.executors.command import Command, CommandExecutor
from tocsin.executors.threads import ThreadExecutor

CLOCK = SystemClock()


def thread_call(chance: random.Random) -> Callable[[Any], Any]:
    delay, mood = chance.random() / 200, chance.randrange(4)

    def function(cancellation: Any) -> str:
        if mood == 0:
            cancellation.wait(delay)
        elif mood == 1:
            cancellation._signal().wait(delay)
        elif mood == 2:
            raise SystemExit
        return "done"

    return function


def asyncio_call(chance: random.Random) -> Callable[[Any], Any]:
    delay, mood = chance.random() / 200, chance.randrange(3)

    async def handler() -> None:
        try:
            await asyncio.sleep(delay)
        except asyncio.CancelledError:
            if mood == 0:
                raise
            await asyncio.sleep(delay)
        if mood == 1:
            raise ValueError

    return lambda _: handler()


def command_call(chance: random.Random) -> Callable[[Any], Any]:
    program = chance.choice(["true", "false", "nowhere", "sleep"])
    return lambda _: Command((program, "0.01"))


def disturb(executor: Executor, calls: int, chance: random.Random, over: threading.Event) -> None:
    while not over.is_set():
        claim = (chance.randrange(calls), 1)
        chance.choice([executor.expire, executor.cancel])(claim)
        executor.holding()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("make", "function", "calls"),
    [
        (lambda: ThreadExecutor(4, clock=CLOCK), thread_call, 300),
        (lambda: AsyncioExecutor(20, clock=CLOCK), asyncio_call, 300),
        (lambda: CommandExecutor(4, clock=CLOCK, kill_after=0.1), command_call, 30),
    ],
    ids=["threads", "asyncio", "command"],
)
def test_every_claim_ends_exactly_once_however_it_is_disturbed(
    *,
    make: Callable[[], Any],
    function: Callable[[random.Random], Any],
    calls: int,
    seed: int,
    call: Callable[..., Call],
    reports: Any,
) -> None:
    chance, executor, over = random.Random(seed), make(), threading.Event()
    disturbers = [
        threading.Thread(target=disturb, args=(executor, calls, random.Random(-seed - n), over))
        for n in range(1, 4)
    ]
    for thread in disturbers:
        thread.start()
    for number in range(calls):
        executor.submit(call(number, function(chance)), reports)
    if chance.random() < 0.5:
        reports.wait(calls // 2)
    unfinished = executor.stop(chance.random() / 10)
    over.set()
    for thread in disturbers:
        thread.join(20)
    ends = Counter([report.claim for report in reports.all] + unfinished)
    assert ends == Counter((number, 1) for number in range(calls))
    assert executor.holding() == {}
    assert executor._active == 0
