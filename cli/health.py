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
    Column("LIFE", number=True),
    Column("RESTARTS"),
    Column("MAILBOX", number=True),
    Column("DOING", folds=True),
    Column("MARKS", folds=True),
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
            "database": seen.storage,
            "pending": "?" if seen.pending is None else counted(seen.pending, "run"),
            "next alarm": moments.ahead(seen.next_alarm),
            "given up": counted(seen.abandoned, "thread"),
            "clock": f"set {counted(seen.clock_steps, 'time')},"
            f" stood still {counted(seen.suspends, 'time')}",
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
    return (
        f"{indent}{actor.name}",
        actor.state,
        str(actor.incarnation),
        _restarts(actor),
        str(actor.mailbox),
        _doing(actor),
        _marks(actor),
    )


def _restarts(actor: "ActorHealth") -> str:
    """How often in all, and how often in the time that counts."""
    text = f"{actor.restarts}, {actor.recent_restarts} lately" if actor.restarts else "0"
    return text if actor.restarts_left is None else f"{text}; {actor.restarts_left} left"


def _marks(actor: "ActorHealth") -> str:
    return ", ".join(f"{name} {age:.1f} s ago" for name, age in actor.marks.items())


def _doing(actor: "ActorHealth") -> str:
    if actor.trouble is not None:
        return f"{actor.trouble}, for {actor.trouble_for:.3g} s"
    return f"{actor.busy_with} for {actor.busy_for:.3g} s" if actor.busy_with else "waits"


def describe(actor: "ActorHealth") -> str:
    """One actor in one line."""
    indent = "" if actor.owner is None else "  "
    marks = f", {_marks(actor)}" if actor.marks else ""
    return (
        f"{indent}{actor.name}: {actor.state}, incarnation {actor.incarnation},"
        f" restarts {_restarts(actor)}, {counted(actor.mailbox, 'message')} wait,"
        f" {actor.handled} handled, {_doing(actor)}{marks}"
    )


def _executor(executor: "ExecutorHealth") -> tuple[str, ...]:
    numbers = (executor.running, executor.queued, executor.free, executor.abandoned)
    return (executor.name, *map(str, numbers))
