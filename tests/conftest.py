"""What every test may use."""

import fcntl
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings
from loguru import logger

from tocsin import Tocsin

sys.path.insert(0, str(Path(__file__).parent))

from postgres_server import Server

# Whoever is started in the background ignores Ctrl-C, and so does all that it starts in turn.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The suite says the same every time; `make fuzz` and `make simulation` look for what is new.
settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")

pytest_plugins = ["tocsin.fixtures"]

LIMIT = 15.0
"""Seconds that a test waits for an event before it fails."""

SERVER = "TOCSIN_TEST_POSTGRES"
"""The variable that tells all processes of a test run where their PostgreSQL server is."""

MEMORY = Path("/dev/shm")
"""A disk in memory, on Linux. Thousands of databases are made there three times as quickly."""

ENOUGH = 4 * 1024**3
"""Bytes that must be free in memory; the suite needs less than a quarter of it."""

REMOVER = pytest.StashKey["subprocess.Popen[bytes]"]()

_schemas = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Agree on a place for the servers of this run; one is made when a test asks for it.

    A process of its own removes them when this one ends, also when it is killed.
    """
    if not hasattr(config, "workerinput"):
        if _is_roomy(MEMORY):
            tempfile.tempdir = os.environ["TMPDIR"] = str(MEMORY)
        short = tempfile.tempdir or "/tmp"
        folder = os.environ[SERVER] = tempfile.mkdtemp(prefix="tocsin-pg-", dir=short)
        Path(folder).chmod(0o755)
        command = [sys.executable, str(Path(__file__).with_name("postgres_server.py")), folder]
        config.stash[REMOVER] = subprocess.Popen(
            command, stdin=subprocess.PIPE, start_new_session=True
        )


def _is_roomy(place: Path) -> bool:
    """Whether a place will do for all files of the tests: some are programs, and run."""
    if "TMPDIR" in os.environ or not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return False
    return shutil.disk_usage(place).free > ENOUGH and not os.statvfs(place).f_flag & os.ST_NOEXEC


def pytest_unconfigure(config: pytest.Config) -> None:
    """Wait until the servers are gone."""
    remover = config.stash.get(REMOVER, None)
    if remover is not None:
        remover.communicate(timeout=60)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that is marked with `databases` on each of them."""
    if metafunc.definition.get_closest_marker("databases") and "url" in metafunc.fixturenames:
        chosen = metafunc.definition.get_closest_marker("only_sqlite") is not None
        kinds = ["sqlite"] if chosen else ["sqlite", "postgres"]
        metafunc.parametrize("url", kinds, indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Server:
    """The server that all tests share, each in a schema of its own."""
    place = Path(os.environ[SERVER])
    server = Server(place / "shared")
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not server.ready.exists():
            server.make()
            server.start()
    return server


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that does not exist yet."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{tmp_path}/tocsin.db"
    make: Callable[[], str] = request.getfixturevalue("new_url")
    return make()


@pytest.fixture
def new_url(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Makes empty schemas on the PostgreSQL server that all tests share."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return lambda: postgres.new_schema(f"test_{os.getpid()}_{next(_schemas)}")


@pytest.fixture
def app(url: str) -> Iterator[Tocsin]:
    """A service on a fresh database, not started; stopped at the end whatever happens."""
    service = Tocsin(url, grace=0.2)
    yield service
    service.stop()


@pytest.fixture
def child() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Run Python code in a process of its own; it is killed at the end if it still lives."""
    children: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
        command: Sequence[str] = [sys.executable, "-c", code, *map(str, arguments)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        children.append(process)
        return process

    yield start
    for process in children:
        process.kill()
        process.communicate()


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The lines that Tocsin logs, as "LEVEL message"; a library is silent unless it is enabled."""
    lines: list[str] = []
    logger.enable("tocsin")
    sink = logger.add(lambda line: lines.append(line.strip()), format="{level} {message}", level=0)
    yield lines
    logger.remove(sink)
    logger.disable("tocsin")
