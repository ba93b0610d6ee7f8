"""What anybody else can read about a run, with connections of their own."""

import sqlite3
import threading
import time
from typing import Any

RUN = "SELECT attempt, status, CASE WHEN started_at IS NULL THEN 0 ELSE 1 END FROM runs WHERE id = "
PATIENCE = 30.0
"""Seconds to wait for a server that is being restarted."""


class SqliteLook:
    """Reads a file that nobody else has to be asked for."""

    def __init__(self, path: str) -> None:
        self._address = f"file:{path}?mode=ro"
        self._own = threading.local()

    def __call__(self, run_id: int) -> Any:
        """Its attempt, its status, and whether it has begun."""
        if not hasattr(self._own, "connection"):
            self._own.connection = sqlite3.connect(
                self._address, uri=True, timeout=10, isolation_level=None
            )
        return self._own.connection.execute(f"{RUN} ?", (run_id,)).fetchone()


class PostgresLook:
    """Asks a server, again and again while it is down."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._own = threading.local()

    def __call__(self, run_id: int) -> Any:
        """Its attempt, its status, and whether it has begun."""
        import psycopg  # noqa: PLC0415 - only where there is a server

        end = time.monotonic() + PATIENCE
        while True:
            try:
                if getattr(self._own, "connection", None) is None:
                    self._own.connection = psycopg.connect(self._url, autocommit=True)
                return self._own.connection.execute(f"{RUN} %s".encode(), (run_id,)).fetchone()
            except psycopg.OperationalError:
                self._own.connection = None
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)


def look_at(url: str) -> SqliteLook | PostgresLook:
    """The one for this database."""
    path = url.removeprefix("sqlite:///")
    return PostgresLook(url) if path == url else SqliteLook(path)
