"""Fresh ids, given out inside the transaction that uses them and never twice."""

from collections.abc import Iterator

from .connection import Connection


class Ids:
    """The counters of one transaction, read when first needed and saved at its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._values: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def next(self, table: str) -> int:
        """The next id of `table`."""
        if table not in self._values:
            row = self._connection.execute(
                "SELECT value FROM counters WHERE name = ?", (table,)
            ).fetchone()
            self._values[table] = self._before[table] = row[0] if row else 0
        self._values[table] += 1
        return self._values[table]

    def stream(self, table: str) -> Iterator[int]:
        """The ids of `table`, one after the other."""
        while True:
            yield self.next(table)

    def save(self) -> None:
        """Write the counters that moved."""
        self._connection.executemany(
            "INSERT INTO counters (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [(n, v) for n, v in self._values.items() if v != self._before[n]],
        )
