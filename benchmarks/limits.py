"""What the machine itself can do, measured in the same run as everything that is compared to it."""

import sqlite3
import statistics
import threading
import time
from pathlib import Path


def commit_seconds(folder: Path, rounds: int = 300) -> float:
    """Median time of one small durable commit: SQLite, WAL, synchronous=FULL."""
    connection = sqlite3.connect(folder / "limit.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute("PRAGMA synchronous=full")
    connection.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v BLOB)")
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        connection.execute("INSERT INTO t (v) VALUES (?)", (b"x" * 200,))
        times.append(time.perf_counter() - begun)
    connection.close()
    return statistics.median(times)


def wake_seconds(rounds: int = 200) -> float:
    """99th percentile of how much later than asked a thread wakes from a wait of 5 ms."""
    condition = threading.Condition()
    late = []
    for _ in range(rounds):
        due = time.perf_counter() + 0.005
        with condition:
            condition.wait(due - time.perf_counter())
        late.append(time.perf_counter() - due)
    return percentile(late, 99)


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` percent of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(len(ordered) * share / 100))]
