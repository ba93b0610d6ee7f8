"""Events that handlers publish, and the functions that hear of them."""

import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .errors import InvalidTask

LARGEST = 65_536
"""Bytes of JSON that one event may carry."""

FIRST_DELAY, LONGEST_DELAY = 1_000_000, 3_600_000_000
"""Microseconds before an event is told again: 1, 2, 4 seconds, at last once an hour."""


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """What a handler returns to publish something: it is stored with the success of its run.

    Attributes:
        event_type: what happened, such as "report_generated".
        payload: JSON, at most 64 KiB; tuples become lists, and the keys of dictionaries strings.

    Raises:
        InvalidTask: the type is no text, or the payload is no JSON or too large.
    """

    event_type: str
    payload: Any = None

    def __post_init__(self) -> None:
        """Refuse what cannot be stored, while its maker can still say so."""
        kind: object = self.event_type
        if not isinstance(kind, str) or not kind:
            raise InvalidTask(f"an event has a type, such as 'report_generated', not {self!r:.100}")
        try:
            text = json.dumps(self.payload, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidTask(f"the payload of {self.event_type} must be JSON: {error}") from error
        if len(text) > LARGEST:
            raise InvalidTask(
                f"the payload of {self.event_type} has {len(text)} bytes, at most {LARGEST} may be"
                " stored: store the data elsewhere and publish where it is"
            )
        object.__setattr__(self, "payload", json.loads(text))  # as everybody will read it

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: `{"event_type": ..., "payload": ...}`."""
        return {"event_type": self.event_type, "payload": self.payload}


@dataclass(frozen=True, slots=True)
class Published:
    """An event as those hear of it who listen.

    Attributes:
        id: its place in the log; the same event has the same id each time it is told.
        event_type: what happened.
        payload: as it was published; tuples are lists.
        task_id: the task whose run published it.
        run_id: that run.
        tenant: whose task it is.
        at: when it was stored.
        attempt: 1 when it is told for the first time.
    """

    id: int
    event_type: str
    payload: Any
    task_id: int
    run_id: int | None
    tenant: str
    at: datetime
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Listener:
    """A function that hears of events.

    Attributes:
        name: under which it is remembered how far it has heard.
        types: what it wants to hear of.
        function: called with one `Published`.
        replay: whether it first hears of everything in the log, or of what comes from now on.
    """

    name: str
    types: tuple[str, ...]
    function: Callable[[Published], Any]
    replay: bool = False


def make_listener(
    types: Sequence[object], function: Callable[..., Any], name: str | None, *, replay: bool
) -> Listener:
    """A listener for a function.

    Raises:
        InvalidTask: it has no name that outlives the program, or cannot be called.
    """
    found = name or f"{function.__module__}:{function.__qualname__}"
    wanted = tuple(each for each in types if isinstance(each, str) and each)
    if not wanted or len(wanted) < len(types):
        raise InvalidTask("say which events: @app.on('report_generated')")
    if name is None and found.endswith("<lambda>"):
        raise InvalidTask("a lambda has no name to be remembered by: say name='mailer'")
    if inspect.iscoroutinefunction(function):
        raise InvalidTask(
            f"{found} is told in a thread, one event after the other: make it `def`, not"
            " `async def`; what it awaits can be run with asyncio.run()"
        )
    return Listener(found, wanted, function, replay)


def delay_before(attempt: int) -> int:
    """Microseconds until an event is told again, before attempt number `attempt` (2 is next)."""
    return min(FIRST_DELAY << min(attempt - 2, 40), LONGEST_DELAY)
