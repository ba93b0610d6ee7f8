"""Takes away from a working service what it stands on, gives it back, and looks what it did.

Every outage is real: a file system that is full, a file that may not grow, a lock that somebody
holds, a file that is elsewhere, calls to the system that fail. Nobody helps the service.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fault_accounts import Accounts
from fault_notes import Reader
from fault_recording import missing
from fault_waits import wait_for

PATIENT = Path(__file__).with_name("fault_patient.py")
WATCHER = Path(__file__).with_name("fault_watcher.py")

WITHIN = 5.0
"""Seconds in which an outage must show, and in which all must be well after it."""

SETTLING = 1.0
"""Seconds in which what was claimed before the outage may still begin."""

ENOUGH = 50
"""Calls and changes after an outage that show that all goes on."""

Say = Callable[[str], None]


class Place:
    """A service in a process of its own, and where it lives.

    Args:
        folder: for journals and, unless it has a small disk of its own, the database.
        small_disk: megabytes of a file system in memory for the database, that dies with the
            process; 0 for none.
        url: the database, if it is no file.
    """

    def __init__(
        self, folder: Path, seed: int, *, small_disk: int = 0, url: str | None = None
    ) -> None:
        self.folder = folder
        self.home = folder / "disk" if small_disk else folder
        self.home.mkdir(exist_ok=True)
        self.database = self.home / "tocsin.db"
        self.anchor = (int(time.time()) + 1) * 1_000_000
        command = [sys.executable, str(PATIENT), str(folder), str(self.home)]
        command += [str(self.anchor), str(seed), *([url] if url else [])]
        if small_disk:
            mount = MOUNT.format(size=small_disk, home=self.home)
            command = ["unshare", "-Urm", "sh", "-c", mount, "sh", *command]
        with (folder / "said").open("w") as said:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                env={**os.environ, "XDG_DATA_HOME": str(folder)},
            )
        self._answer()

    def tell(self, word: str) -> None:
        """Have the patient do something, and wait until it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        self._answer()

    def _answer(self) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        said = (self.folder / "said").read_text()[-2000:]
        assert line == "done\n", f"the patient ended: {line!r}\n{said}"

    def close(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.communicate()


MOUNT = 'mount -t tmpfs -o size={size}m tmpfs {home} && exec "$@"'


# ---------------------------------------------------------------- the outages


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Another process writes, and does not come to an end."""
    other = sqlite3.connect(place.database, isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def told(place: Place, begin: str, end: str) -> Iterator[None]:
    """Something that the patient does to itself."""
    place.tell(begin)
    try:
        yield
    finally:
        place.tell(end)


@contextmanager
def moved(place: Place) -> Iterator[None]:
    """The file is elsewhere for a while."""
    away = place.home / "elsewhere"
    place.database.rename(away)
    try:
        yield
    finally:
        away.rename(place.database)


@contextmanager
def removed(place: Place) -> Iterator[None]:
    """The file is removed; somebody has another name for it, and puts it back."""
    kept = place.home / "kept"
    os.link(place.database, kept)
    place.database.unlink()
    try:
        yield
    finally:
        kept.rename(place.database)


@contextmanager
def replaced(place: Place) -> Iterator[None]:
    """Another database is put in the place of ours, and ours is put back."""
    away, other = place.home / "elsewhere", place.home / "other"
    with sqlite3.connect(place.database, timeout=30) as source, sqlite3.connect(other) as target:
        source.backup(target)
    source.close()
    target.close()
    os.link(place.database, away)
    other.rename(place.database)
    try:
        yield
    finally:
        away.rename(place.database)


@contextmanager
def failing(place: Place, calls: str, error: str) -> Iterator[None]:
    """System calls about the database fail, as they do on a broken or read-only disk."""
    paths = [f"{place.database}{end}" for end in ("", "-wal")]
    tracer = subprocess.Popen(
        ["strace", "-f", "-o", os.devnull, "-p", str(place.process.pid),
         *(word for path in paths for word in ("-P", path)),
         "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert tracer.stderr is not None
    try:
        said = tracer.stderr.readline()
        assert " attached" in said, said
        yield
    finally:
        tracer.terminate()
        tracer.communicate()


@dataclass(frozen=True)
class Outage:
    """One thing that is taken away, and what is needed for that.

    Attributes:
        begin: takes it away for as long as it is entered.
        small_disk: megabytes of the file system that it needs.
        strace: whether it needs that.
        partial: whether something may still be stored: a log that was copied back begins anew.
    """

    begin: Callable[[Place], Any]
    small_disk: int = 0
    strace: bool = False
    partial: bool = False

    def lacks(self) -> str | None:
        """Why it cannot be tried here, None when it can."""
        if self.strace:
            return missing()
        if self.small_disk:
            return no_small_disks()
        return None


WRITES = "pwrite64,ftruncate,fdatasync,fsync"

OUTAGES: dict[str, Outage] = {
    "disk full": Outage(lambda place: told(place, "fill", "free"), small_disk=160),
    "no file may grow": Outage(lambda place: told(place, "limit", "unlimit"), partial=True),
    "locked": Outage(locked),
    "moved": Outage(moved),
    "removed": Outage(removed),
    "replaced": Outage(replaced),
    "read-only": Outage(lambda place: failing(place, WRITES, "EROFS"), strace=True),
    "sync fails": Outage(lambda place: failing(place, "fdatasync,fsync", "EIO"), strace=True),
}


def no_small_disks() -> str | None:
    """Why no file system can be mounted here, None when one can."""
    if shutil.which("unshare") is None:
        return "unshare is not installed (Debian, Ubuntu: apt install util-linux)"
    tried = subprocess.run(
        ["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return f"no private mounts here: {tried.stderr.strip()}" if tried.returncode else None


# ---------------------------------------------------------------- the course of it


class Outside(threading.Thread):
    """What another process is told about the service, all the time."""

    def __init__(self, place: Place) -> None:
        super().__init__(daemon=True)
        command = [sys.executable, str(WATCHER), str(place.database)]
        if place.home != place.folder:
            pid = str(place.process.pid)
            command = ["nsenter", "-t", pid, "-U", "-m", "--preserve-credentials", *command]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.seen: list[tuple[float, str]] = []

    def run(self) -> None:
        """Read until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            at, status = line.split()
            self.seen.append((float(at), status))

    def close(self) -> None:
        """Ask no more."""
        self.process.kill()
        self.process.wait()
        self.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def first(self, after: float, *, well: bool) -> float | None:
        """How long after a moment it was seen to be well, or not."""
        times = [at for at, status in self.seen if at > after and (status == "ok") == well]
        return round(times[0] - after, 2) if times else None


def suffer(
    folder: Path, name: str, seed: int, *, seconds: float = 8.0, within: float = WITHIN
) -> dict[str, Any]:
    """One outage of a working service, from its beginning to the account afterwards.

    Args:
        folder: where it happens.
        name: which outage.
        seed: what the callers do.
        seconds: how long it lasts, at least; until it shows outside.
        within: seconds in which it must show, and in which all must be well after it.
    """
    outage = OUTAGES[name]
    place = Place(folder, seed, small_disk=outage.small_disk)
    outside = Outside(place)
    try:
        outside.start()
        wait_for(lambda: bool(outside.seen) and outside.seen[-1][1] == "ok", 30)
        began = time.time()
        with outage.begin(place):
            time.sleep(seconds)
            wait_for(lambda: outside.first(began, well=False) is not None, within)
            ended = time.time()
        over = time.time()
        wait_for(lambda: outside.first(over, well=True) is not None, within)
        wait_for(lambda: has_recovered(folder, over), within)
        outside.close()
        place.tell("rest")
        place.process.wait(30)
    finally:
        outside.close()
        place.close()
    accounts = Accounts(folder, place.anchor)
    accounts.at_the_end()
    judge = Judge(folder, accounts, began, ended, over, within, partial=outage.partial)
    figures = judge.figures(outside)
    return {"outage": name, **figures, "problems": accounts.problems[:20]}


def has_recovered(folder: Path, since: float) -> bool:
    """Whether it is well, and enough calls began and changes were acknowledged since a moment."""
    reports = list(Reader(folder / "reports").news())
    calls = sum(effect["at"] > since for effect in Reader(folder / "effects").news())
    notes = Reader(folder / "notes").news()
    changes = sum(note["at"] > since for note in notes if note.get("says") == "ack")
    return reports[-1]["status"] == "ok" and min(calls, changes) >= ENOUGH


@dataclass
class Judge:
    """What must hold beside the accounts: when what was seen and done, and that nobody died."""

    folder: Path
    accounts: Accounts
    began: float
    ended: float
    over: float
    within: float
    partial: bool

    def figures(self, outside: Outside) -> dict[str, Any]:
        """Look at everything; what was measured."""
        reports = list(Reader(self.folder / "reports").news())
        effects = list(Reader(self.folder / "effects").news())
        notes = list(Reader(self.folder / "notes").news())
        answers = [note for note in notes if note.get("says") in {"ack", "refused"}]
        done = [note for note in answers if note["says"] == "ack"]
        refused = [note for note in answers if note["says"] == "refused"]
        self.stopped(done, "changes were acknowledged")
        self.stopped(effects, "calls began")
        why = {note["why"] for note in refused} - {"STORAGE_UNAVAILABLE", "UNKNOWN_TASK"}
        self.accounts.expect(not why, f"refused with {why}")
        self.accounts.expect(not reports[-1]["restarts"], "somebody was restarted")
        ill = [report for report in reports if report["status"] != "ok"]
        well = [report for report in reports if report["status"] == "ok"]
        return {
            "seconds_until_it_shows_inside": self.soon(self.began, ill, "it did not show"),
            "seconds_until_it_shows_outside": self.seen(outside, well=False),
            "seconds_until_it_is_well_inside": self.soon(self.over, well, "it was not well again"),
            "seconds_until_it_is_well_outside": self.seen(outside, well=True),
            "seconds_until_a_call": self.soon(self.over, effects, "no call after it"),
            "seconds_until_a_change": self.soon(self.over, done, "no change after it"),
            "refused": len(refused),
            "found": dict(sorted(self.accounts.found.items())),
        }

    def stopped(self, lines: list[dict[str, Any]], what: str) -> None:
        """Nothing of this kind happens while nothing can be stored."""
        if self.partial:
            return
        during = [line for line in lines if self.began + SETTLING < line["at"] < self.ended]
        self.accounts.expect(not during, f"{len(during)} {what} while nothing could be stored")

    def soon(self, since: float, lines: list[dict[str, Any]], otherwise: str) -> float | None:
        """How soon the first of these lines came after a moment."""
        later = [line["at"] - since for line in lines if line["at"] > since]
        self.accounts.expect(later and later[0] < self.within, f"{otherwise} in {self.within:g} s")
        return round(later[0], 2) if later else None

    def seen(self, outside: Outside, *, well: bool) -> float | None:
        """How soon it was seen from another process."""
        took = outside.first(self.over if well else self.began, well=well)
        words = "it was not seen to be well" if well else "it was not seen to be ill"
        self.accounts.expect(
            took is not None and took < self.within, f"{words} in {self.within:g} s"
        )
        return took


def campaign(folder: Path, seed: int, say: Say) -> dict[str, Any]:
    """Every outage that can be tried here."""
    began, problems, told = time.monotonic(), list[str](), list[dict[str, Any]]()
    for name, outage in OUTAGES.items():
        lacks = outage.lacks()
        if lacks is not None:
            say(f"{name}: not tried, {lacks}")
            continue
        home = folder / name.replace(" ", "-")
        home.mkdir()
        figures = suffer(home, name, seed)
        say(f"{name}: {'kept' if not figures['problems'] else figures['problems'][0]}")
        problems += [f"{name}: {problem}" for problem in figures.pop("problems")]
        told.append(figures)
    seconds = round(time.monotonic() - began, 1)
    return {"seconds": seconds, "outages": told, "problems": problems}
