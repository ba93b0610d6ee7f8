"""One child process: started in a session of its own, watched, ended with its group, reaped.

One thread does all of this, so that no signal reaches a process id that was given away again.
Only `wake` may come from another one.
"""

import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import IO, Self, cast

from ..core.clock import SECOND, SystemClock
from .tether import Tether

TAIL = 4096
"""Bytes of output that are kept: the last ones."""

REAPING = 2.0
"""Seconds that a killed process has to disappear; it may hang in the kernel."""

_POLLING = 0.05
_CHUNK = 65536
_REAL_TIME = SystemClock()


class Child:
    """A running program, which dies with us. Leaving its context closes what it used.

    Args:
        argv: the program and its arguments.
        cwd: the directory to run in, None for the current one.
        env: the whole environment, None for the current one.

    Raises:
        OSError: the program cannot be started.
    """

    def __init__(
        self, argv: Sequence[str], cwd: str | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self._tail = b""
        with ExitStack() as stack:
            self._selector = stack.enter_context(selectors.DefaultSelector())
            self._waker, self._woken = (stack.enter_context(s) for s in socket.socketpair())
            tether = stack.enter_context(Tether())
            self._process = subprocess.Popen(  # noqa: S603 - whoever stored the entry chose it
                argv,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(tether.end,),
            )
            tether.tie(self._process.pid)
            self._output = self._open_output(stack)
            self._pidfd = self._open_pidfd(stack)
            self._waker.setblocking(False)
            self._selector.register(self._woken, selectors.EVENT_READ)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stack.close()

    def wake(self) -> None:
        """Make `wait` return, from any thread and without blocking."""
        with suppress(BlockingIOError):  # it is being woken
            self._waker.send(b"!")

    def wait(self, seconds: float | None = None) -> bool:
        """Collect output until the process has ended, `seconds` have passed, or `wake`.

        Returns:
            Whether the process has ended.
        """
        until = None if seconds is None else _REAL_TIME.monotonic() + int(seconds * SECOND)
        ready: Collection[object] = ()
        while not self._has_ended(ready) and self._woken not in ready:
            left = None if until is None else (until - _REAL_TIME.monotonic()) / SECOND
            if left is not None and left <= 0:
                return False
            ready = self._select(left)
        return self._has_ended(ready)

    def end(self, grace: float) -> None:
        """Ask the whole group to terminate, and kill what is left of it when the process is gone.

        Args:
            grace: seconds between asking and killing.
        """
        self._selector.unregister(self._woken)
        self._signal(signal.SIGTERM)
        self.wait(grace)
        self._signal(signal.SIGKILL)
        self.wait(REAPING)

    def finish(self) -> tuple[int | None, str]:
        """Reap the process.

        Output that its own children may still write is not waited for.

        Returns:
            The exit code (negative: the signal; None: a killed process that did not disappear)
            and the end of what it wrote.
        """
        for _ in range(64):
            if not self._read():
                break
        return self._process.poll(), self._tail.decode("utf-8", "replace")

    def _open_output(self, stack: ExitStack) -> int:
        output = cast("IO[bytes]", self._process.stdout)
        stack.callback(output.close)
        os.set_blocking(output.fileno(), False)
        self._selector.register(output.fileno(), selectors.EVENT_READ)
        return output.fileno()

    def _open_pidfd(self, stack: ExitStack) -> int | None:
        """Watch the process without reaping it, where the system can; elsewhere it is polled."""
        try:
            pidfd = os.pidfd_open(self._process.pid)
        except (AttributeError, OSError):
            return None
        stack.callback(os.close, pidfd)
        self._selector.register(pidfd, selectors.EVENT_READ)
        return pidfd

    def _select(self, seconds: float | None) -> Collection[object]:
        if self._pidfd is None:
            seconds = _POLLING if seconds is None else min(seconds, _POLLING)
        ready = [key.fileobj for key, _ in self._selector.select(seconds)]
        if self._output in ready and self._read() == b"":
            self._selector.unregister(self._output)
        return ready

    def _has_ended(self, ready: Collection[object]) -> bool:
        if self._pidfd is None:
            return self._process.poll() is not None
        return self._pidfd in ready

    def _read(self) -> bytes | None:
        """Take what was written: empty at the end, None when there is nothing now."""
        try:
            data = os.read(self._output, _CHUNK)
        except BlockingIOError:
            return None
        self._tail = (self._tail + data)[-TAIL:]
        return data

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # gone, or somebody else's by now
            os.killpg(self._process.pid, number)
