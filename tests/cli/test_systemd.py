"""What systemd hears of the service, what signals make it say, and the unit that ships with it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tocsin import Actor, Tocsin
from tocsin.actors.warden import Warden
from tocsin.cli.run import GAVE_UP, _serve
from tocsin.cli.settings import Settings
from tocsin.cli.systemd import Systemd

PATIENCE = 30.0
UNIT = Path(__file__).resolve().parents[2] / "docs" / "tocsin.service"


class Listener:
    """Stands where systemd listens."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(PATIENCE)
        self.heard: list[str] = []

    def until(self, state: str) -> None:
        while state not in self.heard:
            self.heard.append(self.socket.recv(4096).decode())


@pytest.fixture(params=["a file", "an abstract name"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Listener, str]]:
    abstract = request.param == "an abstract name"
    name = f"@tocsin-{os.getpid()}" if abstract else str(tmp_path / "notify")
    made = Listener(f"\0{name[1:]}" if abstract else name)
    yield made, name
    made.socket.close()


def test_systemd_hears_of_start_pulse_and_stop(listener: tuple[Listener, str], serve: Any) -> None:
    systemd, address = listener
    service = serve("--db", "t.db", NOTIFY_SOCKET=address, WATCHDOG_USEC="200000")
    systemd.until("READY=1")
    systemd.until("WATCHDOG=1")
    assert systemd.heard[0] == "READY=1"
    service.send(signal.SIGTERM)
    systemd.until("STOPPING=1")
    assert service.ends() == 0


def test_the_pulse_stops_while_the_service_is_not_well(listener: tuple[Listener, str]) -> None:
    systemd, address = listener
    well, asked = threading.Event(), threading.Semaphore(0)
    well.set()

    def is_well() -> bool:
        asked.release()
        return well.is_set()

    told = Systemd({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000"})
    told.ready(is_well)
    systemd.until("WATCHDOG=1")
    well.clear()
    for _ in range(5):
        assert asked.acquire(timeout=PATIENCE)
    systemd.socket.setblocking(False)
    while True:  # what was sent before
        try:
            systemd.socket.recv(4096)
        except BlockingIOError:
            break
    for _ in range(5):
        assert asked.acquire(timeout=PATIENCE)
    with pytest.raises(BlockingIOError):
        systemd.socket.recv(4096)
    told.stopped()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "1000000"},
        {"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
)
def test_without_systemd_or_with_nonsense_nothing_happens(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("somebody is told"))
    before = set(threading.enumerate())
    told = Systemd(environ)
    told.ready(lambda: True)
    assert set(threading.enumerate()) <= before, "somebody has a pulse"
    told.stopping()
    told.stopped()


def test_a_systemd_that_is_away_hears_the_next_pulse_when_it_is_back(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    told = Systemd({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000"})
    told.ready(lambda: True)
    systemd = Listener(address)
    systemd.until("WATCHDOG=1")
    told.stopping()
    systemd.until("STOPPING=1")
    told.stopped()
    systemd.socket.close()
    assert "READY=1" not in systemd.heard, "it was said before anybody listened"


def test_a_watchdog_meant_for_another_process_is_left_alone() -> None:
    assert Systemd({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"})._every is None
    assert Systemd({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())})._every == 1.5


def test_sigusr1_writes_the_tree_its_health_and_all_stacks(serve: Any) -> None:
    service = serve("--db", "t.db")
    service.until("Ctrl-C stops")
    service.send(signal.SIGUSR1)
    line = service.until("health: {")
    health = json.loads(line[line.index("{") :])
    assert health["status"] == "ok"
    service.until("scheduler: running, incarnation")
    service.until("warden: running")
    service.until("the stacks of all threads")
    service.until("--- alarm-")
    service.send(signal.SIGTERM)
    assert service.ends() == 0


def test_health_tells_about_the_running_service_and_its_exit_code_says_if_it_is_well(
    serve: Any, cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    service = serve("--db", "tocsin.db")
    service.until("Ctrl-C stops")
    for _ in range(100):
        if (folder / "tocsin.db.health.json").exists():
            break
        threading.Event().wait(0.1)
    health = cli.json("health", "--db", "tocsin.db")
    assert health["status"] == "ok"
    assert health["pid"] == service.process.pid
    text = cli.says("health", "--db", "tocsin.db")
    assert re.search(r"status +ok", text)
    assert re.search(r"  scheduler +running +\d+ +0 +\d+ +.* tick \d\.\d s ago", text)
    assert re.search(r"tocsin +running +\d+ +0; 10 left ", text)
    assert re.search(r"threads +0 +0 +10 +0", text)
    service.send(signal.SIGKILL)
    service.ends()
    assert "no service runs on this database" in cli.says("health", "--db", "tocsin.db", code=1)
    assert cli.json("health", "--db", "tocsin.db", code=1)["status"] == "failing"


def test_health_shows_everything_that_happened_to_the_service(
    cli: Any, app: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    gate, begun = threading.Event(), threading.Event()

    class Stuck(Actor):
        busy_limit = None

        def handle(self, message: Any) -> Any:
            if message == "die":
                raise ValueError("on purpose")
            begun.set()
            gate.wait(PATIENCE)

    app.supervise("stuck", Stuck)
    with app:
        assert app._engine is not None
        app.address("stuck").tell("die")
        for message in (1, 2, 3):
            app.address("stuck").tell(message)
        assert begun.wait(PATIENCE)
        app._engine.watch.note_suspend(7_000_000)
        app._engine.watch.steps = 2
        app._engine.registry.abandon(threading.main_thread())
        app._engine.checkup.write()
        text = cli.says("health", code=1)
        shown = cli.json("health", code=1)
        gate.set()
    assert re.search(r"stuck +running +\d+ +1, 1 lately +2 +int for \d", text), text
    assert re.search(r"tocsin +running +\d+ +0; 9 left", text)
    assert re.search(r"alarm +running .* waits +reload \d\.\d s ago, ring \d\.\d s ago", text)
    assert re.search(r"given up +1 thread *\n", text)
    assert re.search(r"clock +set 2 times, stood still 1 time *\n", text)
    assert re.search(r"database +ok *\n", text)
    stuck = next(actor for actor in shown["actors"] if actor["name"] == "stuck")
    wanted = {"restarts": 1, "recent_restarts": 1, "mailbox": 2, "busy_with": "int", "marks": {}}
    assert wanted.items() <= stuck.items()
    assert stuck["busy_for"] >= 0
    wanted = {"abandoned": 1, "clock_steps": 2, "suspends": 1, "storage": "ok"}
    assert wanted.items() <= shown.items()
    assert {name for actor in shown["actors"] for name in actor["marks"]} >= {
        "tick",
        "ring",
        "look",
    }


def test_health_of_no_database_is_an_error(cli: Any) -> None:
    assert "there is no database" in cli.complains("health")


class Sleeper(Actor):
    busy_limit = 0.1

    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self.gate = gate

    def handle(self, message: Any) -> Any:
        self.gate.wait(PATIENCE)


def test_too_many_hung_threads_end_the_service_with_the_code_of_a_fault_inside(
    app: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Warden, "every", 0.05)
    monkeypatch.setattr(Warden.__init__, "__kwdefaults__", {"most_abandoned": 1})
    gate = threading.Event()
    for name in ("a", "b"):
        app.supervise(name, lambda: Sleeper(gate))
    started = app.start

    def start() -> Tocsin:
        started()
        for name in ("a", "b"):
            app.address(name).tell("hang")
        return app

    monkeypatch.setattr(app, "start", start)
    assert _serve(app, Settings(), "text") == GAVE_UP
    gate.set()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "tocsin.service"
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/tocsin", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "tocsin" in line]
    assert not complaints
    assert done.returncode == 0, done.stderr
