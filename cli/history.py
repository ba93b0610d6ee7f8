"""`tocsin history`: the latest runs, and what went wrong."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from ..core.run import Run
from .moments import Moments, brief_length
from .options import command
from .output import Column, say, write_json, write_table
from .settings import Settings, pass_settings

if TYPE_CHECKING:
    from ..service import Tocsin

COLUMNS = (
    Column("RUN", number=True),
    Column("TASK", folds=True),
    Column("DUE"),
    Column("STATUS"),
    Column("TRY", number=True),
    Column("TOOK", number=True),
    Column("WHY", folds=True),
)
FAILED = ("failed", "timed_out")

number_option = click.option(
    "-n", "number", type=click.IntRange(1, 100_000), default=20, help="At most so many. Default 20."
)
key_argument = click.argument("key", required=False)


@command("history")
@key_argument
@click.option("--failed", is_flag=True, help="Only runs that failed or took too long.")
@number_option
@pass_settings
def history(settings: Settings, key: str | None, failed: bool, number: int) -> None:
    """Show the latest runs, of KEY or of all."""
    app = settings.open_existing()
    task = None if key is None else app.get(key, tenant=settings.tenant)
    runs = app.history(task, tenant=settings.tenant, status=FAILED if failed else (), limit=number)
    names = _names(app, runs, settings.tenant)
    if settings.json:
        write_json([{**run.to_dict(), "task": names[run.task_id]} for run in runs])
    elif not runs:
        say("Nothing has failed." if failed else "Nothing has run yet.")
    else:
        write_runs(runs, names, Moments(app.clock.now(), app.timezone))
        say(f"\nTimes in {app.timezone}.{_hint(runs)}")


def write_runs(runs: Iterable[Run], names: dict[int, str], moments: Moments) -> None:
    """Draw runs as a table, with what went wrong."""
    write_table(
        COLUMNS,
        [
            [
                str(run.id),
                names[run.task_id],
                moments.dated(run.due_at),
                run.status,
                str(run.attempt),
                brief_length(run.duration),
                _why(run),
            ]
            for run in runs
        ],
    )


def _names(app: "Tocsin", runs: Iterable[Run], tenant: str) -> dict[int, str]:
    return {i: app.get(i, tenant=tenant).name for i in {run.task_id for run in runs}}


def _why(run: Run) -> str:
    """The error in one line, or the reason, or how many it stands for."""
    words = [run.error.strip().splitlines()[0] if run.error and run.error.strip() else ""]
    words += [
        f"waits for: {run.waits_for}" if run.waits_for else "",
        run.reason or "",
        f"{run.count} times" if run.count > 1 else "",
    ]
    return "; ".join(filter(None, words))


def _hint(runs: Iterable[Run]) -> str:
    failed = next((run.id for run in runs if run.status in FAILED), None)
    return "" if failed is None else f" Try a failed run again with: tocsin retry {failed}"
