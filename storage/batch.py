"""What a batch of commands is about, before any of it is carried out."""

from collections.abc import Sequence
from typing import Any

from ..core import commands as c
from .drafts import storable


def rung(commands: Sequence[object]) -> tuple[int, ...]:
    """The tasks whose alarms are all that a batch is about; none when it is anything else."""
    command = commands[0] if len(commands) == 1 else None
    ids: Any = ()
    if isinstance(command, c.AlarmTriggered):
        ids = (command.scheduler_id,)
    elif isinstance(command, c.AlarmsTriggered):
        ids = command.scheduler_ids
    sound = isinstance(ids, tuple) and all(isinstance(i, int) for i in ids)
    return ids if sound else ()


def named(commands: Sequence[object]) -> dict[str, list[str]]:
    """The keys of the entries in a batch, by tenant: looked up in one query each."""
    keys: dict[str, list[str]] = {}
    for command in commands:
        if isinstance(command, c.NewEntry):
            entries: Sequence[object] = (command,)
        elif isinstance(command, c.NewEntries) and isinstance(command.entries, tuple | list):
            entries = command.entries
        else:
            continue
        for entry in entries:
            if isinstance(entry, c.NewEntry) and entry.key is not None and _is_sound(entry):
                keys.setdefault(entry.tenant, []).append(entry.key)
    return keys


def _is_sound(entry: c.NewEntry) -> bool:
    """Whether its names can be asked for; what is wrong with others is told when it is decided."""
    names: tuple[object, ...] = (entry.tenant, entry.key)
    return all(isinstance(name, str) and storable(name) for name in names)


def addressed(commands: Sequence[object]) -> list[int]:
    """The tasks that a batch speaks of by id: read in one query."""
    ids: list[int] = []
    for command in commands:
        if isinstance(command, c.RunFinished | c.BeginRun):
            ids.append(command.task_id)
        elif isinstance(command, c.AlarmTriggered):
            ids.append(command.scheduler_id)
        elif isinstance(command, c.AlarmsTriggered):
            ids.extend(command.scheduler_ids)
    return ids
