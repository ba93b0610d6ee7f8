"""What a call's function returns to have a function called in another process. Light to import."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """A function by its path, with everything it is called with.

    Attributes:
        module: importable module.
        function: name in the module, dots allowed.
        args: positional arguments; they must be picklable.
        kwargs: keyword arguments; likewise.
    """

    module: str
    function: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NeverCancelled:
    """The `Cancellation` of a call in another process: that process is ended instead."""

    def is_set(self) -> bool:
        """Never."""
        return False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for `timeout` seconds, None for ever."""
        return threading.Event().wait(timeout)
