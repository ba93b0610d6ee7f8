"""Procrastinate on PostgreSQL: psycopg, LISTEN/NOTIFY, one worker in the same process."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import recorder
from contender import FAR, Contender, Order
from contenders.loop import Loop
from contenders.postgresql_store import Store
from procrastinate import App, PsycopgConnector

_LEFT = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
_CLONE = """
    INSERT INTO procrastinate_jobs
        (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
    SELECT queue_name, task_name, priority, lock, queueing_lock, args,
        scheduled_at + i * interval '1 second'
    FROM procrastinate_jobs, generate_series(1, %s) AS i
"""
_BULK = 1_000
_CONCURRENCY = 10


class ProcrastinatePostgresql(Contender):
    """Its worker looks ten times a second for what has become due; as shipped, every five."""

    has_bulk = True

    def __init__(self, folder: Path, server: str = "") -> None:
        super().__init__(folder, server)
        self.store = Store(server)
        self.pending = 0

    def fill(self, pending: int) -> None:
        self.store.clear()
        self.open()
        self.loop.run(self.app.schema_manager.apply_schema_async())
        if pending:
            self.schedule(Order(0, time.time_ns() + FAR))
        if pending > 1:
            self.store.run(_CLONE, pending - 1)
        self.store.run("ANALYZE")

    def open(self) -> None:
        self.loop = Loop()
        self.app = App(connector=PsycopgConnector(conninfo=self.server))
        self.worker = None

        @self.app.task(name="note", queue="bench")
        async def note(number: int, due: int) -> None:
            recorder.note(number, due)

        self.note = note
        self.loop.run(self._connect())
        if self.store.value("SELECT count(*) FROM pg_class WHERE relname = 'procrastinate_jobs'"):
            self.pending = self.left()

    def start(self) -> None:
        self.worker = self.loop.spawn(
            self.app.run_worker_async(
                install_signal_handlers=False,
                concurrency=_CONCURRENCY,
                fetch_job_polling_interval=0.1,
            )
        )
        time.sleep(0.5)

    def stop(self) -> None:
        self._spun.set()
        if self.worker is not None:
            self.worker.cancel()
            time.sleep(0.3)

    def schedule(self, order: Order) -> None:
        self.loop.run(
            self.note.configure(schedule_at=_moment(order.due)).defer_async(**order._asdict())
        )

    def schedule_many(self, orders: Sequence[Order]) -> None:
        """One call takes many orders of one instant only."""
        instants: dict[int, list[Order]] = defaultdict(list)
        for order in orders:
            instants[order.due].append(order)
        self.loop.run(self._defer(instants))

    async def _connect(self) -> None:
        await self.app.open_async()

    async def _defer(self, instants: dict[int, list[Order]]) -> None:
        for due, orders in instants.items():
            deferrer = self.note.configure(schedule_at=_moment(due))
            for begin in range(0, len(orders), _BULK):
                some = orders[begin : begin + _BULK]
                await deferrer.batch_defer_async(*[order._asdict() for order in some])
                await asyncio.sleep(0)

    def left(self) -> int:
        return self.store.value(_LEFT) - self.pending

    def asked(self) -> int:
        return self.store.transactions()


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant / 1e9, UTC)
