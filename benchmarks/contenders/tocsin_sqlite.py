"""This project: SQLite, WAL, synchronous=FULL, events, history, durable claims. No faster mode."""

import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import recorder
from contender import FAR, SECOND, Contender, Order

from tocsin import RunContext, Tocsin, at, every, now
from tocsin.messages import NewEntries, NewEntry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BULK = 1_000


class TocsinSqlite(Contender):
    """The service, embedded, as it is by default."""

    has_bulk = True
    serves_to_schedule = True
    hears_due = True

    def __init__(self, folder: Path, server: str = "") -> None:
        super().__init__(folder, server)
        self.file = folder / "tocsin.db"

    def fill(self, pending: int) -> None:
        self.open()
        self.start()
        far = time.time_ns() + FAR
        for begin in range(0, pending, _BULK):
            some = range(begin, min(begin + _BULK, pending))
            self._send([Order(n, far + n * SECOND) for n in some])
        self.stop()

    def open(self) -> None:
        self.app = Tocsin(f"sqlite:///{self.file}", grace=1.0)
        self.app.handler("note")(_note)
        self.app.handler("beat")(_beat)
        self.app.handler("spin")(lambda _: self._spin())

    def start(self) -> None:
        self.app.start()

    def stop(self) -> None:
        self._spun.set()
        self.app.stop()

    def schedule(self, order: Order) -> None:
        self.stored += 1
        self.app.scheduler.ask(_entry(order), timeout=120)

    def schedule_many(self, orders: Sequence[Order]) -> None:
        self.stored += len(orders)
        for begin in range(0, len(orders), _BULK):
            self._send(orders[begin : begin + _BULK])

    def left(self) -> int:
        return self.stored - self._value("SELECT count(*) FROM runs WHERE status = 'succeeded'")

    def recur(self, count: int, first: int) -> list[int]:
        firsts = [(first + n * SECOND // count) // 1_000 * 1_000 for n in range(count)]
        entries = [
            NewEntry(every("1s", anchor=_moment(due)), handler="beat", args=(n,))
            for n, due in enumerate(firsts)
        ]
        for begin in range(0, count, _BULK):
            self.app.scheduler.ask(NewEntries(entries[begin : begin + _BULK]), timeout=120)
        return firsts

    def recorded(self, begin: int, end: int) -> int:
        return self._value(
            "SELECT count(*) FROM runs WHERE status = 'succeeded' AND due_at >= ? AND due_at < ?",
            begin // 1_000,
            end // 1_000,
        )

    def spin(self) -> None:
        """A real callback on one of the service's own threads."""
        self.app.schedule("spin", now())

    def _send(self, orders: Sequence[Order]) -> None:
        self.app.scheduler.ask(NewEntries([_entry(order) for order in orders]), timeout=120)

    def _value(self, statement: str, *values: int) -> int:
        """What another connection sees: only what is committed."""
        connection = sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)
        try:
            return int(connection.execute(statement, values).fetchone()[0])
        finally:
            connection.close()


def _entry(order: Order) -> NewEntry:
    return NewEntry(at(_moment(order.due)), handler="note", args=(order.number, order.due))


def _moment(instant: int) -> datetime:
    return _EPOCH + timedelta(microseconds=instant // 1_000)


def _note(_: RunContext, number: int, due: int) -> None:
    recorder.note(number, due)


def _beat(ctx: RunContext, number: int) -> None:
    recorder.note(number, (ctx.due_at - _EPOCH) // _MICROSECOND * 1_000)
