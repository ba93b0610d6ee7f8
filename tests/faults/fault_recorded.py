"""The program whose writes are recorded: two lives of a service under load.

python fault_recorded.py FOLDER ANCHOR SEED SECONDS SYNCHRONOUS
"""

import sqlite3
import sys
import time
from pathlib import Path

from fault_load import Load

from tocsin.storage.database import Database

CHECKPOINT = 60
"""Pages in the write-ahead log after which it is copied back: often, so that cuts hit that, too."""


def tune(synchronous: str) -> None:
    """Give every connection these settings."""
    connect = Database.connect

    def tuned(self: Database) -> sqlite3.Connection:
        connection = connect(self)
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")
        if not connection.in_transaction:
            connection.execute(f"PRAGMA synchronous = {synchronous}")
        return connection

    Database.connect = tuned  # type: ignore[method-assign]


def main(folder: Path, anchor: int, seed: int, seconds: float, synchronous: str) -> None:
    """Live twice, with an orderly stop between and at the end."""
    tune(synchronous)
    for life in (1, 2):
        load = Load(folder, anchor, seed, life)
        load.begin()
        time.sleep(seconds / 2)
        load.over.set()
        load.app.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
