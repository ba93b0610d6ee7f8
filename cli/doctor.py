"""`tocsin doctor`: could everything that is stored be carried out? For people, and for CI."""

from typing import TYPE_CHECKING

import click

from .loading import app_option, open_program
from .options import command
from .output import Column, counted, remark, say, write_json, write_table
from .progress import Progress
from .settings import Settings, pass_settings

if TYPE_CHECKING:
    from ..core.findings import Finding, Findings

COLUMNS = (Column("CHECK"), Column("LEVEL"), Column("TASK"), Column("WHAT", folds=True))


@command("doctor")
@app_option
@click.option("--rebuild", "log", is_flag=True, help="Fold the log again, too, and compare.")
@pass_settings
@click.pass_context
def doctor(ctx: click.Context, settings: Settings, program: str | None, log: bool) -> None:
    """Examine the database against this code.

    Is the file sound? Does each task's entry verify, exist here and take its arguments? Do alarms
    and tasks agree, and what is quarantined? Nothing is changed, and the service may run. The exit
    code is 1 when there are problems.
    """
    app, complete = open_program(settings, program)
    progress = Progress()
    try:
        found = app.doctor(log=log, complete=complete, progress=progress)
    finally:
        progress.end()
    if settings.json:
        write_json(found.to_dict())
    else:
        _show(found)
    ctx.exit(0 if found.ok else 1)


def _show(found: "Findings") -> None:
    if found.found:
        write_table(COLUMNS, [_cells(each) for each in found.found])
        say()
    say(", ".join(f"{check} {number:,}" for check, number in found.looked_at.items()))
    if found.ok:
        say("No problems.")
    else:
        remark(f"{counted(found.problems.total(), 'problem')}: see WHAT")


def _cells(each: "Finding") -> tuple[str, ...]:
    return (each.check, each.level, each.name or "-", each.text)
