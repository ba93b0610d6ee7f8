"""What keeps a database in order: folding the log again, backups, checks and repairs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .core.errors import AlreadyRunning
from .facade import Facade

if TYPE_CHECKING:
    from .opening import Opened
    from .storage.backup import Backup
    from .storage.rebuild import Progress, Rebuilt


class Upkeep(Facade):
    """What is done about a database as a whole."""

    def _open(self) -> "Opened":
        """The migrated database with its keys."""
        raise NotImplementedError

    def rebuild(self, *, check: bool = False, progress: "Progress | None" = None) -> "Rebuilt":
        """Fold the log into fresh tables, compare them with the live ones, and swap them in.

        Args:
            check: compare only; a service may run meanwhile.
            progress: told what is done, how much of it, and how much there is.

        Raises:
            AlreadyRunning: a service runs on this database, and it is not only a check.
            UnknownEvent: the log cannot be read or folded; nothing was changed.
        """
        from .storage.rebuild import rebuild  # noqa: PLC0415 - peewee only where used

        database, told = self._open().database, progress or _nobody
        if check:
            return rebuild(database, check=True, progress=told)
        try:
            database.reserve()
        except AlreadyRunning as error:
            raise AlreadyRunning(f"{error}; `tocsin rebuild --check` only compares") from error
        try:
            return rebuild(database, check=False, progress=told)
        finally:
            database.release()

    def backup(self, path: str | Path, progress: "Progress | None" = None) -> "Backup":
        """Copy the database into a file, as of one moment, while everything goes on.

        The key file is not in it: entries cannot be used without their key.

        Args:
            path: a file that does not exist yet.
            progress: told what is done, how much of it, and how much there is.

        Raises:
            StorageError: it is no SQLite file, the target exists or cannot be written, or the copy
                is not sound.
        """
        from .storage.backup import backup  # noqa: PLC0415 - peewee only where used

        return backup(self._open().database, Path(path), progress or _nobody)

    @property
    def key_file(self) -> Path | None:
        """The file of the keys that sign entries, None when they are in the environment."""
        path = self._open().key_file
        return path if path.exists() else None


def _nobody(*_: Any) -> None:
    """Told of progress that nobody wants to see."""
