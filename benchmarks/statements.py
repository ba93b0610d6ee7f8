"""Counts the statements of every SQLite connection that this process opens from now on."""

import re
import sqlite3
from typing import Any

_READS = re.compile(r"\b(?:FROM|UPDATE|JOIN)\b", re.IGNORECASE)


class Statements:
    """How many statements, and how many of them look into a table.

    Attributes:
        all: statements of any kind, pragmas and BEGIN included.
        reads: SELECT ... FROM, UPDATE and DELETE.
        texts: the text of each reading statement and how often it came.
    """

    def __init__(self) -> None:
        self.clear()
        connect = sqlite3.connect

        def traced(*args: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*args, **options)
            connection.set_trace_callback(self._count)
            return connection

        for module in (sqlite3, sqlite3.dbapi2):  # every library looks it up in one of them
            vars(module)["connect"] = traced

    def clear(self) -> None:
        """Count from zero."""
        self.all = 0
        self.reads = 0
        self.texts: dict[str, int] = {}

    def _count(self, statement: str) -> None:
        self.all += 1
        if _READS.search(statement) and not statement.lstrip().upper().startswith("PRAGMA"):
            self.reads += 1
            self.texts[statement] = self.texts.get(statement, 0) + 1
