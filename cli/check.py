"""`tocsin check`: what is wrong with the configuration, and what it would change."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .moments import Moments
from .options import command
from .output import Column, counted, remark, say, write_json, write_table
from .plan import Planned, planned, stand_ins, summary
from .settings import Settings, pass_settings

if TYPE_CHECKING:
    from ..service import Tocsin

COLUMNS = (Column("JOB", folds=True), Column("WHAT"), Column("WHY", folds=True), Column("NEXT RUN"))


@command("check")
@pass_settings
@click.pass_context
def check(ctx: click.Context, settings: Settings) -> None:
    """Show what is wrong and what would change.

    The configuration is compared with the stored tasks; nothing is changed. The exit code is 1
    when there are mistakes or conflicts.
    """
    file = settings.config_file
    app = settings.open(to_serve=True)
    plan = planned(app)
    conflicts = sum(each.step.verb == "conflict" for each in plan)
    if settings.json:
        _write_document(app, None if file is None else str(file), plan)
    else:
        _write_report(app, "There is no config.toml, which" if file is None else str(file), plan)
    if conflicts:
        remark(f"{counted(conflicts, 'job')} cannot be created: the key is taken")
        ctx.exit(1)


def _write_document(app: "Tocsin", file: str | None, plan: Sequence[Planned]) -> None:
    write_json(
        {
            "config": file,
            "database": app.storage.place,
            "timezone": app.timezone,
            "jobs": [each.to_dict() for each in plan],
            "summary": summary([each.step for each in plan]),
            "fallbacks": [
                {"name": s.name, "fallback": s.fallback, "missing": list(s.missing)}
                for s in stand_ins(app.config)
            ],
        }
    )


def _write_report(app: "Tocsin", file: str, plan: Sequence[Planned]) -> None:
    moments = Moments(app.clock.now(), app.timezone)
    fresh = "" if app.storage.exists() else " (new)"
    say(f"{file} is fine. Database: {app.storage.place}{fresh}")
    if plan:
        say()
        write_table(
            COLUMNS,
            [[p.step.key, p.step.verb, p.step.reason, moments.ahead(p.next_run_at)] for p in plan],
        )
        say(f"\nTimes in {app.timezone}.")
    else:
        say("There are no jobs in it.")
    for each in stand_ins(app.config):
        say(f"Note: {each}")
