"""`tocsin health`: how the running service is."""

from typing import TYPE_CHECKING

import click

from .moments import Moments
from .options import command
from .output import Column, counted, say, write_fields, write_json, write_table
from .settings import Settings, pass_settings

if TYPE_CHECKING:
    from ..core.health import ActorHealth, ExecutorHealth, Health

ACTORS = (
    Column("ACTOR"),
    Column("STATE"),
    Column("RESTARTS", number=True),
    Column("MAILBOX", number=True),
    Column("HANDLED", number=True),
    Column("DOING", folds=True),
)

EXECUTORS = (
    Column("EXECUTOR"),
    Column("RUNNING", number=True),
    Column("QUEUED", number=True),
    Column("FREE", number=True),
    Column("GIVEN UP", number=True),
)


@command("health")
@pass_settings
@click.pass_context
def health(ctx: click.Context, settings: Settings) -> None:
    """Say how the running service is.

    The exit code is 0 when all is well, and 1 when something is wrong or no service runs.
    """
    app = settings.open_existing()
    seen = app.health()
    if settings.json:
        write_json(seen.to_dict())
    else:
        _show(seen, Moments(app.clock.now(), app.timezone))
    ctx.exit(0 if seen.ok else 1)


def _show(seen: "Health", moments: Moments) -> None:
    fields: dict[str, str] = {"status": seen.status}
    if seen.pid is not None:
        fields |= {
            "process": str(seen.pid),
            "pending": "?" if seen.pending is None else counted(seen.pending, "run"),
            "next alarm": moments.ahead(seen.next_alarm),
        }
    write_fields(fields)
    for problem in seen.problems:
        say(f"  {problem}")
    if seen.actors:
        say()
        write_table(ACTORS, [_actor(each) for each in seen.actors])
        say()
        write_table(EXECUTORS, [_executor(each) for each in seen.executors])


def _actor(actor: "ActorHealth") -> tuple[str, ...]:
    indent = "" if actor.owner is None else "  "
    numbers = (actor.restarts, actor.mailbox, actor.handled)
    return (f"{indent}{actor.name}", actor.state, *map(str, numbers), _doing(actor))


def _doing(actor: "ActorHealth") -> str:
    if actor.trouble is not None:
        return actor.trouble
    return f"{actor.busy_with} for {actor.busy_for:.3g} s" if actor.busy_with else "waits"


def describe(actor: "ActorHealth") -> str:
    """One actor in one line."""
    indent = "" if actor.owner is None else "  "
    return (
        f"{indent}{actor.name}: {actor.state}, incarnation {actor.incarnation},"
        f" {counted(actor.restarts, 'restart')}, {counted(actor.mailbox, 'message')} wait,"
        f" {actor.handled} handled, {_doing(actor)}"
    )


def _executor(executor: "ExecutorHealth") -> tuple[str, ...]:
    numbers = (executor.running, executor.queued, executor.free, executor.abandoned)
    return (executor.name, *map(str, numbers))
