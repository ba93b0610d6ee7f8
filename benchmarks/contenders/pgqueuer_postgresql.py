"""PgQueuer on PostgreSQL: asyncpg, LISTEN/NOTIFY, its runner in the same process."""

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import asyncpg
import recorder
from contender import FAR, SECOND, Contender, Order
from contenders.loop import Loop
from contenders.postgresql_store import Store
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

_BULK = 1_000
_FILL = 5_000
_BATCH = 200


class PgqueuerPostgresql(Contender):
    """Batches of 200, which suit it better than the shipped ten."""

    has_bulk = True

    def __init__(self, folder: Path, server: str = "") -> None:
        super().__init__(folder, server)
        self.store = Store(server)
        self.pending = 0

    def fill(self, pending: int) -> None:
        self.store.clear()
        self.open()
        far = time.time_ns() + FAR
        for begin in range(0, pending, _FILL):
            some = range(begin, min(begin + _FILL, pending))
            self.loop.run(self._enqueue([Order(n, far + n * SECOND) for n in some]))
        self.store.run("ANALYZE")

    def open(self) -> None:
        self.loop = Loop()
        self.runner = None
        self.loop.run(self._prepare())
        self.pending = self.left()

    def start(self) -> None:
        self.runner = self.loop.spawn(self.queuer.run(batch_size=_BATCH))
        time.sleep(0.5)

    def stop(self) -> None:
        self._spun.set()
        if self.runner is not None:
            self.loop.call(self.queuer.shutdown.set)
            time.sleep(0.3)

    def schedule(self, order: Order) -> None:
        self.loop.run(self._enqueue([order]))

    def schedule_many(self, orders: Sequence[Order]) -> None:
        for begin in range(0, len(orders), _BULK):
            self.loop.run(self._enqueue(orders[begin : begin + _BULK]))

    def left(self) -> int:
        return self.store.value("SELECT count(*) FROM pgqueuer") - self.pending

    def asked(self) -> int:
        return self.store.transactions()

    async def _prepare(self) -> None:
        self.pool = await asyncpg.create_pool(self.server, min_size=2, max_size=8)
        connection = await asyncpg.connect(self.server)
        installer = Queries(AsyncpgDriver(connection))
        if not await installer.has_table("pgqueuer"):
            await installer.install()
        self.queries = Queries(AsyncpgPoolDriver(self.pool))
        self.queuer = PgQueuer(AsyncpgPoolDriver(self.pool))

        @self.queuer.entrypoint("note")
        async def note(job: Job) -> None:
            index, due = (job.payload or b"").split()
            recorder.note(int(index), int(due))

    async def _enqueue(self, orders: Sequence[Order]) -> None:
        now = time.time_ns()
        await self.queries.enqueue(
            ["note"] * len(orders),
            [b"%d %d" % order for order in orders],
            [0] * len(orders),
            execute_after=[timedelta(microseconds=(o.due - now) / 1_000) for o in orders],
        )
