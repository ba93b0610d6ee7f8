"""What every command is told: which configuration, which database, whose tasks, which output."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.commands import DEFAULT_TENANT
from ..core.errors import InvalidConfig, StorageError
from .output import remark

if TYPE_CHECKING:
    from ..service import Tocsin

DEFAULT_CONFIG = Path("config.toml")


@dataclass(slots=True)
class Settings:
    """The options that all commands share.

    Attributes:
        config: the configuration file that was named, None for the usual one.
        db: the database URL that was named, None for the configured one.
        tenant: whose tasks.
        json: whether the output is for machines.
    """

    config: Path | None = None
    db: str | None = None
    tenant: str = DEFAULT_TENANT
    json: bool = False

    @property
    def config_file(self) -> Path | None:
        """The configuration to read: the one that was named, else the usual one if there is one."""
        if self.config is None:
            return DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None
        if not self.config.is_file():
            raise InvalidConfig(
                f"there is no configuration {self.config}: name another one with --config,"
                " or write one with `tocsin init`"
            )
        return self.config

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment, with the database that was named."""
        return {**os.environ, "DATABASE_URL": self.db} if self.db else os.environ

    def open(self, *, to_serve: bool = False) -> "Tocsin":
        """The service as an object, not started.

        Args:
            to_serve: whether it will be started: then the notifiers need their secrets.

        Raises:
            InvalidConfig: the configuration has mistakes.
            StorageError: the URL that was named is none.
        """
        from ..service import Tocsin
        from ..storage.database import Database

        if self.db:
            Database(self.db)
        return Tocsin.from_config(self.config_file, environ=self.environ, need_secrets=to_serve)

    def open_existing(self) -> "Tocsin":
        """The same for commands that need something to be stored already.

        Raises:
            InvalidConfig: the configuration has mistakes.
            StorageError: there is no database.
        """
        return existing(self.open())


def existing(app: "Tocsin") -> "Tocsin":
    """The same service, if something is stored already.

    Raises:
        StorageError: there is no database.
    """
    if not app.storage.exists():
        raise StorageError(
            f"there is no database {app.storage.place} yet: `tocsin run`, `tocsin add` or"
            " `tocsin remind` makes it; --db or --config names another one"
        )
    return app


def warn_unserved(app: "Tocsin") -> None:
    """Say so when what was ordered waits for a service that does not run."""
    if not app.served:
        remark("no service runs on this database: start one with `tocsin run`, it catches up")


pass_settings = click.make_pass_decorator(Settings, ensure=True)
