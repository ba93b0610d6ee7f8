"""What differs between databases, and which one a URL speaks of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from ..core.errors import StorageError
from .connection import Connection

Permission: TypeAlias = Callable[[], bool]
"""Whether a writer may still commit, or was replaced by another one."""


def always() -> bool:
    """The permission of a writer that nobody replaces."""
    return True


class ServiceLock(Protocol):
    """Keeps a second service off a database."""

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            AlreadyRunning: another service has it.
        """

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""

    def kept(self) -> bool:
        """Whether it is still ours; one that was lost in an outage is taken again if possible."""

    def held(self) -> bool:
        """Whether somebody has the lock now; asking leaves no trace."""

    def owner(self) -> int | None:
        """The process that has the lock, None when nobody has it or it did not say."""


class Dialect(Protocol):
    """One kind of database.

    Attributes:
        engine: peewee's database, which writes the SQL of the cold paths.
        place: how people call the database; no secret is in it.
    """

    engine: Any
    place: str

    @property
    def path(self) -> Path | None:
        """The file that it is, None for a server."""

    def create(self) -> None:
        """Make the database when there is none and it can be made."""

    def exists(self) -> bool:
        """Whether anything was ever stored; asking makes nothing."""

    def connect(self) -> Connection:
        """This thread's connection, opened when there is none."""

    def disconnect(self) -> None:
        """Close this thread's connection, if there is one."""

    def connected(self) -> bool:
        """Whether this thread has a connection."""

    def begin(self, connection: Any) -> None:
        """Begin a transaction when no other writer is in one."""

    def begin_reading(self, connection: Any) -> None:
        """Begin a transaction that sees one state of the database, and keeps nobody waiting."""

    def commit(self, connection: Any) -> None:
        """Make it durable; when this raises, it is not."""

    def rollback(self, connection: Any) -> None:
        """Leave nothing of it. Never raises: what went wrong before is what counts."""

    def data_version(self, connection: Any) -> int:
        """A number that changes when others commit."""

    def epoch(self, connection: Any, number: int) -> tuple[int, int]:
        """The moment of a transaction, see `Database.epoch`.

        Args:
            connection: inside the transaction.
            number: of the transaction, in this process.
        """

    def typed(self, error: Exception) -> StorageError | None:
        """What an error means, None when it is a mistake in a statement or its values."""

    def beside(self, kind: str) -> Path:
        """Where the file of a kind lies, such as "key", that belongs to the database."""

    def lock(self) -> ServiceLock:
        """A lock on the database that no two services hold; not taken yet."""


def dialect_of(url: str, timeout: float) -> Dialect:
    """The database behind a URL; nothing is opened yet.

    Args:
        url: `sqlite:///path.db` or `postgresql://user:password@host/name`.
        timeout: seconds to wait for another writer before giving up.

    Raises:
        StorageError: a URL that this version cannot open.
    """
    if url.startswith(("postgresql://", "postgres://")):
        try:
            from .postgres import Postgres  # noqa: PLC0415 - each is imported where it is used
        except ImportError as error:
            raise StorageError(
                f'PostgreSQL needs psycopg: pip install "tocsin[postgres]" ({error})'
            ) from error
        return Postgres(url, timeout)
    from .sqlite import Sqlite  # noqa: PLC0415 - each is imported where it is used

    return Sqlite(url, timeout)
