"""Throughput and lateness of the service itself, each beside what the machine can do.

    python benchmarks/workloads.py            # all workloads
    python benchmarks/workloads.py W1 W3      # some of them

Every figure is taken on SQLite, WAL, synchronous=FULL, with the event log, the history of runs and
durable claims: there is no faster mode to measure.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from limits import commit_seconds, percentile

from tocsin import RunContext, Tocsin, at, every
from tocsin.messages import NewEntries, NewEntry

FAR = 10 * 365 * 86_400
Figures = dict[str, float]


def service(folder: Path, name: str) -> Tocsin:
    """A service on a fresh database."""
    return Tocsin(f"sqlite:///{folder}/{name}.db")


def fill(app: Tocsin, pending: int) -> None:
    """Store so many tasks that are due in ten years."""
    far = time.time() + FAR
    for begin in range(0, pending, 1_000):
        orders = [NewEntry(at(far + n), handler="nothing") for n in range(begin, begin + 1_000)]
        app.scheduler.ask(NewEntries(orders), timeout=120)


def w1_schedule(folder: Path, pending: int) -> Figures:
    """W1: schedule, each acknowledged durable: one caller, 64 callers, bulk of 1,000."""
    app, far = service(folder, f"w1-{pending}"), time.time() + FAR
    app.handler("nothing")(print)
    with app:
        fill(app, pending)
        raw = 1 / commit_seconds(folder)
        scheduler = app.scheduler

        def one(count: int) -> None:
            for n in range(count):
                scheduler.ask(NewEntry(at(far + n), handler="nothing"), timeout=60)

        single = _rate(500, lambda: one(500))
        many = _rate(64 * 100, lambda: _threads(64, lambda: one(100)))
        orders = [NewEntry(at(far + n), handler="nothing") for n in range(1_000)]
        bulk = _rate(
            10_000, lambda: [scheduler.ask(NewEntries(orders), timeout=60) for _ in range(10)]
        )
    return {"raw_commits_s": raw, "single_s": single, "single_of_raw": single / raw,
            "callers_64_s": many, "bulk_s": bulk}  # fmt: skip


def w2_lateness(folder: Path, pending: int) -> Figures:
    """W2: lateness in ms of 1,000 one-shots spread over 10 s."""
    app, late, done = service(folder, f"w2-{pending}"), list[float](), threading.Event()

    @app.handler("nothing")
    def note(ctx: RunContext) -> None:
        late.append((time.time() - ctx.due_at.timestamp()) * 1e3)
        if len(late) == 1_000:
            done.set()

    with app:
        fill(app, pending)
        soon = time.time() + 2
        orders = [NewEntry(at(soon + n / 100), handler="nothing") for n in range(1_000)]
        app.scheduler.ask(NewEntries(orders), timeout=60)
        _require(done.wait(60), "not all one-shots rang")
    return {"p50_ms": percentile(late, 50), "p99_ms": percentile(late, 99)}


def w3_burst(folder: Path, tasks: int) -> Figures:
    """W3: so many due at one instant, until all are finished and durable."""
    app, late, done = service(folder, f"w3-{tasks}"), list[float](), threading.Event()

    @app.handler("nothing")
    def note(ctx: RunContext) -> None:
        late.append((time.time() - ctx.due_at.timestamp()) * 1e3)
        if len(late) == tasks:
            done.set()

    with app:
        instant = time.time() + 3 + tasks / 5_000
        orders = [NewEntry(at(instant), handler="nothing") for _ in range(tasks)]
        for begin in range(0, tasks, 1_000):
            app.scheduler.ask(NewEntries(orders[begin : begin + 1_000]), timeout=60)
        _require(done.wait(120), "not all of the burst rang")
        while app.tasks(status="active", limit=1):
            pass
        seconds = time.time() - instant
    return {"finished_s": tasks / seconds, "p99_ms": percentile(late, 99)}


def w7_recurring(folder: Path, tasks: int, seconds: int = 20) -> Figures:
    """W7: so many tasks, each every second: share of occurrences run, lateness in ms."""
    app, late = service(folder, f"w7-{tasks}"), list[float]()

    @app.handler("nothing")
    def note(ctx: RunContext) -> None:
        late.append((time.time() - ctx.due_at.timestamp()) * 1e3)

    with app:
        orders = [NewEntry(every(1), handler="nothing", key=f"t{n}") for n in range(tasks)]
        for begin in range(0, tasks, 100):
            app.scheduler.ask(NewEntries(orders[begin : begin + 100]), timeout=60)
        late.clear()
        threading.Event().wait(seconds)
        ran = len(late)
    return {"share_run": ran / (tasks * seconds), "p99_ms": percentile(late, 99)}


WORKLOADS: dict[str, Callable[[Path, bool], Figures]] = {
    "W1": lambda folder, full: w1_schedule(folder, 1_000_000 if full else 0),
    "W2": lambda folder, full: w2_lateness(folder, 1_000_000 if full else 0),
    "W3": lambda folder, full: w3_burst(folder, 10_000 if full else 2_000),
    "W7": lambda folder, full: w7_recurring(folder, 5_000 if full else 200),
}


def main() -> None:
    """Run the chosen workloads and print a table, or JSON."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("names", nargs="*", metavar="W1", help="workloads; default all")
    options.add_argument("--full", action="store_true", help="a million pending, bursts of 10,000")
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    results: dict[str, Figures] = {}
    for name, run in WORKLOADS.items():
        if chosen.names and name not in chosen.names:
            continue
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            results[name] = run(Path(folder), chosen.full)
        if not chosen.json:
            figures = "  ".join(f"{key} {value:,.2f}" for key, value in results[name].items())
            print(f"{name}  {figures}", flush=True)
    if chosen.json:
        print(json.dumps(results))


def _rate(count: int, work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return count / (time.perf_counter() - begun)


def _threads(count: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _require(fulfilled: bool, complaint: str) -> None:
    if not fulfilled:
        sys.exit(complaint)


if __name__ == "__main__":
    main()
