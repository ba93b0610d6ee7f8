"""`tocsin backup`: a copy of the database, while everything goes on."""

from pathlib import Path

import click

from .options import command
from .output import remark, say, write_json
from .progress import Progress
from .settings import Settings, pass_settings


@command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@pass_settings
def backup(settings: Settings, file: Path) -> None:
    """Copy the database into FILE.

    The copy is of one moment, whole and checked; the service goes on meanwhile. FILE must not
    exist yet. The key that signs entries is not in it: keep that, too.
    """
    app = settings.open_existing()
    progress = Progress()
    try:
        made = app.backup(file.absolute(), progress=progress)
    finally:
        progress.end()
    key = app.key_file
    if settings.json:
        write_json(
            {
                "database": app.storage.place,
                "backup": str(made.path),
                "bytes": made.size,
                "integrity": "ok",
                "key_file": None if key is None else str(key),
            }
        )
        return
    say(f"{made.path}: {made.size:,} bytes, checked")
    where = f"the key file {key}" if key else "the value of TOCSIN_KEY"
    remark(f"keep {where} with it: without its key a backup cannot be used")
