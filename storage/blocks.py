"""Rows in the order of their ids; one task's are found block by block, see `models.BLOCK`."""

from collections.abc import Iterator
from typing import Any

from peewee import fn

from .database import Database
from .models import BLOCK, BLOCK_BITS

MOST_AT_ONCE = 64
"""Blocks that one statement looks into, when nothing was found in those before."""


def rows_in_order(
    database: Database, query: Any, task_id: int | None, *, limit: int, latest: bool, after: int = 0
) -> list[tuple[Any, ...]]:
    """The first rows, or the last ones.

    Args:
        database: where.
        query: selects from a table with an index by block and task.
        task_id: whose, None for all.
        limit: at most so many.
        latest: begin at the end of the table, and go back.
        after: only rows whose id is greater.
    """
    table = query.model
    query = query.where(table.id > after).order_by(table.id.desc() if latest else table.id)
    if task_id is None:
        return database.fetch(query.limit(limit))
    [(first, last)] = database.fetch(table.select(fn.MIN(table.id), fn.MAX(table.id)))
    if last is None:
        return []
    query = query.where(table.task_id == task_id)
    found: list[tuple[Any, ...]] = []
    for blocks in _blocks(max(first, after) >> BLOCK_BITS, last >> BLOCK_BITS, latest=latest):
        found += database.fetch(query.where(BLOCK.in_(blocks)).limit(limit - len(found)))
        if len(found) >= limit:
            break
    return found


def _blocks(first: int, last: int, *, latest: bool) -> Iterator[list[int]]:
    """The blocks from the first to the last one: one, then two, then four at a time.

    All rows of a task in them are sorted, so a task that has many is not asked for more than it
    takes; and one that has few is found in few steps.
    """
    blocks = range(first, last + 1)[:: -1 if latest else 1]
    begin, size = 0, 1
    while begin < len(blocks):
        yield list(blocks[begin : begin + size])
        begin, size = begin + size, min(2 * size, MOST_AT_ONCE)
