"""`tocsin history`, `events`, `explain`: what happened, and why."""

import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from ..core.clock import from_instant
from ..core.events import to_data
from ..core.run import Run
from ..core.task import Task, iso
from .moments import Moments, brief_length
from .options import command
from .output import Column, printable, say, write_json, write_table
from .settings import Settings, pass_settings
from .when import read_instant

if TYPE_CHECKING:
    from ..service import Tocsin
    from ..storage.queries import Logged

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
FOLLOW_EVERY = 0.5
"""Seconds between two looks at the log."""

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
    words += [run.reason or "", f"{run.count} times" if run.count > 1 else ""]
    return "; ".join(filter(None, words))


def _hint(runs: Iterable[Run]) -> str:
    failed = next((run.id for run in runs if run.status in FAILED), None)
    return "" if failed is None else f" Try a failed run again with: tocsin retry {failed}"


@command("events")
@key_argument
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens from now on.")
@number_option
@pass_settings
def events(settings: Settings, key: str | None, follow: bool, number: int) -> None:
    """Show the latest events, of KEY or of all.

    Events are the log that everything else is derived from, in the order in which they happened.
    With --follow and --json, each event is one line.
    """
    app = settings.open_existing()
    task = None if key is None else app.get(key, tenant=settings.tenant)
    found = app.events(task, tenant=settings.tenant, limit=number, latest=True)
    if follow:
        with suppress(KeyboardInterrupt):
            _follow(app, task, settings, found)
    elif settings.json:
        write_json([event_document(each) for each in found])
    elif found:
        _EventWriter(app, settings).write(found)
    else:
        say("Nothing has happened yet.")


def event_document(logged: "Logged") -> dict[str, Any]:
    """The JSON form of an event; instants inside `data` are microseconds, as they are stored."""
    event = logged.event
    return {
        "id": logged.id,
        "at": iso(from_instant(event.at)),
        "type": event.type,
        "tenant": event.tenant,
        "task_id": event.task_id,
        "run_id": event.run_id,
        "data": to_data(event),
    }


class _EventWriter:
    """Writes events one a line: they come one after the other."""

    def __init__(self, app: "Tocsin", settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._names: dict[int, str] = {}

    def write(self, found: "Iterable[Logged]") -> None:
        """Write these."""
        for each in found:
            if self._settings.json:
                write_json(event_document(each), compact=True)
            else:
                say(self._line(each))

    def _line(self, logged: "Logged") -> str:
        event = logged.event
        if event.task_id not in self._names:
            task = self._app.get(event.task_id, tenant=self._settings.tenant)
            self._names[event.task_id] = task.name
        moments = Moments(event.at, self._app.timezone)
        run = "" if event.run_id is None else f" run {event.run_id}"
        shown = moments.exact(from_instant(event.at))
        name = self._names[event.task_id]
        return printable(f"{shown}  {event.type:<17} {name}{run}{_detail(to_data(event))}")


def _detail(data: dict[str, Any]) -> str:
    """What is worth knowing about an event in a line."""
    told = ("status", "reason", "error")
    words = [str(data[name]).splitlines()[0] for name in told if data.get(name)]
    return f": {', '.join(words)}" if words else ""


def _follow(app: "Tocsin", task: Task | None, settings: Settings, found: "list[Logged]") -> None:
    """Write these events, and what happens from now on, for ever."""
    writer, never, last = _EventWriter(app, settings), threading.Event(), 0
    while True:
        writer.write(found)
        last = found[-1].id if found else last
        never.wait(FOLLOW_EVERY)
        found = app.events(task, tenant=settings.tenant, after=last, limit=1_000)


@command("explain")
@click.argument("key")
@click.argument("instant")
@pass_settings
def explain(settings: Settings, key: str, instant: str) -> None:
    """Say what became of a planned run, and why.

    It is the run of the task KEY that was planned for INSTANT, a date and time such as
    2026-12-24T18:00:00+01:00, or without an offset in the configured zone.
    """
    app = settings.open_existing()
    task = app.get(key, tenant=settings.tenant)
    at = read_instant(instant, app.timezone)
    planned = [run.due_at for run in app.history(task, tenant=settings.tenant, limit=10_000)]
    if at not in planned:
        in_that_second = [due for due in planned if due.replace(microsecond=0) == at]
        at = in_that_second[0] if len(in_that_second) == 1 else at
    text = app.explain(task, at, tenant=settings.tenant)
    if settings.json:
        write_json({"task": task.name, "task_id": task.id, "at": iso(at), "explanation": text})
    else:
        say(text)
