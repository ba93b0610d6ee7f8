"""The command line in a folder of its own: called in the process, and as a real service."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pytest
from click.testing import CliRunner, Result

from tocsin import Tocsin
from tocsin.cli.main import tocsin
from tocsin.core.environment import _VARIABLES

PATIENCE = 30.0
"""Seconds that a test waits for something that normally takes less than one."""

FOREIGN = (
    *_VARIABLES,
    "TOCSIN_CONFIG",
    "TOCSIN_KEY",
    "PUSHOVER_USER",
    "PUSHOVER_TOKEN",
    "NO_COLOR",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: empty, and with nothing of the developer's own environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def app(folder: Path) -> Tocsin:
    """A program's own view of the database that the commands use."""
    return Tocsin(f"sqlite:///{folder / 'tocsin.db'}")


class Terminal:
    """Runs commands in this process."""

    def run(self, *words: str, code: int = 0) -> Result:
        """Run a command and require its exit code."""
        result = CliRunner().invoke(tocsin, words, prog_name="tocsin")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    def says(self, *words: str, code: int = 0) -> str:
        """What a command writes for people."""
        return self.run(*words, code=code).stdout

    def complains(self, *words: str, code: int = 1) -> str:
        """What a command that fails writes to standard error."""
        return self.run(*words, code=code).stderr

    def json(self, *words: str, code: int = 0) -> Any:
        """What a command writes for machines."""
        return json.loads(self.run(*words, "--json", code=code).stdout)


@pytest.fixture
def cli() -> Terminal:
    """The command line."""
    return Terminal()


class Running:
    """`tocsin run` as a real process; its lines arrive as they are written."""

    def __init__(self, folder: Path, words: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self.lines: list[tuple[str, str]] = []
        self._arrived: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tocsin", "run", *words],
            cwd=folder,
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in (("out", self.process.stdout), ("err", self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: IO[str] | None) -> None:
        assert stream is not None
        for line in stream:
            self._arrived.put((name, line.rstrip("\n")))

    def until(self, text: str) -> str:
        """The first line with this text, waited for if it has not come yet."""
        for _, line in self.lines:
            if text in line:
                return line
        while True:
            try:
                name, line = self._arrived.get(timeout=PATIENCE)
            except queue.Empty:
                pytest.fail(f"no line with {text!r} came: {self.lines}")
            self.lines.append((name, line))
            if text in line:
                return line

    def send(self, signal: int) -> None:
        """Send a signal."""
        self.process.send_signal(signal)

    def ends(self) -> int:
        """Wait for the end, with all lines read; returns the exit code."""
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        while not self._arrived.empty():
            self.lines.append(self._arrived.get())
        return code

    def wrote(self, name: str | None = None) -> str:
        """Everything it wrote so far: on "out", on "err", or on both."""
        return "\n".join(line for stream, line in self.lines if name in {None, stream})

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
        self.ends()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


Serve = Callable[..., Running]


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Starts `tocsin run` with options and variables; every service ends with the test."""
    started: list[Running] = []

    def start(*words: str, **environ: str) -> Running:
        started.append(Running(folder, words, environ))
        return started[-1]

    yield start
    for each in started:
        each.close()
