"""One service a database: an operating system lock that dies with its process."""

import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from ..core.errors import AlreadyRunning, StorageError, StorageUnavailable
from .files import identity

_TRIES = 20
_PAUSE = 0.01
"""Seconds between tries; who asks has the lock for microseconds."""


class FileLock:
    """An exclusive lock on `<database>.lock`, held while a service runs.

    Args:
        database: path of the database file.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(f"{database.name}.lock")
        self._name = str(self._path)
        self._handle: int | None = None
        self._inode = 0
        self._mutex = threading.Lock()

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            AlreadyRunning: another service has it.
            StorageError: the lock file cannot be made.
        """
        try:
            handle = self._open()
        except OSError as error:
            raise StorageError(f"cannot open {self._path}: {error.strerror}") from error
        try:
            _take(handle)
        except OSError as error:
            owner = os.read(handle, 32).decode(errors="replace").partition("\n")[0]
            os.close(handle)
            who = f" (process {owner})" if owner else ""
            raise AlreadyRunning(
                f"another service{who} runs on {self._path.with_suffix('')}:"
                " stop it first, or use another database"
            ) from error
        self._handle = handle
        found = identity(self._database)
        self._inode = found[1] if found else 0
        self._sign(handle)

    def held(self) -> bool:
        """Whether somebody has the lock now; asking leaves no trace."""
        try:
            handle = os.open(self._path, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(handle)
        return False

    def kept(self) -> bool:
        """Whether it is still ours, under the name where others look for it.

        The operating system takes it from nobody, but the file may be removed: then it is made
        anew, unless another service was faster.

        Raises:
            StorageUnavailable: it cannot be made.
        """
        with self._mutex:
            if self._handle is None:
                return False
            ours = os.fstat(self._handle)
            return identity(self._name) == (ours.st_dev, ours.st_ino) or self._take_again()

    def owner(self) -> int | None:
        """The process that has the lock, None when nobody has it or it did not say."""
        return self._said(0) if self.held() else None

    def runs_on(self) -> int | None:
        """The inode of the file on which a service runs now, None when there is none to tell."""
        inode = self._said(1)
        return inode if inode and self.held() else None

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        with self._mutex:
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None

    def _said(self, line: int) -> int | None:
        try:
            return int(self._path.read_text(encoding="ascii").split()[line])
        except (OSError, ValueError, IndexError):
            return None

    def _sign(self, handle: int) -> None:
        """Write down who we are and which file is ours; a full disk must not keep us from it."""
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n{self._inode}\n".encode(), 0)

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)

    def _take_again(self) -> bool:
        try:
            handle = self._open()
        except OSError as error:
            raise StorageUnavailable(f"{self._path} is gone: {error.strerror}") from error
        try:
            _take(handle)
        except OSError:  # ours is kept: it may be put back
            os.close(handle)
            return False
        old, self._handle = self._handle, handle
        if old is not None:
            os.close(old)
        self._sign(handle)
        return True


def _take(handle: int) -> None:
    """Lock the file; somebody who only asks has it for a moment, a service for good."""
    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if left == 0:
                raise
            time.sleep(_PAUSE)
        else:
            return
