"""What keeps a database in order: folding the log again, backups, checks and repairs."""

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .core.errors import AlreadyRunning
from .core.handlers import Handlers
from .facade import Facade
from .notifiers.post import Post

if TYPE_CHECKING:
    from .core.findings import Findings
    from .mending import Repair
    from .opening import Opened
    from .storage.backup import Backup
    from .storage.rebuild import Progress, Rebuilt


class Upkeep(Facade):
    """What is done about a database as a whole."""

    _post: Post
    _allow: tuple[str, ...]

    @abstractmethod
    def _open(self) -> "Opened":
        """The migrated database with its keys."""

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
            return rebuild(database, check=False, now=self.clock.now(), progress=told)
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

    def doctor(
        self, *, log: bool = False, complete: bool = True, progress: "Progress | None" = None
    ) -> "Findings":
        """Examine whether this program could carry out everything that is stored. Changes nothing.

        Args:
            log: fold the log again, too, and compare it with the tables.
            complete: whether all handlers of the program are registered here; otherwise a handler
                that is not there is only noted.
            progress: told what is done, how much of it, and how much there is.
        """
        from .doctor import Doctor  # noqa: PLC0415 - peewee only where used

        examination = Doctor(self._open(), self._own_handlers(), self._allow, complete=complete)
        return examination.examine(self.clock.now(), progress or _nobody, log=log)

    def repair(
        self, old: str, new: str, *, dry_run: bool = False, complete: bool = True
    ) -> "Repair":
        """Let every task that calls `old` call `new`: for callables that were renamed.

        New signed entries are appended. Tasks that were quarantined for the rename go on.

        Args:
            old: a function's path or a handler's key, as it is stored.
            new: the same, as it is called now.
            dry_run: only say what would be done.
            complete: whether all handlers of the program are registered here.

        Raises:
            InvalidEntry: there is no `new`.
            UnknownTask: no task calls `old`.
        """
        from .mending import Mending  # noqa: PLC0415 - peewee only where used

        mending = Mending(self._open(), self._own_handlers(), self._allow, complete=complete)
        return mending.rename(old, new, self.clock.now(), dry_run=dry_run)

    def _own_handlers(self) -> Handlers:
        """The registered handlers, with those that every service has."""
        from .engine import add_builtin_handlers  # noqa: PLC0415 - a program that only schedules

        add_builtin_handlers(self.handlers, self._post)
        return self.handlers

    @property
    def key_file(self) -> Path | None:
        """The file of the keys that sign entries, None when they are in the environment."""
        path = self._open().key_file
        return path if path.exists() else None


def _nobody(*_: Any) -> None:
    """Told of progress that nobody wants to see."""
