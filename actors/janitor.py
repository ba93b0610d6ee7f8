"""Janitor: takes away what is old enough, a little at a time, and keeps the database in order."""

from loguru import logger

from ..core.clock import SECOND
from ..core.errors import StorageError
from ..core.retention import Keep
from ..storage.database import Database
from ..storage.retention import Retention
from ..storage.wal import WriteAheadLog
from .base import Actor
from .vitals import REAL_TIME

GLANCE, CLOSE_LOOK = 0.25, 0.1
"""Seconds between two looks at the length of the write-ahead log; the second while it is long."""


class Janitor(Actor):
    """Prunes the history and the log, and moves what was committed into the database file.

    It works in batches that hold the writer for milliseconds and rests after each of them, so
    nobody waits for it. What it was doing in a crash, the next one does again.

    Args:
        database: migrated already.
        keep: what is kept for how long.
        every: seconds between two looks.
    """

    def __init__(self, database: Database, keep: Keep, every: float = 60.0) -> None:
        super().__init__()
        self._database = database
        self._log = WriteAheadLog(database)
        self._every = round(every * SECOND)
        self._retention = Retention(database, keep, lambda: not self.fenced)
        self._glance = GLANCE
        self._look_at = 0
        self._rest_until = 0

    def on_start(self) -> None:
        """Let the others begin first."""
        self._look_at = self.clock.monotonic() + self._every

    def on_stop(self, reason: object = "normal") -> None:  # noqa: ARG002 - the same for all
        """Close the connection of this thread."""
        self._database.disconnect()

    def on_fenced(self) -> None:
        """Close the connection of this thread."""
        self._database.disconnect()

    def patience(self) -> float:
        """Seconds to the next batch, or glance at the length of the write-ahead log."""
        return min(self._glance, self._rest())

    def idle(self) -> None:
        """Prune a batch, when it is time."""
        self._shorten_log()
        if self._rest() > 0:
            return
        try:
            if self._retention.step(self.clock.now()):
                rest = self._retention.pace.rest
                self._rest_until = REAL_TIME.monotonic() + round(rest * SECOND)
                return
            self._log.shorten()
            self.vitals.recover()
        except StorageError as error:  # nothing was changed: the same is tried again
            self.vitals.ail(str(error))
            logger.warning("the janitor has to wait: {}", error)
        self._look_at = self.clock.monotonic() + self._every

    def _rest(self) -> float:
        rest = self._rest_until - REAL_TIME.monotonic()  # a disk rests in real time
        return max(0, rest, self._look_at - self.clock.monotonic()) / SECOND

    def _shorten_log(self) -> None:
        try:
            self._glance = CLOSE_LOOK if self._log.shorten_when_long() else GLANCE
        except StorageError as error:
            logger.debug("the write-ahead log stays long: {}", error)
