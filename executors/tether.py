"""The string between this process and another one: when this one dies, the other is killed.

The kernel holds it, so that nothing cuts it short, not even `kill -9`. It is a pipe of which only
this process has the writing end; the reading end carries the wish to send SIGKILL when something
happens to it, and what happens is that the last writer is gone. Only Linux can do that; elsewhere
there is no string, and processes outlive a service that was killed.
"""

import fcntl
import os
import select
import signal
from types import TracebackType
from typing import Self

_STRONG = hasattr(fcntl, "F_SETSIG")


class Tether:
    """The string to a program that is started with `end` among its files.

    It holds as long as the program, or one that it started, has this file open.

    Attributes:
        end: the file to pass on.
    """

    def __init__(self) -> None:
        self.end, self._ours = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.cut()

    def tie(self, group: int) -> None:
        """From now on this process group dies with us."""
        _on_hangup_kill(self.end, -group)

    def cut(self) -> None:
        """Let go: what is left of the group may live on."""
        if _STRONG:
            flags = fcntl.fcntl(self.end, fcntl.F_GETFL)
            fcntl.fcntl(self.end, fcntl.F_SETFL, flags & ~os.O_ASYNC)
        os.close(self.end)
        os.close(self._ours)


def follow(sentinel: int) -> None:
    """Die with the process that has the other end of this pipe.

    Args:
        sentinel: a file that becomes readable when that process is gone.
    """
    _on_hangup_kill(sentinel, os.getpid())
    if _STRONG and select.select([sentinel], [], [], 0)[0]:  # it is gone already
        os.kill(os.getpid(), signal.SIGKILL)


def _on_hangup_kill(end: int, whom: int) -> None:
    if _STRONG:
        fcntl.fcntl(end, fcntl.F_SETOWN, whom)
        fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC)
