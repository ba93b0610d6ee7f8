"""How long pruning holds up those who write: `python benchmarks/retention.py [TASKS]`.

Tasks that ran once, all of them old, are pruned as the Janitor does it, while another thread
commits one small change after the other. Its commits are timed before and during the pruning; what
the pruning itself held the writer for is measured inside.
"""

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from tocsin.core import commands as c
from tocsin.core.clock import DAY, HOUR, SystemClock
from tocsin.core.retention import Keep
from tocsin.core.schedule import at
from tocsin.opening import Opened
from tocsin.storage.claims import Claims
from tocsin.storage.ledger import Ledger
from tocsin.storage.pace import Pace
from tocsin.storage.rebuild import rebuild
from tocsin.storage.retention import Retention

BATCH = 1_000


class Clock(SystemClock):
    """The system's, moved by as much as one likes."""

    ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead


def fill(opened: Opened, clock: Clock, tasks: int) -> None:
    """Tasks that ran once: four events and one run each."""
    ledger = Ledger(opened.database, clock, opened.drafts, Claims("bench"))
    due = at("in 1 second")
    for done in range(0, tasks, BATCH):
        clock.ahead += HOUR
        entries = [c.NewEntry(due, handler="h", args=[done + n]) for n in range(BATCH)]
        [replies] = ledger.execute([c.NewEntries(entries)]).answers
        ids = tuple(reply["scheduler_id"] for reply in replies)
        clock.ahead += HOUR
        starts = ledger.execute([c.AlarmsTriggered(ids)], slots=BATCH).starts
        now = clock.now()
        ledger.execute(
            [c.RunFinished(s.run_id, s.task_id, s.fence, "succeeded", now, now) for s in starts]
        )


class Writer(threading.Thread):
    """Commits one change after the other, a hundred a second, and notes how long each took."""

    def __init__(self, opened: Opened, clock: Clock) -> None:
        super().__init__(daemon=True)
        self._opened, self._ledger = opened, Ledger(opened.database, clock, opened.drafts)
        self._ledger.execute([c.NewEntry(at("in 2 hours"), handler="h", key="busy")])
        self.took: list[float] = []
        self.done = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.done.wait(0.01):
            number += 1
            began = time.perf_counter()
            self._ledger.execute([c.UpdateTask("busy", metadata={"n": number})])
            self.took.append(time.perf_counter() - began)
        self._opened.database.disconnect()

    def summary(self) -> str:
        took, self.took = self.took, []
        return f"{len(took):,} commits took {told(took)}"


def told(seconds: Iterable[float]) -> str:
    found = sorted(seconds)
    median, p99 = statistics.median(found), found[int(len(found) * 0.99)]
    shown = (f"{each * 1e3:.1f} ms" for each in (median, p99, found[-1]))
    return "{} (median), {} (p99), {} (longest)".format(*shown)


class Stopwatch(Pace):
    """Notes the processor's time of each batch, too: on a busy machine the rest is waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.cpu: list[float] = []

    def start(self) -> float:
        self._began = time.thread_time()
        return super().start()

    def finish(self, started: float) -> None:
        super().finish(started)
        self.cpu.append(time.thread_time() - self._began)


def prune(opened: Opened, clock: Clock) -> Retention:
    """What the Janitor does, with its rests."""
    retention = Retention(opened.database, Keep(DAY, 2 * DAY))
    retention.pace = Stopwatch()
    while retention.step(clock.now()):
        time.sleep(retention.pace.rest)
    return retention


def main(arguments: list[str]) -> None:
    tasks = int(arguments[0]) if arguments else 50_000
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        clock = Clock()
        opened = Opened(f"sqlite:///{Path(folder)}/tocsin.db", clock, {})
        fill(opened, clock, tasks)
        clock.ahead += 30 * DAY
        with opened.database.session() as connection:
            (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
        writer = Writer(opened, clock)
        writer.start()
        time.sleep(5)
        print(f"{tasks:,} tasks, {events:,} events")
        print(f"  without pruning   {writer.summary()}")
        began = time.perf_counter()
        retention = prune(opened, clock)
        took = time.perf_counter() - began
        print(f"  while pruning     {writer.summary()}")
        writer.done.set()
        writer.join()
        print(f"  pruned in {took:.1f} s, {len(retention.pace.held):,} batches")
        print(f"  the writer was held for {told(retention.pace.held)}")
        print(f"  of it on a processor    {told(retention.pace.cpu)}")
        print(f"  the tables are {'' if rebuild(opened.database, check=True).ok else 'NOT '}sound")
        opened.database.disconnect()


if __name__ == "__main__":
    main(sys.argv[1:])
