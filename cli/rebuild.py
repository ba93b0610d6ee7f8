"""`tocsin rebuild`: the tables that follow from the log, folded again and compared."""

from typing import TYPE_CHECKING

import click

from .options import command
from .output import Column, counted, remark, say, write_json, write_table
from .progress import Progress
from .settings import Settings, pass_settings

if TYPE_CHECKING:
    from ..storage.projections import Difference
    from ..storage.rebuild import Rebuilt

COLUMNS = (Column("TABLE"), Column("ROW"), Column("WHAT"), Column("STORED, FOLDED", folds=True))


@command("rebuild")
@click.option("--check", is_flag=True, help="Compare only; the service may run meanwhile.")
@pass_settings
@click.pass_context
def rebuild(ctx: click.Context, settings: Settings, check: bool) -> None:
    """Fold the log again into the tables of tasks and runs.

    The fresh tables take the places of the old ones. What was different is shown: there should be
    nothing, and the exit code is 1 when there is.
    """
    app = settings.open_existing()
    progress = Progress()
    try:
        found = app.rebuild(check=check, progress=progress)
    finally:
        progress.end()
    if settings.json:
        write_json(found.to_dict())
    else:
        _show(found)
    ctx.exit(0 if found.ok else 1)


def _show(found: "Rebuilt") -> None:
    rows = ", ".join(f"{name} {number:,}" for name, number in found.rows.items())
    say(f"{counted(found.events, 'event')} folded: {rows}")
    if found.ok:
        say("The tables are what the log says.")
        return
    write_table(COLUMNS, [_cells(each) for each in found.differences])
    hidden = found.differing.total() - len(found.differences)
    if hidden:
        say(f"... and {counted(hidden, 'more difference')}")
    done = "they are mended" if found.swapped else "`tocsin rebuild` mends them"
    remark(f"{counted(found.differing.total(), 'row')} differ from the log: {done}")


def _cells(each: "Difference") -> tuple[str, ...]:
    changed = "; ".join(
        f"{name}: {stored!r}, {folded!r}" for name, (stored, folded) in each.columns.items()
    )
    return (each.table, " ".join(map(str, each.key)), each.kind, changed)
