"""What systemd is told by a service of `Type=notify`; nothing happens without systemd."""

import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

_MICROSECONDS = 1_000_000


class Systemd:
    """Tells systemd the state of this process.

    Args:
        environ: where systemd says how it listens (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._every = _watchdog(environ)
        self._ended = threading.Event()

    def ready(self, well: Callable[[], bool]) -> None:
        """The service has started; from now on its pulse is sent while all is well.

        Args:
            well: asked at half of the time after which systemd restarts a silent service.
        """
        self._tell("READY=1")
        if self._address and self._every is not None:
            threading.Thread(target=self._beat, args=(well,), name="watchdog", daemon=True).start()

    def stopping(self) -> None:
        """The service stops; its grace is no silence."""
        self._tell("STOPPING=1")

    def stopped(self) -> None:
        """Send no pulse any more."""
        self._ended.set()

    def _beat(self, well: Callable[[], bool]) -> None:
        while not self._ended.wait(self._every):
            if well():
                self._tell("WATCHDOG=1")

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        with (
            suppress(OSError),  # systemd is gone: there is nobody to tell
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to_systemd,
        ):
            to_systemd.sendto(state.encode(), self._address)


def _watchdog(environ: Mapping[str, str]) -> float | None:
    """Seconds between two pulses, None when nobody waits for them."""
    try:
        limit = int(environ.get("WATCHDOG_USEC", ""))
        owner = int(environ.get("WATCHDOG_PID", os.getpid()))
    except ValueError:
        return None
    return limit / _MICROSECONDS / 2 if limit > 0 and owner == os.getpid() else None
