"""`tocsin events`: the log that everything else is derived from."""

import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from ..core.clock import SECOND, from_instant
from ..core.errors import StorageUnavailable, UnknownTask
from ..core.events import to_data
from ..core.task import Task, iso
from .history import key_argument, number_option
from .moments import Moments
from .options import command
from .output import remark, say, write_json
from .settings import Settings, pass_settings

if TYPE_CHECKING:
    from ..service import Tocsin
    from ..storage.queries import Logged

FOLLOW_EVERY = 0.5
"""Seconds between two looks at the log."""


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
        self._names: dict[int, str] = {0: "the service"}

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
            self._names[event.task_id] = self._name(event.task_id)
        moments = Moments(event.at, self._app.timezone)
        run = "" if event.run_id is None else f" run {event.run_id}"
        shown = moments.exact(from_instant(event.at))
        name = self._names[event.task_id]
        text = f"{shown}  {event.type:<17} {name}{run}{_detail(to_data(event))}"
        return text.replace("\n", " ")

    def _name(self, task_id: int) -> str:
        """How the task is called; one that has left with its history has its number only."""
        with suppress(UnknownTask, StorageUnavailable):
            return self._app.get(task_id, tenant=self._settings.tenant).name
        return f"#{task_id}"


def _detail(data: dict[str, Any]) -> str:
    """What is worth knowing about an event in a line."""
    told = ("status", "reason", "error")
    words = [str(data[name]).splitlines()[0] for name in told if data.get(name)]
    if "step" in data:
        words.append(f"the clock was set by {data['step'] / SECOND:+.3f} s")
    if "duration" in data:
        words.append(f"nothing ran for {data['duration'] / SECOND:.1f} s")
    return f": {', '.join(words)}" if words else ""


def _follow(app: "Tocsin", task: Task | None, settings: Settings, found: "list[Logged]") -> None:
    """Write these events, and what happens from now on, for ever.

    Whoever writes: the database is looked at, and nobody is asked. While it cannot be used, this
    waits; what happened meanwhile is written when it can.
    """
    writer, never = _EventWriter(app, settings), threading.Event()
    last, lost = found[-1].id if found else 0, False
    while True:
        writer.write(found)
        never.wait(FOLLOW_EVERY)
        try:
            found = app.events(task, tenant=settings.tenant, after=last, limit=1_000)
            lost = False
        except StorageUnavailable as error:
            if not lost:
                remark(f"{error}; trying again")
            found, lost = [], True
        last = found[-1].id if found else last
