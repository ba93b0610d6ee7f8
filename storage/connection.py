"""What storage asks of a database connection: the little that SQLite's and PostgreSQL's share."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol


class Rows(Protocol):
    """What a statement found."""

    def fetchone(self) -> Any:
        """The next row, None when there is none."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """Carries statements out. They are written in SQLite's words, with `?` for each value."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Rows:
        """Carry one statement out."""

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Carry a statement out once for each row of values."""
