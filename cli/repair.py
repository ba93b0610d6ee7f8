"""`tocsin repair`: what was renamed in the code, renamed in the tasks."""

from typing import TYPE_CHECKING

import click

from .loading import app_option, open_program
from .options import command
from .output import Column, counted, remark, say, write_json, write_table
from .settings import Settings, pass_settings

if TYPE_CHECKING:
    from ..mending import Mended, Repair

COLUMNS = (Column("TASK"), Column("TENANT"), Column("WHAT", folds=True))


@command("repair")
@click.argument("old")
@click.argument("new")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@app_option
@pass_settings
def repair(settings: Settings, old: str, new: str, dry_run: bool, program: str | None) -> None:
    """Let the tasks of all tenants that call OLD call NEW.

    Both are module:function, or keys of handlers. Each task gets a new signed entry with the same
    arguments; tasks that were quarantined for the rename go on. The service may run. The exit code
    is 1 when a task could not be mended.
    """
    app, complete = open_program(settings, program)
    done = app.repair(old, new, dry_run=dry_run, complete=complete)
    if settings.json:
        write_json(done.to_dict())
    else:
        _show(done)
    click.get_current_context().exit(0 if done.ok else 1)


def _show(done: "Repair") -> None:
    write_table(COLUMNS, [(each.name, each.tenant, _what(each, done)) for each in done.tasks])
    wrong = sum(each.problem is not None for each in done.tasks)
    mended = counted(len(done.tasks) - wrong, "task")
    say()
    say(f"{mended} would be mended; nothing was changed." if done.dry_run else f"{mended} mended.")
    if wrong:
        remark(f"{counted(wrong, 'task')} cannot be mended: see WHAT")


def _what(each: "Mended", done: "Repair") -> str:
    if each.problem is not None:
        return each.problem
    return f"{_verb(done)} {done.new}{', and goes on' if each.resumed else ''}"


def _verb(done: "Repair") -> str:
    return "would call" if done.dry_run else "now calls"
