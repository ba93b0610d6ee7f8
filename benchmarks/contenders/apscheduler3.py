"""APScheduler 3: BackgroundScheduler with the SQLAlchemy job store on SQLite."""

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import recorder
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from contender import FAR, SECOND, Contender, Order
from sqlalchemy import create_engine, event

_CLONE = """
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO apscheduler_jobs
    SELECT lower(hex(randomblob(16))), next_run_time + i, job_state FROM apscheduler_jobs, n
"""


class ApScheduler3(Contender):
    """SQLite as SQLAlchemy opens it: rollback journal, synchronous=FULL.

    `misfire_grace_time=None`, because the shipped second drops whatever is later than that.
    """

    journal = "delete"

    def __init__(self, folder: Path, server: str = "") -> None:
        super().__init__(folder, server)
        self.file = folder / "jobs.db"
        self.pending = 0

    def fill(self, pending: int) -> None:
        self.open()
        if pending:
            self.schedule(Order(0, time.time_ns() + FAR))
        self.stop()
        if pending > 1:
            with sqlite3.connect(self.file) as connection:
                connection.execute(_CLONE, (pending - 1,))
            connection.close()

    def open(self) -> None:
        engine = create_engine(f"sqlite:///{self.file}")
        event.listen(engine, "connect", self._set_journal)
        self.scheduler = BackgroundScheduler(
            jobstores={"default": SQLAlchemyJobStore(engine=engine)},
            job_defaults={"misfire_grace_time": None},
            timezone=UTC,
        )
        self.scheduler.start(paused=True)
        self.pending = self._rows()

    def start(self) -> None:
        self.scheduler.resume()

    def stop(self) -> None:
        self._spun.set()
        self.scheduler.shutdown(wait=False)

    def schedule(self, order: Order) -> None:
        self.stored += 1
        moment = datetime.fromtimestamp(order.seconds, UTC)
        self.scheduler.add_job(recorder.note, "date", run_date=moment, args=tuple(order))

    def left(self) -> int:
        return self._rows() - self.pending

    def recur(self, count: int, first: int) -> list[int]:
        firsts = [first + n * SECOND // count for n in range(count)]
        for index, due in enumerate(firsts):
            self.scheduler.add_job(
                recorder.note,
                "interval",
                seconds=1,
                start_date=datetime.fromtimestamp(due / SECOND, UTC),
                args=(index,),
            )
        return firsts

    def _set_journal(self, connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA journal_mode={self.journal}")
        connection.execute("PRAGMA synchronous=full")

    def _rows(self) -> int:
        connection = sqlite3.connect(self.file)
        try:
            return int(connection.execute("SELECT count(*) FROM apscheduler_jobs").fetchone()[0])
        finally:
            connection.close()


class ApScheduler3Wal(ApScheduler3):
    """The same with SQLite's WAL, which a user has to set."""

    journal = "wal"
