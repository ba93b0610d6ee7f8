"""Fresh ids, given out inside the transaction that uses them and never twice."""

from collections.abc import Iterator, Mapping
from itertools import chain
from types import MappingProxyType

from .connection import Connection

LARGEST = (1 << 63) - 1
"""The largest number that a database can hold."""


def possible(value: object) -> bool:
    """Whether something may be an id: no database has to be asked for what is none."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST


class Ids:
    """The counters of one transaction, read when first needed and saved at its end.

    Args:
        connection: inside a write transaction.
        known: counters that need not be read.
    """

    def __init__(
        self, connection: Connection, known: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._connection = connection
        self._before = dict(known)
        self._values = dict(known)

    @property
    def values(self) -> Mapping[str, int]:
        """The last id of each table, as far as it is known."""
        return self._values

    def next(self, table: str) -> int:
        """The next id of `table`."""
        if table not in self._values:
            return self.take(table, 1)[0]
        self._values[table] += 1
        return self._values[table]

    def take(self, table: str, count: int) -> range:
        """The next ids of `table`, so many in a row."""
        if not count:
            return range(0)
        if table not in self._values:
            row = self._connection.execute(
                "SELECT value FROM counters WHERE name = ?", (table,)
            ).fetchone()
            self._values[table] = self._before[table] = row[0] if row else 0
        last = self._values[table]
        self._values[table] = last + count
        return range(last + 1, last + count + 1)

    def stream(self, table: str) -> Iterator[int]:
        """The ids of `table`, one after the other."""
        while True:
            yield self.next(table)

    def save(self) -> None:
        """Write the counters that moved."""
        moved = [(n, v) for n, v in self._values.items() if v != self._before[n]]
        if moved:
            self._connection.execute(
                f"INSERT INTO counters (name, value) VALUES {', '.join(['(?, ?)'] * len(moved))}"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                [*chain.from_iterable(moved)],
            )
