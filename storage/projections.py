"""The tables that follow from the log, their fresh twins, and what differs between the two."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from peewee import Model, SchemaManager

from ..core.state import RunState, TaskState
from .connection import Connection
from .database import Database
from .models import DependencyTable, RunTable, TaskTable
from .rows import RUN_COLUMNS, TASK_COLUMNS, run_row, task_row
from .traits import TRAITS

PAGE = 2_000
BUFFER = 2_000


@dataclass(frozen=True, slots=True)
class Projection:
    """A folded table.

    Attributes:
        name: of the table.
        model: how it is made.
        columns: all that the fold decides, the key first.
        key: how many of them are the primary key.
    """

    name: str
    model: type[Model]
    columns: tuple[str, ...]
    key: int = 1

    @property
    def fresh(self) -> str:
        """The name of its twin."""
        return f"fresh_{self.name}"

    def pages(self, connection: Connection, table: str) -> Iterator[tuple[Any, ...]]:
        """The rows of the table or of its twin, in the order of their keys."""
        names = ", ".join(self.columns)
        key, marks = ", ".join(self.columns[: self.key]), ", ".join("?" * self.key)
        page = f"SELECT {names} FROM {table} WHERE ({key}) > ({marks}) ORDER BY {key} LIMIT {PAGE}"
        last: Sequence[int] = (-1,) * self.key
        while rows := connection.execute(page, last).fetchall():
            yield from rows
            last = rows[-1][: self.key]


TASKS = Projection("tasks", TaskTable, TASK_COLUMNS + TRAITS)
RUNS = Projection("runs", RunTable, RUN_COLUMNS)
DEPENDENCIES = Projection(
    "dependencies", DependencyTable, ("task_id", "depends_on", "tenant", "outcome"), key=2
)
PROJECTIONS = (TASKS, RUNS, DEPENDENCIES)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what the log says.

    Attributes:
        table: where it is.
        key: its primary key.
        kind: `missing` (only the log has it), `extra` (only the table has it) or `changed`.
        columns: of a changed row, each column that differs: what is stored, what the log says.
    """

    table: str
    key: tuple[int, ...]
    kind: Literal["missing", "extra", "changed"]
    columns: dict[str, tuple[Any, Any]]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "table": self.table,
            "key": list(self.key),
            "kind": self.kind,
            "columns": {
                name: {"stored": stored, "folded": folded}
                for name, (stored, folded) in self.columns.items()
            },
        }


class Fresh:
    """Twins of the folded tables, filled row by row.

    Args:
        database: whose tables.
        connection: in one transaction until the end.
        temporary: whether the twins are gone with the connection.
    """

    def __init__(self, database: Database, connection: Connection, *, temporary: bool) -> None:
        self._database = database
        self._connection = connection
        self._waiting: dict[Projection, list[tuple[Any, ...]]] = {}
        for each in PROJECTIONS:
            self.drop(each)
            twin = SchemaManager(_twin(each), database.engine)
            twin.create_table(safe=False, temporary=temporary)

    def drop(self, projection: Projection) -> None:
        """Forget a twin; also one that a crash left behind."""
        self._connection.execute(f"DROP TABLE IF EXISTS {projection.fresh}")

    def fill(self, parts: Iterable[RunState | TaskState]) -> None:
        """Write what a fold yields."""
        for part in parts:
            if isinstance(part, RunState):
                self._add(RUNS, run_row(part))
            else:
                self._add(TASKS, task_row(part))
                for needed, outcome in part.awaits.items():
                    self._add(DEPENDENCIES, (part.id, needed, part.tenant, outcome))
        for projection in PROJECTIONS:
            self._write(projection)

    def differences(self, projection: Projection) -> Iterator[Difference]:
        """What the live table has otherwise, in the order of its keys."""
        stored = projection.pages(self._connection, projection.name)
        folded = projection.pages(self._connection, projection.fresh)
        yield from differences(projection, stored, folded)

    def count(self, projection: Projection) -> int:
        """How many rows the twin has."""
        row = self._connection.execute(f"SELECT count(*) FROM {projection.fresh}").fetchone()
        return int(row[0])

    def swap_in(self) -> None:
        """Put the twins in the places of the live tables, with fresh indexes."""
        for each in PROJECTIONS:
            self._connection.execute(f"DROP TABLE {each.name}")
            self._connection.execute(f"ALTER TABLE {each.fresh} RENAME TO {each.name}")
            SchemaManager(each.model, self._database.engine).create_indexes(safe=True)

    def _add(self, projection: Projection, row: tuple[Any, ...]) -> None:
        waiting = self._waiting.setdefault(projection, [])
        waiting.append(row)
        if len(waiting) >= BUFFER:
            self._write(projection)

    def _write(self, projection: Projection) -> None:
        names, marks = ", ".join(projection.columns), ", ".join("?" * len(projection.columns))
        self._connection.executemany(
            f"INSERT INTO {projection.fresh} ({names}) VALUES ({marks})",
            self._waiting.pop(projection, []),
        )


def differences(
    projection: Projection,
    stored: Iterator[tuple[Any, ...]],
    folded: Iterator[tuple[Any, ...]],
) -> Iterator[Difference]:
    """Compare two streams of rows, both in the order of their keys."""
    name, size = projection.name, projection.key
    here, there = next(stored, None), next(folded, None)
    while here is not None or there is not None:
        if here == there:
            here, there = next(stored, None), next(folded, None)
        elif there is None or (here is not None and here[:size] < there[:size]):
            yield Difference(name, here[:size] if here else (), "extra", {})
            here = next(stored, None)
        elif here is None or there[:size] < here[:size]:
            yield Difference(name, there[:size], "missing", {})
            there = next(folded, None)
        else:
            pairs = zip(projection.columns, here, there, strict=True)
            changed = {column: (old, new) for column, old, new in pairs if old != new}
            yield Difference(name, here[:size], "changed", changed)
            here, there = next(stored, None), next(folded, None)


def _twin(projection: Projection) -> type[Model]:
    meta = type("Meta", (), {"table_name": projection.fresh})
    return type(f"Fresh{projection.model.__name__}", (projection.model,), {"Meta": meta})
