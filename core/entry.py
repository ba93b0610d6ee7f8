"""What to call: the immutable value behind every task."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct, field

from .errors import InvalidEntry

LONGEST_NAME = 1_000

_FIELDS = frozenset({"module", "function", "handler", "args", "kwargs"})


class Entry(Struct, frozen=True):
    """A call to be made later: a function by its path, or a registered handler by its key.

    Attributes:
        module: importable module, such as "myapp.reports"; None for a handler.
        function: name in the module, dots allowed ("Report.build"); None for a handler.
        handler: key of a registered handler, such as "report.build".
        args: positional arguments.
        kwargs: keyword arguments.
    """

    module: str | None = None
    function: str | None = None
    handler: str | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an entry that names nothing, or two things."""
        if self.handler is None and not (self.module and self.function):
            raise InvalidEntry("an entry needs a module and a function, or a handler")
        if self.handler is not None and (self.module or self.function):
            raise InvalidEntry("an entry has either a handler or a module and a function, not both")
        for name in (self.module, self.function, self.handler):
            if name is not None and not (type(name) is str and _is_name(name)):
                _require_name(name)
        if self.kwargs and not all(isinstance(name, str) for name in self.kwargs):
            raise InvalidEntry("the names of keyword arguments must be strings")

    @property
    def target(self) -> str:
        """What is called, in one word: "myapp.reports:nightly" or "report.build"."""
        return self.handler if self.handler is not None else f"{self.module}:{self.function}"

    def to_map(self) -> dict[str, Any]:
        """The map of the prototype: module, function, args (and kwargs when there are any)."""
        named: dict[str, Any]
        if self.handler is not None:
            named = {"handler": self.handler}
        else:
            named = {"module": self.module, "function": self.function}
        named["args"] = list(self.args)
        if self.kwargs:
            named["kwargs"] = dict(self.kwargs)
        return named

    @classmethod
    def from_map(cls, data: Mapping[str, Any]) -> "Entry":
        """The entry behind `to_map`.

        Raises:
            InvalidEntry: the map does not name one callable.
        """
        if not data.keys() <= _FIELDS:
            unknown = set(data) - _FIELDS
            raise InvalidEntry(f"an entry has no {', '.join(sorted(map(str, unknown)))}")
        get = data.get
        return cls.of(get("module"), get("function"), get("handler"), get("args"), get("kwargs"))

    @classmethod
    def of(cls, module: Any, function: Any, handler: Any, args: Any, kwargs: Any) -> "Entry":
        """An entry of values that may be anything.

        Raises:
            InvalidEntry: they do not name one callable, or are no arguments.
        """
        args = () if args is None else args
        if type(args) not in {list, tuple} and (
            isinstance(args, str | bytes) or not isinstance(args, Sequence)
        ):
            raise InvalidEntry(f"args must be a list, not {type(args).__name__}")
        kwargs = {} if kwargs is None else kwargs
        if type(kwargs) is not dict and not isinstance(kwargs, Mapping):
            raise InvalidEntry("kwargs must be a table of names and values")
        return cls(module, function, handler, tuple(args), dict(kwargs))


def _is_name(text: str) -> bool:
    return 0 < len(text) <= LONGEST_NAME and text.isprintable()


def _require_name(name: object) -> None:
    if not isinstance(name, str):
        raise InvalidEntry(f"a module, function or handler is named by a text, not {name!r:.100}")
    if not _is_name(name):
        raise InvalidEntry(f"{name!r:.100} is no name of a module, function or handler")


def parse_target(target: str) -> tuple[str, str] | None:
    """Split "myapp.reports:nightly" into module and function; None when it is a handler's key."""
    module, colon, function = target.partition(":")
    return (module, function) if colon and module and function else None


class Cancellation(Protocol):
    """Tells a running call that it should stop."""

    def is_set(self) -> bool:
        """Whether the run was cancelled or has passed its time limit."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to `timeout` seconds for a cancellation; True when it came."""
        ...


class RunContext(Struct, frozen=True):
    """What a handler is told about the run it serves.

    Attributes:
        run_id: the run.
        task_id: its task (the `scheduler_id`).
        key: the task's key, None when it has none.
        tenant: whose task it is.
        handler: what is called.
        due_at: the planned instant.
        started_at: when this attempt began.
        attempt: 1 for the first try.
        missed: earlier planned instants that this run stands for.
        cancelled: set when the run should stop.
        previous: what the attempt before this one left as its result, None for the first.
    """

    run_id: int
    task_id: int
    key: str | None
    tenant: str
    handler: str
    due_at: datetime
    started_at: datetime
    attempt: int
    missed: tuple[datetime, ...]
    cancelled: Cancellation
    previous: Any = None
