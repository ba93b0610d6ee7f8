"""The keys of a `[jobs.*]` table that say what: one action, as the entry that is stored."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Annotated, Any

from pydantic import Field

from .config_fields import Argv, NameOrNames, Seconds, Text
from .config_notify import LOG, NotifyConfig, check_known
from .config_toml import KeyPath
from .entry import Entry, parse_target
from .errors import InvalidEntry
from .handlers import COMMAND
from .notification import REMIND, Notification, Priority
from .problems import PrivateTable, Problems, Table, show

_ACTIONS = ("remind", "call", "handler", "run")
_CALLS = ("call", "handler")
_BELONGS = {"args": _CALLS, "kwargs": _CALLS, "payload": _CALLS, "cwd": ("run",), "env": ("run",)}

_DEEPEST = 32
_WIDEST = 64


class _What(PrivateTable):
    remind: Any = None
    call: Text | None = None
    handler: Text | None = None
    run: Argv | None = None
    args: list[Any] = Field(default_factory=list)
    kwargs: dict[str, Any] = Field(default_factory=dict)
    payload: Any = None
    cwd: Text | None = None
    env: dict[str, str] | None = None


class _Reminder(Table):
    """The fields of a `Notification`, and who gets it."""

    message: Text
    to: NameOrNames = (LOG,)
    title: str | None = None
    priority: Priority = "normal"
    sound: str | None = None
    url: str | None = None
    url_title: str | None = None
    html: bool = False
    ttl: Annotated[Seconds, Field(ge=1)] | None = None
    device: NameOrNames = ()
    attachment: str | None = None
    retry: Annotated[Seconds, Field(ge=30)] = 60
    expire: Annotated[Seconds, Field(ge=1)] = 3600


ENTRY_KEYS = frozenset(_What.model_fields)


def read_entry(
    table: dict[str, Any],
    path: KeyPath,
    notifiers: Mapping[str, NotifyConfig],
    allow: Sequence[str],
    problems: Problems,
) -> Entry | None:
    """Read what a job does.

    Args:
        table: the job's keys that say what.
        path: where the job is.
        notifiers: the channels that a reminder may name.
        allow: prefixes of the modules that may be called, empty for any.
        problems: takes the mistakes.

    Returns:
        The entry, or None when there are mistakes.
    """
    action = problems.one_of(_ACTIONS, table, path, "action")
    what = problems.read(_What, path, table)
    if action is None:
        return None
    problems.check_company(action, _BELONGS, table, path)
    if what is None:
        return None
    if action == "remind":
        return _reminder(what.remind, (*path, "remind"), notifiers, problems)
    if action == "run":
        return _command(what)
    args = [what.payload, *what.args] if "payload" in table else what.args
    _check_json({key: table[key] for key in _BELONGS if key in table}, path, problems)
    return problems.attempt((*path, action), _call, action, what, tuple(args), allow)


def _call(action: str, what: _What, args: tuple[Any, ...], allow: Sequence[str]) -> Entry:
    if action == "handler":
        return Entry(handler=_handler_key(str(what.handler)), args=args, kwargs=what.kwargs)
    module, function = _target(str(what.call))
    if allow and not f"{module}.".startswith(tuple(allow)):
        names = ", ".join(map(repr, allow))
        raise InvalidEntry(f"{module} may not be called: [scheduler] allow names only {names}")
    return Entry(module=module, function=function, args=args, kwargs=what.kwargs)


def _handler_key(key: str) -> str:
    if parse_target(key):
        raise InvalidEntry(f'is the key of a handler; write call = "{key}" for a function')
    return key


def _target(text: str) -> tuple[str, str]:
    """Split "myapp.reports:nightly"."""
    target = parse_target(text)
    if target and all(map(_is_dotted, target)):
        return target
    module, _, function = text.rpartition(".")
    example = f"{module}:{function}" if module and _is_dotted(text) else "myapp.reports:nightly"
    raise InvalidEntry(f'{show(text)} is not a module and its function; write "{example}"')


def _is_dotted(text: str) -> bool:
    return all(name.isidentifier() for name in text.split("."))


def _reminder(
    value: object, path: KeyPath, notifiers: Mapping[str, NotifyConfig], problems: Problems
) -> Entry | None:
    """Read `{ to = ["phone"], message = "..." }`, or only the message."""
    table = {"message": value} if isinstance(value, str) else value
    reminder = problems.read(_Reminder, path, table)
    if reminder is None:
        return None
    to = tuple(dict.fromkeys(reminder.to))
    check_known(to, (*path, "to"), notifiers, problems)
    fields = reminder.model_dump(exclude={"to"})
    note = problems.attempt(path, lambda: Notification(**fields).to_dict())
    if note is None:
        return None
    if "device" in note:
        note["device"] = list(note["device"])
    return Entry(handler=REMIND, kwargs={"to": list(to), **note})


def _command(what: _What) -> Entry:
    details = {"cwd": what.cwd, "env": what.env}
    present = {name: value for name, value in details.items() if value is not None}
    return Entry(handler=COMMAND, kwargs={"argv": list(what.run or ()), **present})


def _check_json(value: object, path: KeyPath, problems: Problems) -> None:
    """Note what has no place in a stored entry: dates, infinity, endless numbers."""
    if len(path) > _DEEPEST:
        problems.add(path[:3], "has too many tables within tables")
    elif isinstance(value, dict):
        for key, each in value.items():
            _check_json(each, (*path, key), problems)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _check_json(each, (*path, index), problems)
    elif isinstance(value, date | time):
        problems.add(path, f'a date is handed over as text; write "{value.isoformat()}"')
    elif isinstance(value, float) and not math.isfinite(value):
        problems.add(path, "must be a finite number")
    elif isinstance(value, int) and value.bit_length() > _WIDEST:
        problems.add(path, "must be a number of at most 64 bits")
