"""What the contenders on PostgreSQL share: a fresh database, and what the server was asked."""

from typing import Any

import psycopg

_TRANSACTIONS = (
    "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
)


class Store:
    """The database of a private server.

    Args:
        url: where it is.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def clear(self) -> None:
        """Drop everything."""
        self.run("DROP SCHEMA IF EXISTS public CASCADE")
        self.run("CREATE SCHEMA public")

    def run(self, statement: str, *values: Any) -> None:
        """Carry out a statement."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode(), values or None)

    def value(self, statement: str) -> int:
        """The first column of the first row."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return int(row[0]) if row else 0

    def transactions(self) -> int:
        """How many transactions there were so far."""
        return self.value(_TRANSACTIONS)
