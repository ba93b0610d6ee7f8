"""Registered callables: the keys under which a program offers its functions."""

import inspect
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .errors import InvalidTask, UnknownHandler
from .hints import did_you_mean

COMMAND = "tocsin.command"
"""The handler key under which commands of `config.toml` are stored."""


THREADS, ASYNCIO, PROCESSES = "threads", "asyncio", "processes"
"""The executors that a handler may choose."""


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


def choose_lane(key: str, function: Callable[..., Any], wanted: str | None) -> str:
    """Which executor runs a function.

    Args:
        key: the handler's, for the messages.
        function: what is called.
        wanted: the executor that was asked for; None for `asyncio` if it is `async def`, else
            `threads`.

    Raises:
        InvalidTask: there is no such executor, or it cannot run this function.
    """
    is_async = inspect.iscoroutinefunction(function)
    if wanted is None:
        return ASYNCIO if is_async else THREADS
    known = (THREADS, ASYNCIO, PROCESSES)
    if wanted not in known:
        hint = did_you_mean(wanted, known)
        raise InvalidTask(f"handler {key!r}: executor is one of {', '.join(known)}{hint}")
    if wanted == ASYNCIO and not is_async:
        raise InvalidTask(
            f"handler {key!r} would block the event loop: make it `async def`,"
            " or leave the executor out"
        )
    name = getattr(function, "__qualname__", "<locals>")
    if wanted == PROCESSES and ("<" in name or not getattr(function, "__module__", None)):
        raise InvalidTask(
            f"handler {key!r}: another process finds a function by its name in a module,"
            " and this one has none: define it at the top of a module"
        )
    return wanted


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
