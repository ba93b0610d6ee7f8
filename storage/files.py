"""Whether the files of a database are still where they were opened.

An open file goes on working when it is moved or removed, and whatever is written to it then is
nowhere that anybody looks. SQLite does not notice; so it is looked at around each commit.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from ..core.errors import StorageError, StorageUnavailable

Identity: TypeAlias = tuple[int, int]
"""Device and inode: which file it is, whatever its name."""


def identity(path: Path | str) -> Identity | None:
    """Which file has this name now, None when none has."""
    try:
        found = os.stat(path)  # noqa: PTH116 - twice in each commit: pathlib costs as much again
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Files:
    """Remembers which file this process works on.

    Args:
        path: the database.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._log_path = f"{path}-wal"
        self._ours: Identity | None = None

    def enter(self, wanted: Callable[[], int | None] = lambda: None) -> None:
        """Ask before the file is opened: only ours is, or the first one that is found.

        A file that somebody put in the place of ours is not touched: the write-ahead log beside it
        belongs to ours, and would be written into it.

        Args:
            wanted: the inode of the file that others work on, if any; asked for the first one.

        Raises:
            StorageUnavailable: there is no file, or another one.
        """
        found = identity(self._path)
        if found is None:
            raise StorageUnavailable(f"{self._path} is gone: put it back")
        if self._ours is None and wanted() in {None, found[1]}:
            self._ours = found
        elif found != self._ours:
            raise StorageUnavailable(
                f"another file was put in the place of {self._path}: put the one back that the"
                " service runs on, or stop the service before its database is replaced"
            )

    def log(self) -> Identity | None:
        """The write-ahead log beside the database now."""
        return identity(self._log_path)

    def left(self, log: Identity | None) -> bool:
        """Whether a connection works on files that nobody else would find.

        Args:
            log: the write-ahead log when it was opened.
        """
        return identity(self._path) != self._ours or (log is not None and self.log() != log)

    def require_no_remains(self) -> None:
        """Ask before a new database is made: an empty file would cost the log its content.

        Raises:
            StorageError: the log of a database is there, and the database is not.
        """
        if os.path.exists(self._log_path) and not os.path.exists(self._path):  # noqa: PTH110 - as above
            raise StorageError(
                f"{self._path} is gone, and {self._log_path} holds changes that belong to it: put"
                " the database back, or remove both"
            )
