"""What the machine itself can do, measured beside everything that is compared to it."""

import os
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

_ROW = b"x" * 200

TREES = 13
"""Tables and indexes that a new task changes: a page each, and each goes to the disk."""


def measure(folder: Path) -> dict[str, float]:
    """All limits: rates a second, durations in milliseconds."""
    return {
        "commits_s": commit_rate(folder),
        "commits_of_13_s": wide_commit_rate(folder),
        "commits_of_13_apart_s": wide_commit_rate(folder, apart=0.0001),
        "commits_rollback_journal_s": commit_rate(folder, journal="delete"),
        "bulk_rows_s": bulk_rate(folder),
        "fsync_ms": fsync_seconds(folder) * 1e3,
        "wake_p50_ms": wake_seconds(50) * 1e3,
        "wake_p99_ms": wake_seconds(99) * 1e3,
        "there_and_back_ms": there_and_back_seconds() * 1e3,
        "python_start_s": python_seconds(),
    }


def commit_rate(folder: Path, rounds: int = 500, journal: str = "wal") -> float:
    """Single-row commits a second: SQLite, synchronous=FULL."""
    return rounds / _timed(folder, journal, lambda c: _singles(c, rounds))


def wide_commit_rate(folder: Path, rounds: int = 500, apart: float = 0.0) -> float:
    """Commits a second of one row in each of 13 trees, as an order leaves them in its tables.

    Args:
        folder: where the file is made.
        rounds: so many commits.
        apart: seconds of other work between two commits, which are not counted. Some disks answer
            faster to those who come back at once.
    """
    return rounds / (_timed(folder, "wal", lambda c: _wide(c, rounds, apart)) - rounds * apart)


def bulk_rate(folder: Path, rounds: int = 20) -> float:
    """Rows a second in commits of 1,000: SQLite, WAL, synchronous=FULL."""
    return 1_000 * rounds / _timed(folder, "wal", lambda c: _thousands(c, rounds))


def fsync_seconds(folder: Path, rounds: int = 100) -> float:
    """Median time to write one page at the end of a file and sync it."""
    path, times = folder / "limit.fsync", []
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    for page in range(rounds):
        os.pwrite(descriptor, b"x" * 4096, 4096 * page)
        begun = time.perf_counter()
        os.fsync(descriptor)
        times.append(time.perf_counter() - begun)
    os.close(descriptor)
    path.unlink()
    return statistics.median(times)


def wake_seconds(share: float = 99, rounds: int = 200) -> float:
    """How much later than asked a thread wakes from a wait of 5 ms: a percentile."""
    condition = threading.Condition()
    late = []
    for _ in range(rounds):
        due = time.perf_counter() + 0.005
        with condition:
            condition.wait(due - time.perf_counter())
        late.append(time.perf_counter() - due)
    return percentile(late, share)


def there_and_back_seconds(rounds: int = 500) -> float:
    """Median time to wake another thread, and to be woken by it in turn."""
    there, back = threading.Lock(), threading.Lock()
    there.acquire()
    back.acquire()

    def answer() -> None:
        for _ in range(rounds):
            there.acquire()
            back.release()

    thread, times = threading.Thread(target=answer), []
    thread.start()
    for _ in range(rounds):
        begun = time.perf_counter()
        there.release()
        back.acquire()
        times.append(time.perf_counter() - begun)
    thread.join()
    return statistics.median(times)


def python_seconds(rounds: int = 5) -> float:
    """Median time to start an interpreter that does nothing."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", ""], check=True)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` percent of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(len(ordered) * share / 100))]


def _timed(folder: Path, journal: str, work: Callable[[sqlite3.Connection], None]) -> float:
    path = folder / "limit.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute("PRAGMA synchronous=full")
    for tree in range(TREES):
        connection.execute(f"CREATE TABLE t{tree} (id INTEGER PRIMARY KEY, v BLOB)")
    begun = time.perf_counter()
    work(connection)
    seconds = time.perf_counter() - begun
    connection.close()
    path.unlink()
    return seconds


def _singles(connection: sqlite3.Connection, rounds: int) -> None:
    for _ in range(rounds):
        connection.execute("INSERT INTO t0 (v) VALUES (?)", (_ROW,))


def _wide(connection: sqlite3.Connection, rounds: int, apart: float) -> None:
    for _ in range(rounds):
        resume = time.perf_counter() + apart
        while time.perf_counter() < resume:
            pass
        connection.execute("BEGIN IMMEDIATE")
        for tree in range(TREES):
            connection.execute(f"INSERT INTO t{tree} (v) VALUES (?)", (_ROW[:80],))
        connection.execute("COMMIT")


def _thousands(connection: sqlite3.Connection, rounds: int) -> None:
    for _ in range(rounds):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO t0 (v) VALUES (?)", [(_ROW,)] * 1_000)
        connection.execute("COMMIT")
