"""A service in a process of its own that is stopped by eight threads in the midst of its work.

`python loaded.py FOLDER ROUND SECONDS`: takes in tasks for so long, then stops. With SECONDS = -1
it takes in none, and stops when everything is done. It notes what it accepted and called.
"""

import itertools
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable

from tocsin import RunContext, Tocsin, every, now
from tocsin.core.errors import TocsinError
from tocsin.core.handlers import COMMAND

GRACE = 1.0
STOPPERS = 8
PRODUCERS = 4
PAUSE = 0.02
"""Seconds between two orders of a producer: about what the calls can keep up with."""

KINDS = ("quick",) * 40 + ("waits",) * 10 + ("patient",) * 3 + ("stubborn",)


class Notes:
    """An append-only file, each line in one write."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, *words: object) -> None:
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


def register(app: Tocsin, notes: Notes, number: int) -> None:
    """Calls of every temper; each notes its begin and its end."""

    def noted(kind: str, body: Callable[[RunContext], bool]) -> None:
        def call(ctx: RunContext) -> None:
            notes.write("begin", kind, ctx.run_id, ctx.attempt, number)
            done = body(ctx)
            notes.write("end" if done else "noticed", kind, ctx.run_id, ctx.attempt, number)

        app.handler(kind)(call)

    noted("quick", lambda ctx: True)
    noted("patient", lambda ctx: not ctx.cancelled.wait(0.3))
    noted("stubborn", lambda ctx: time.sleep(1.5) is None)

    @app.handler("waits")
    async def waits(ctx: RunContext) -> None:
        notes.write("begin", "waits", ctx.run_id, ctx.attempt, number)
        notes.write("end", "waits", ctx.run_id, ctx.attempt, number)


def produce(app: Tocsin, notes: Notes, name: str, ended: threading.Event) -> None:
    """Schedule one task after the other; what was accepted is noted, what was refused is not."""
    chance = random.Random(name)
    for count in itertools.count():
        if ended.wait(PAUSE):
            return
        key = f"{name}-{count}"
        try:
            app.schedule(chance.choice(KINDS), now(), key=key)
        except TocsinError:  # it stops right now; nothing was promised
            continue
        notes.write("accepted", key)


def stop_from_everywhere(app: Tocsin) -> dict[str, object]:
    """All threads at once; how long each took, and whether the service had ended for all."""
    barrier, seconds, running = threading.Barrier(STOPPERS), list[float](), list[bool]()

    def stop() -> None:
        barrier.wait(30)
        began = time.monotonic()
        app.stop()
        seconds.append(time.monotonic() - began)
        running.append(app.running)

    threads = [threading.Thread(target=stop) for _ in range(STOPPERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return {"seconds": max(seconds), "returned": len(seconds), "running": any(running)}


def settle(app: Tocsin) -> None:
    """Wait until no run is on its way any more."""
    for task in app.tasks(limit=1_000_000):
        if task.schedule.recurring:
            app.cancel(task)
    while app.history(status="pending", limit=1) or app.history(status="executing", limit=1):
        time.sleep(0.1)


def main(folder: str, number: int, seconds: float) -> None:
    notes, ended = Notes(f"{folder}/notes"), threading.Event()
    app = Tocsin(f"sqlite:///{folder}/stops.db", grace=GRACE, max_concurrent=8)
    register(app, notes, number)
    app.start()
    if seconds < 0:
        settle(app)
    else:
        for index in range(10):
            app.schedule("quick", every("100ms"), key=f"recurring-{index}")
        app.schedule(COMMAND, now(), key=f"command-{number}", args=[["sleep", "0.2"]])
        notes.write("accepted", f"command-{number}")
        producers = [
            threading.Thread(target=produce, args=(app, notes, f"r{number}p{index}", ended))
            for index in range(PRODUCERS)
        ]
        for producer in producers:
            producer.start()
        time.sleep(seconds)
    result = stop_from_everywhere(app)
    ended.set()
    if seconds >= 0:
        for producer in producers:
            producer.join(30)
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
