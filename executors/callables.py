"""From an entry to a call: find what it names, see that the arguments fit, call it."""

import inspect
import sys
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

from ..core.entry import Entry, RunContext
from ..core.errors import EntryRejected, UnknownHandler
from ..core.handlers import Handlers


def bind_entry(
    entry: Entry, handlers: Handlers, context: Callable[[], RunContext]
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Find what the entry names, and its positional arguments; see that all arguments fit.

    A registered handler gets the context first; a function named by its path does not, and no
    context is made for it.

    Raises:
        EntryRejected: it does not resolve or the arguments do not fit.
    """
    if entry.handler is not None:
        function = _handler(entry.handler, handlers)
        args: tuple[Any, ...] = (context(), *entry.args)
    else:
        function, args = resolve(entry.module or "", entry.function or ""), entry.args
    check_fit(function, args, dict(entry.kwargs), entry.target)
    return function, args


def check_bound(entry: Entry, handlers: Handlers) -> None:
    """See that what an entry names exists here and takes its arguments; nothing is called.

    Raises:
        EntryRejected: it does not; the message says why.
    """
    if entry.handler is None:
        function, args = resolve(entry.module or "", entry.function or ""), entry.args
    else:
        function, args = _handler(entry.handler, handlers), (None, *entry.args)
    check_fit(function, args, dict(entry.kwargs), entry.target)


def resolve(module: str, function: str) -> Callable[..., Any]:
    """Import a function by its path.

    Raises:
        EntryRejected: the module or the name is not there, or it cannot be called.
    """
    try:
        found = _find(module, function)
    except Exception as error:
        raise EntryRejected(
            f"{module}:{function} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not callable(found):
        raise EntryRejected(f"{module}:{function} is not callable")
    resolved: Callable[..., Any] = found
    return resolved


def _find(module: str, function: str) -> Any:
    __import__(module)  # four times as fast as `import_module` when it is there already
    found: Any = sys.modules[module]
    for name in function.split("."):
        found = getattr(found, name)
        if isinstance(found, ModuleType):  # else a module could be called that `allow` forbids
            raise TypeError(f"{name!r} is a module: name the module that has the function")
    return found


def check_fit(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], target: str
) -> None:
    """See whether the function takes these arguments.

    Raises:
        EntryRejected: it does not.
    """
    shape = function, len(args), tuple(kwargs)
    try:
        complaint = _complaint(*shape)
    except TypeError:  # an object that can be called, and has no hash
        complaint = _complaint.__wrapped__(*shape)
    if complaint is not None:
        raise EntryRejected(f"{target} does not take these arguments: {complaint}")


@lru_cache(maxsize=1024)
def _complaint(function: Callable[..., Any], args: int, kwargs: tuple[str, ...]) -> str | None:
    """Why a function does not take so many arguments and these names; None when it does."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None  # some built-in functions do not tell
    try:
        signature.bind(*[None] * args, **dict.fromkeys(kwargs))
    except TypeError as error:
        return str(error)
    return None


def _handler(key: str, handlers: Handlers) -> Callable[..., Any]:
    try:
        return handlers.get(key).function
    except UnknownHandler as error:
        raise EntryRejected(str(error)) from error
