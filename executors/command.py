"""Calls of other programs: started without a shell, killed for certain, no zombie left behind."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.clock import Clock
from ..core.errors import InvalidEntry
from .base import Failed, Outcome, Succeeded
from .child import REAPING, Child
from .describe import ERROR_LIMIT, RESULT_LIMIT, TRACEBACK_LIMIT, clip
from .threads import ThreadExecutor
from .ticket import Ticket


@dataclass(frozen=True, slots=True)
class Command:
    """What a call's function returns to have a program run.

    A process that it leaves behind must redirect its output: nobody reads it any more.

    Attributes:
        argv: the program and its arguments; no shell sees them.
        cwd: the directory to run in, None for the service's own.
        env: the whole environment, None for the service's own.
    """

    argv: tuple[str, ...]
    cwd: str | None = None
    env: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        """Refuse a command without a program."""
        if not self.argv:
            raise InvalidEntry("a command needs at least the name of a program")


class CommandExecutor(ThreadExecutor):
    """Runs `Command`s. Exit code 0 is success; the end of the output is kept.

    The result is `{"exit_code": 0, "output": ...}` with at most 4 KiB of stdout and stderr, in the
    order they were written. Standard input is empty. To end a program, its whole process group is
    asked to terminate, and then killed.

    Args:
        max_workers: how many programs run at once. Default 10.
        clock: where the times of the reports come from.
        name: the beginning of the names of the threads that watch.
        kill_after: seconds between SIGTERM and SIGKILL. Default 5.
    """

    def __init__(
        self,
        max_workers: int = 10,
        *,
        clock: Clock,
        name: str = "commands",
        kill_after: float = 5.0,
    ) -> None:
        super().__init__(max_workers, clock=clock, name=name)
        self._kill_after = kill_after
        self.last_seconds = kill_after + REAPING + 1.0

    def _complete(self, ticket: Ticket, value: Any) -> Outcome:
        if not isinstance(value, Command):
            raise TypeError(f"a command's function returns a Command, not {type(value).__name__}")
        with Child(value.argv, value.cwd, value.env) as child:
            self._arm(ticket, child.wake, certain=True)
            try:
                if not child.wait() and ticket.notice.is_set():
                    child.end(self._kill_after)
            finally:
                self._disarm(ticket)
            return _outcome(Path(value.argv[0]).name, *child.finish())


def _outcome(program: str, code: int | None, output: str) -> Outcome:
    if code == 0:
        return Succeeded({"exit_code": 0, "output": clip(output, RESULT_LIMIT)})
    lines = output.strip().splitlines()
    error = f"{program} {ending(code)}" + (f": {lines[-1]}" if lines else "")
    return Failed(
        error=clip(error, ERROR_LIMIT),
        kind="CommandFailed",
        retryable=True,
        traceback=clip(output, TRACEBACK_LIMIT),
    )


def ending(code: int | None) -> str:
    """Say how a process ended, by its exit code (negative: the signal, None: it did not)."""
    if code is None:
        return "was killed and did not disappear"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
