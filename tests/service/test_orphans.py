"""What a service runs in other processes ends with it, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tocsin import Tocsin, now
from tocsin.core.handlers import COMMAND

ORPHANS = Path(__file__).with_name("orphans.py")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds the string")


def lives(pid: int) -> bool:
    """Whether a process exists and is not just waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_programs_and_processes_do_not_outlive_a_service_that_was_killed(
    url: str, tmp_path: Path, until: Any, number: signal.Signals
) -> None:
    pids = tmp_path / "pids"
    with subprocess.Popen([sys.executable, str(ORPHANS), url, str(pids)]) as service:
        until(lambda: pids.exists() and len(pids.read_text().splitlines()) == 3, 60)
        running = [int(pid) for pid in pids.read_text().split()]
        assert all(map(lives, running))
        service.send_signal(number)
    until(lambda: not any(map(lives, running)))


@LINUX
def test_what_a_program_leaves_behind_on_purpose_lives_on(
    app: Tocsin, tmp_path: Path, until: Any
) -> None:
    left = tmp_path / "left"
    script = f"sleep 300 >/dev/null 2>&1 & echo $! > {left}"
    with app:
        task = app.schedule(COMMAND, now(), args=[["sh", "-c", script]])
        until(lambda: [run.status for run in app.history(task)] == ["succeeded"])
    pid = int(left.read_text())
    assert lives(pid)
    os.killpg(os.getpgid(pid), signal.SIGKILL)
