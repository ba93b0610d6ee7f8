"""APScheduler 4 (alpha): AsyncScheduler with the SQLAlchemy data store on SQLite."""

import asyncio
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import recorder
from apscheduler import AsyncScheduler
from apscheduler.datastores.sqlalchemy import SQLAlchemyDataStore
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from contender import FAR, SECOND, Contender, Order
from contenders.loop import Loop
from sqlalchemy.ext.asyncio import create_async_engine

_LEFT = (
    "SELECT (SELECT count(*) FROM schedules WHERE next_fire_time IS NOT NULL)"
    " + (SELECT count(*) FROM jobs)"
)


class ApScheduler4(Contender):
    """SQLite as SQLAlchemy opens it: rollback journal, synchronous=FULL."""

    def __init__(self, folder: Path, server: str = "") -> None:
        super().__init__(folder, server)
        self.file = folder / "schedules.db"
        self.pending = 0

    def fill(self, pending: int) -> None:
        self.open()
        if pending:
            self.schedule(Order(0, time.time_ns() + FAR))
        self.stop()
        if pending > 1:
            self._clone(pending - 1)

    def open(self) -> None:
        self.loop = Loop()
        self.loop.run(self._prepare())
        self.pending = self._rows()

    def start(self) -> None:
        self.loop.call(self.begin.set)
        self.loop.run(self.begun.wait())

    def stop(self) -> None:
        self._spun.set()
        self.loop.call(self.end.set)
        self.loop.run(asyncio.wait_for(self.ended.wait(), 10))

    def schedule(self, order: Order) -> None:
        moment = datetime.fromtimestamp(order.seconds, UTC)
        self.loop.run(
            self.scheduler.add_schedule(recorder.note, DateTrigger(moment), args=tuple(order))
        )

    def left(self) -> int:
        return self._rows() - self.pending

    def recur(self, count: int, first: int) -> list[int]:
        firsts = [first + n * SECOND // count for n in range(count)]
        for index, due in enumerate(firsts):
            moment = datetime.fromtimestamp(due / SECOND, UTC)
            trigger = IntervalTrigger(seconds=1, start_time=moment)
            self.loop.run(self.scheduler.add_schedule(recorder.note, trigger, args=(index,)))
        return firsts

    async def _prepare(self) -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{self.file}")
        self.scheduler = AsyncScheduler(SQLAlchemyDataStore(engine))
        self.ready, self.begin, self.begun = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.end, self.ended = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self._live())
        await self.ready.wait()

    async def _live(self) -> None:
        """All of it in one task: the scheduler's cancel scopes may not change theirs."""
        async with self.scheduler:
            self.ready.set()
            waits = [asyncio.create_task(event.wait()) for event in (self.begin, self.end)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if self.begin.is_set():
                await self.scheduler.start_in_background()
                self.begun.set()
                await self.end.wait()
        self.ended.set()

    def _rows(self) -> int:
        connection = sqlite3.connect(self.file, timeout=30)
        try:
            return int(connection.execute(_LEFT).fetchone()[0])
        finally:
            connection.close()

    def _clone(self, times: int) -> None:
        """Store the same schedule so often again, under other ids and a second apart."""
        connection = sqlite3.connect(self.file)
        names = [row[1] for row in connection.execute("PRAGMA table_info(schedules)")]
        own = {"id": "lower(hex(randomblob(16)))", "next_fire_time": "next_fire_time + i * 1000000"}
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            f" INSERT INTO schedules ({', '.join(names)})"
            f" SELECT {', '.join(own.get(name, name) for name in names)} FROM schedules, n",
            (times,),
        )
        connection.commit()
        connection.close()
