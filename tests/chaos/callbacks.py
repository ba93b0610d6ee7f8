"""What the service of the chaos campaign calls: good functions, and every kind of bad ones."""

import sys
import threading
from collections import Counter

import deadly

from tocsin import RunContext, TaskEvent, Tocsin
from tocsin.core.published import Published


class Callbacks:
    """Handlers and a listener of one service, and how often each was called.

    Attributes:
        made: (run, attempt) of each call that counts.
        heard: the runs that published something, as the listener was told.
        forever: what the hanging calls wait for.
    """

    def __init__(self, app: Tocsin) -> None:
        self.made: Counter[tuple[int, int]] = Counter()
        self.heard: Counter[int] = Counter()
        self.forever = threading.Event()
        for function in (self.good, self.waits, self.tell, self.fail, self.leave):
            app.handler(function.__name__, retries=0)(function)
        app.handler("hang", retries=0, timeout="300ms")(self.hang)
        for function in (deadly.segfault, deadly.exhaust, deadly.leave):
            key = f"process-{function.__name__}"
            app.handler(key, retries=0, timeout="20s", executor="processes")(function)
        app.on("told", name="hear")(self.hear)

    def good(self, ctx: RunContext) -> None:
        self.made[ctx.run_id, ctx.attempt] += 1

    async def waits(self, ctx: RunContext) -> None:
        self.made[ctx.run_id, ctx.attempt] += 1

    def tell(self, ctx: RunContext) -> TaskEvent:
        self.made[ctx.run_id, ctx.attempt] += 1
        return TaskEvent("told", ctx.run_id)

    def fail(self, ctx: RunContext) -> None:
        self.made[ctx.run_id, ctx.attempt] += 1
        raise ValueError("on purpose")

    def leave(self, ctx: RunContext) -> None:
        sys.exit(3)

    def hang(self, ctx: RunContext) -> None:
        self.forever.wait(30)

    def hear(self, event: Published) -> None:
        self.heard[event.payload] += 1
