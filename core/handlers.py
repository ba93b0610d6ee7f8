"""Registered callables: the keys under which a program offers its functions."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .errors import InvalidTask, UnknownHandler
from .hints import did_you_mean

COMMAND = "tocsin.command"
"""The handler key under which commands of `config.toml` are stored."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A callable with a name that outlives renames of the code.

    Attributes:
        key: such as "report.build".
        function: called as `function(ctx, *args, **kwargs)`; `def` or `async def`.
        policy: options that differ from the defaults, for tasks that call it.
        validate: called with the same arguments but `ctx` when a task is scheduled; what it
            raises refuses the task.
        lane: which executor runs it.
    """

    key: str
    function: Callable[..., Any]
    policy: dict[str, Any] = field(default_factory=dict)
    validate: Callable[..., Any] | None = None
    lane: str = "threads"


class Handlers:
    """The handlers of one service, by key and alias."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handlers: dict[str, Handler] = {}

    def register(self, handler: Handler, aliases: Iterable[str] = ()) -> None:
        """Add a handler under its key and its former names.

        Raises:
            InvalidTask: a name is empty, or taken by another function.
        """
        names = [handler.key, *aliases]
        with self._lock:
            for name in names:
                known = self._handlers.get(name)
                if not name or not isinstance(name, str):
                    raise InvalidTask("a handler needs a key, such as 'report.build'")
                if known is not None and known.function is not handler.function:
                    raise InvalidTask(f"the handler key {name!r} is taken: choose another")
            self._handlers.update(dict.fromkeys(names, handler))

    def offer(self, handler: Handler) -> None:
        """Add or replace a handler of our own."""
        with self._lock:
            self._handlers[handler.key] = handler

    def find(self, key: str) -> Handler | None:
        """The handler with this key or alias, None when there is none."""
        return self._handlers.get(key)

    def get(self, key: str) -> Handler:
        """The handler with this key or alias.

        Raises:
            UnknownHandler: there is none; the message names the nearest one.
        """
        handler = self._handlers.get(key)
        if handler is None:
            hint = did_you_mean(key, self._handlers)
            raise UnknownHandler(f"no handler {key!r} is registered in this program{hint}")
        return handler

    def key_of(self, function: Callable[..., Any]) -> str | None:
        """The key under which a function is registered, None when it is not."""
        for handler in list(self._handlers.values()):
            if handler.function is function:
                return handler.key
        return None

    def keys(self) -> list[str]:
        """All keys and aliases."""
        return sorted(self._handlers)
