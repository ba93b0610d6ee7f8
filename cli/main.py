"""The command `tocsin`: one group, one file for each command or family of commands."""

import platform

import click

from .add import add
from .backup import backup
from .change import cancel, delete, pause, resume, retry, trigger
from .check import check
from .doctor import doctor
from .events import events
from .explain import explain
from .health import health
from .history import history
from .init import init
from .next import next_times
from .options import Commands, command
from .output import say, write_json
from .rebuild import rebuild
from .remind import remind
from .repair import repair
from .run import run
from .settings import Settings, pass_settings
from .show import show
from .tasks import list_tasks

EPILOG = """\b
Examples:
  tocsin init                                   write a first config.toml
  tocsin run                                    start the service
  tocsin remind "10:30pm" "Take the bread out"  be reminded once
  tocsin list                                   see what is planned
  tocsin history --failed                       see what went wrong

\b
`tocsin COMMAND --help` explains a command. All take --json for scripts.
"""


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EPILOG,
)
@click.version_option(package_name="tocsin", message="%(prog)s %(version)s")
@click.pass_context
def tocsin(ctx: click.Context) -> None:
    """A durable scheduler: it remembers what to call and when, and survives every crash."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command("version")
@pass_settings
def version(settings: Settings) -> None:
    """Say which version this is."""
    from .. import __version__

    python = platform.python_version()
    if settings.json:
        write_json({"version": __version__, "python": python})
    else:
        say(f"tocsin {__version__} (Python {python})")


for each in (
    *(init, check, run),
    *(list_tasks, show, add, remind),
    *(trigger, pause, resume, cancel, delete),
    *(history, retry, events, explain),
    *(next_times, health, version),
    *(doctor, repair, backup, rebuild),
):
    tocsin.add_command(each)


def main() -> None:
    """Run the command line."""
    tocsin(prog_name="tocsin")
