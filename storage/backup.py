"""A copy of a SQLite file that is in use: whole, checked, and as of one moment."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import StorageError
from .database import Database
from .upkeep import faults_of

PAGES = 1_000
"""Pages that are copied in one step: 4 MB."""

Progress = Callable[[str, int, int], object]


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup.

    Attributes:
        path: the copy.
        size: its bytes.
        pages: how many pages were copied.
    """

    path: Path
    size: int
    pages: int


def backup(database: Database, target: Path, progress: Progress = lambda *_: None) -> Backup:
    """Copy the database while others read and write it.

    The copy is made under another name beside the target, checked, made durable, and only then
    gets its name: a backup that is there is whole.

    Args:
        database: migrated already.
        target: a file that does not exist yet.
        progress: told how far it is.

    Raises:
        StorageError: it is no SQLite file, the target exists or cannot be written, or the copy is
            not sound.
    """
    if not database.is_file:
        raise StorageError(f"{database.place} is a server: use its own tools, such as pg_dump")
    if target.exists():
        raise StorageError(f"{target} exists already: name another file, or move that one away")
    draft = target.with_name(f"{target.name}.part")
    try:
        pages = _copy(database, draft, progress)
        _check(draft)
        _sync(draft)
        os.link(draft, target)  # unlike a rename, this never takes the place of another file
        _sync(target.parent)
    except FileExistsError as error:
        raise StorageError(f"{error.filename2 or error.filename} exists already") from error
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"the backup {target} cannot be made: {error}") from error
    finally:
        with suppress(OSError):
            draft.unlink()
    return Backup(target, target.stat().st_size, pages)


def _copy(database: Database, draft: Path, progress: Progress) -> int:
    """Copy page by page from one snapshot: writers go on, and no write makes it begin again."""
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    copied = 0

    def step(_: int, left: int, total: int) -> None:
        nonlocal copied
        copied = total
        progress("copy", total - left, total)

    with database.snapshot() as source, closing(sqlite3.connect(draft)) as copy:
        try:
            source.backup(copy, pages=PAGES, progress=step)  # type: ignore[attr-defined]
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a write-ahead log
        except sqlite3.Error as error:
            raise StorageError(f"the backup cannot be made: {error}") from error
    return copied


def _check(draft: Path) -> None:
    try:
        with closing(sqlite3.connect(draft)) as copy:
            problems = faults_of(copy)
    except sqlite3.DatabaseError as error:  # so damaged that it cannot even be checked
        problems = [str(error)]
    if problems:
        raise StorageError(
            f"the database is damaged, and so would be its backup: {problems[0]}"
            " (`tocsin doctor` shows all of it); no backup was made"
        )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
