"""How late do one-shot tasks start? `make bench`, or `python benchmarks/lateness.py --help`.

Schedules N one-shot tasks spread over some seconds on a real service (SQLite, WAL,
synchronous=FULL, durable claims, events and history) and prints how late their callbacks began,
beside what the machine can do at all in the same run.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from limits import commit_seconds, percentile, wake_seconds

from tocsin import RunContext, Tocsin, at
from tocsin.messages import NewEntries, NewEntry


def measure(folder: Path, tasks: int, spread: float, pending: int) -> list[float]:
    """Seconds between the planned instant and the first line of each callback."""
    app = Tocsin(f"sqlite:///{folder}/tocsin.db")
    late: list[float] = []
    done = threading.Event()

    @app.handler("note")
    def note(ctx: RunContext) -> None:
        late.append(time.time() - ctx.due_at.timestamp())
        if len(late) == tasks:
            done.set()

    far = time.time() + 10 * 365 * 86_400
    with app:
        for begin in range(0, pending, 1_000):
            orders = [NewEntry(at(far + n), handler="note") for n in range(begin, begin + 1_000)]
            app.scheduler.ask(NewEntries(orders), timeout=120)
        soon = time.time() + 2
        orders = [NewEntry(at(soon + spread * n / tasks), handler="note") for n in range(tasks)]
        for begin in range(0, tasks, 1_000):
            app.scheduler.ask(NewEntries(orders[begin : begin + 1_000]), timeout=60)
        if not done.wait(spread + 60):
            sys.exit(f"only {len(late)} of {tasks} tasks rang")
    return late


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--tasks", type=int, default=1_000, help="one-shot tasks")
    options.add_argument("--spread", type=float, default=10.0, help="seconds they are spread over")
    options.add_argument("--pending", type=int, default=0, help="other tasks, due in ten years")
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        commit, wake = commit_seconds(folder), wake_seconds()
        late = measure(folder, chosen.tasks, chosen.spread, chosen.pending)
    figures: dict[str, Any] = {
        "tasks": chosen.tasks,
        "spread_seconds": chosen.spread,
        "pending": chosen.pending,
        "lateness_ms": {p: round(percentile(late, p) * 1e3, 3) for p in (50, 90, 99, 100)},
        "machine_ms": {"commit_median": round(commit * 1e3, 3), "wake_p99": round(wake * 1e3, 3)},
        "p99_in_commits": round(percentile(late, 99) / commit, 1),
    }
    if chosen.json:
        print(json.dumps(figures))
        return
    print(
        f"{chosen.tasks} one-shot tasks over {chosen.spread:g} s, {chosen.pending} others pending"
    )
    for share, value in figures["lateness_ms"].items():
        print(f"  lateness p{share:<4} {value:10.3f} ms")
    print(f"  one durable commit {figures['machine_ms']['commit_median']:6.3f} ms (median)")
    print(f"  thread wake-up     {figures['machine_ms']['wake_p99']:6.3f} ms late (p99)")


if __name__ == "__main__":
    main()
