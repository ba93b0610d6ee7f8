"""Huey: SqliteHuey with `fsync=True`, one consumer in the same process."""

import sqlite3
import time
from datetime import datetime
from pathlib import Path

import recorder
from contender import FAR, Contender, Order
from huey import SqliteHuey

_CLONE = """
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO schedule (queue, data, timestamp) SELECT queue, data, ? + i FROM task, n
"""


class HueySqlite(Contender):
    """The consumer as shipped: one worker thread, the schedule looked at once a second."""

    def __init__(self, folder: Path, server: str = "") -> None:
        super().__init__(folder, server)
        self.file = folder / "huey.db"
        self.consumer = None
        self.pending = 0

    def fill(self, pending: int) -> None:
        """An order lies in the queue until a consumer moves it to the schedule: done here."""
        self.open()
        if pending:
            far = time.time_ns() + FAR
            self.schedule(Order(0, far))
            with sqlite3.connect(self.file) as connection:
                connection.execute(_CLONE, (pending, far / 1e9))
                connection.execute("DELETE FROM task")
            connection.close()

    def open(self) -> None:
        self.huey = SqliteHuey("bench", filename=str(self.file), utc=False, fsync=True)
        self.note = self.huey.task()(recorder.note)
        self.pending = self.left()

    def start(self) -> None:
        self.consumer = self.huey.create_consumer(check_worker_health=False, periodic=False)
        self.consumer.start()

    def stop(self) -> None:
        self._spun.set()
        if self.consumer is not None:
            self.consumer.stop(graceful=False)

    def schedule(self, order: Order) -> None:
        self.note.schedule(args=tuple(order), eta=datetime.fromtimestamp(order.seconds))  # noqa: DTZ006 - Huey takes local time

    def left(self) -> int:
        storage = self.huey.storage
        return int(storage.schedule_size() + storage.queue_size()) - self.pending
