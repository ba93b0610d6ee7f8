"""The shape of all commands: shared options on either side of the name, errors in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..core.errors import TocsinError
from ..core.hints import did_you_mean
from .output import report, report_usage
from .settings import Settings

JSON_FLAG = "--json"
_WANTS_JSON = f"{__name__}.wants_json"


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Remember a shared option; the same one nearer to the command's end wins."""
    settings = ctx.ensure_object(Settings)
    if value is not None and value is not False:
        setattr(settings, str(param.name), value)


def _database_url(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Take the path of a file for its URL."""
    if value is None or "://" in value:
        return value
    if not value.strip():
        raise click.BadParameter("write sqlite:///tocsin.db", param=param)
    return f"sqlite:///{value}"


def _keep_database(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    _keep(ctx, param, _database_url(ctx, param, value))


def shared_options(*, with_environment: bool = False) -> list[click.Parameter]:
    """The options that every command takes.

    Args:
        with_environment: whether the environment is asked, too.
    """
    return [
        click.Option(
            ["-c", "--config"],
            type=click.Path(path_type=Path, dir_okay=False),
            envvar="TOCSIN_CONFIG" if with_environment else None,
            help="The configuration. Default: config.toml here, if there is one.",
            metavar="FILE",
            expose_value=False,
            callback=_keep,
        ),
        click.Option(
            ["--db"],
            help="The database, such as sqlite:///tocsin.db. Default: the configured one.",
            metavar="URL",
            expose_value=False,
            callback=_keep_database,
        ),
        click.Option(
            ["--tenant"],
            help="Whose tasks. Default: default.",
            metavar="NAME",
            expose_value=False,
            callback=_keep,
        ),
        click.Option(
            [JSON_FLAG],
            is_flag=True,
            help="Write JSON for machines.",
            expose_value=False,
            callback=_keep,
        ),
    ]


class Command(click.Command):
    """A command with the shared options behind its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *shared_options()]


class Commands(click.Group):
    """The top command: it hints at the command that was meant, and says errors in one line."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *shared_options(with_environment=True)]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the order of the day's work
        """The commands in the order in which they were added."""
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether machines read the output, even when the rest is not understood."""
        ctx.meta[_WANTS_JSON] = JSON_FLAG in args
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            hint = did_you_mean(name, self.commands) or "; `tocsin --help` lists them all"
            ctx.fail(f"there is no command {name!r}{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors of ours end it with exit code 1."""
        try:
            return super().invoke(ctx)
        except TocsinError as error:
            report(error, as_json=ctx.ensure_object(Settings).json)
            ctx.exit(1)
        except click.UsageError as error:
            if not ctx.meta[_WANTS_JSON]:
                raise
            report_usage(error)
            ctx.exit(error.exit_code)


def command(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function a command with the shared options."""
    return click.command(name, cls=Command, **attributes)
