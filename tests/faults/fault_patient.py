"""A service under load that something is done to: it does its work, and tells how it is.

python fault_patient.py FOLDER HOME ANCHOR SEED [URL]

It obeys the lines of its standard input, and answers each with "done": `limit` and `unlimit` how
large its files may grow, `fill` and `free` the disk of its database, `rest`: let everything come to
its end, copy the database to FOLDER, and stop.
"""

import errno
import os
import resource
import shutil
import sys
import threading
import time
from pathlib import Path

from fault_load import Load
from fault_notes import Journal

from tocsin.messages import NewEntries, NewEntry
from tocsin.storage import wal

wal.LONG_LOG = 1 << 40
"""The log only grows here: a full disk is no outage while there is room left in the log."""

BALLAST = 500
"""Tasks for tomorrow: with them, the database is larger than any journal."""


class Patient:
    """The service and what can be done to it from inside."""

    def __init__(
        self, folder: Path, home: Path, anchor: int, seed: int, url: str | None = None
    ) -> None:
        self.folder, self.home = folder, home
        self.load = Load(folder, anchor, seed, 1, url or f"sqlite:///{home}/tocsin.db")
        self.reports = Journal(folder / "reports")

    def start(self) -> None:
        """Begin to work and to report."""
        self.load.begin()
        entries = [NewEntry("in 1 day", handler="good", key=f"ballast {n}") for n in range(BALLAST)]
        self.load.app.scheduler.ask(NewEntries(tuple(entries)), timeout=30)
        threading.Thread(target=self.report, daemon=True).start()

    def report(self) -> None:
        """Write down the health whenever it changes, and how often an actor was restarted."""
        last, app = None, self.load.app
        while app.running:
            health = app.health()
            seen = (health.status, health.problems[:1])
            if last is None or seen[0] != last[0]:
                restarts = sum(actor.restarts for actor in health.actors)
                self.reports.write(status=seen[0], why=seen[1], restarts=restarts)
                last = seen
            time.sleep(0.05)

    def limit(self) -> None:
        """No file may grow beyond what the write-ahead log has now."""
        size = (self.home / "tocsin.db-wal").stat().st_size
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    def unlimit(self) -> None:
        """Files may grow again."""
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    def fill(self) -> None:
        """Leave no free block on the disk of the database."""
        handle = os.open(self.home / "ballast", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        size = 1 << 20
        while size:
            try:
                os.write(handle, bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2
        os.close(handle)

    def free(self) -> None:
        """Give the room back."""
        (self.home / "ballast").unlink()

    def rest(self) -> None:
        """Come to the end, and leave everything where it can be looked at."""
        self.load.rest()
        if self.home != self.folder:
            for path in self.home.glob("tocsin.db*"):
                shutil.copy(path, self.folder)


def main(folder: str, home: str, anchor: str, seed: str, url: str | None = None) -> None:
    """Work until told to rest."""
    patient = Patient(Path(folder), Path(home), int(anchor), int(seed), url)
    patient.start()
    sys.stdout.write("done\n")
    sys.stdout.flush()
    for line in sys.stdin:
        getattr(patient, line.strip())()
        sys.stdout.write("done\n")
        sys.stdout.flush()
        if line.strip() == "rest":
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
