"""The program whose handlers a command is to know: `--app myapp.main:app`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.entry import parse_target
from ..core.errors import InvalidConfig
from .settings import Settings, existing

if TYPE_CHECKING:
    from ..service import Tocsin

app_option = click.option(
    "--app",
    "program",
    metavar="MODULE:NAME",
    help="Your program's Tocsin object: then its handlers are known, and its database is used.",
)


def open_program(settings: Settings, program: str | None) -> "tuple[Tocsin, bool]":
    """The service to work on, and whether all of its handlers are known.

    Raises:
        InvalidConfig: there is no such object.
        StorageError: there is no database.
    """
    if program is None:
        return settings.open_existing(), False
    app = _load(program)
    if settings.db:
        app.url = settings.db
    return existing(app), True


def _load(program: str) -> "Tocsin":
    import importlib

    from ..service import Tocsin

    path = parse_target(program)
    if path is None:
        raise InvalidConfig(f"--app {program}: write module:name, such as myapp.main:app")
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does; its functions are looked up later
    try:
        found: Any = importlib.import_module(path[0])
        for name in path[1].split("."):
            found = getattr(found, name)
    except Exception as error:
        raise InvalidConfig(f"--app {program}: {type(error).__name__}: {error}") from error
    if not isinstance(found, Tocsin):
        raise InvalidConfig(f"--app {program} is a {type(found).__name__}, and no Tocsin object")
    return found
