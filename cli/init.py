"""`tocsin init`: a first configuration to edit."""

import click

from ..core.errors import StorageError
from .options import command
from .output import say, write_json
from .settings import DEFAULT_CONFIG, Settings, pass_settings
from .template import first_config
from .when import checked_zone


@command("init")
@click.option("--tz", "--timezone", "timezone", default="UTC", help="Default UTC.", metavar="ZONE")
@pass_settings
def init(settings: Settings, timezone: str) -> None:
    """Write a first config.toml.

    It is small and commented. A file that is there is never overwritten.
    """
    file = settings.config or DEFAULT_CONFIG
    text = first_config(checked_zone(timezone))
    try:
        with file.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except FileExistsError:
        raise StorageError(
            f"{file} is there already and stays as it is: edit it, or name another with --config"
        ) from None
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from error
    if settings.json:
        write_json({"config": str(file)})
        return
    name = f" --config {file}" if settings.config else ""
    say(f"{file} is written. What to do next:")
    say(f"  1. edit it: your time zone, your jobs (now {timezone} and two examples)")
    say(f"  2. tocsin{name} check   to see what it means")
    say(f"  3. tocsin{name} run     to start the service")
