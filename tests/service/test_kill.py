"""The service is killed in the middle of everything, and every alarm rings all the same."""

import random
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tocsin import Tocsin

RINGER = Path(__file__).with_name("ringer.py")
ALARMS = 200


def start(url: str, effects: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(RINGER), url, str(effects), str(ALARMS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read_until(process: subprocess.Popen[str], done: set[str], enough: int) -> None:
    """Read what the service says until `enough` alarms have rung to their end."""
    assert process.stdout is not None
    while len(done) < enough:
        line = process.stdout.readline()
        assert line, f"the service ended early, {len(done)} alarms done"
        note(line, done)


def note(line: str, done: set[str]) -> None:
    verb, key, _ = line.split()
    if verb == "end":
        done.add(key)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "round_"),
    [*(("sqlite", number) for number in range(20)), ("postgres", 20), ("postgres", 21)],
    indirect=["url"],
)
def test_after_kill_9_every_alarm_rings_and_none_twice_without_a_second_attempt(
    url: str, tmp_path: Path, round_: int
) -> None:
    effects, done = tmp_path / "effects", set[str]()
    enough = random.Random(round_).randrange(1, ALARMS - 20)
    with start(url, effects) as first:
        read_until(first, done, enough)
        first.kill()
        assert first.stdout is not None
        for line in first.stdout:  # what it had said before the kill came
            note(line, done)
    assert first.returncode == -signal.SIGKILL
    with start(url, effects) as second:
        read_until(second, done, ALARMS)
        second.communicate(timeout=30)
        assert second.returncode == 0
    starts = defaultdict(list)
    for line in effects.read_text().splitlines():
        verb, key, attempt = line.split()
        if verb == "start":
            starts[key].append(int(attempt))
    assert len(starts) == ALARMS
    assert all(attempts == sorted(set(attempts)) for attempts in starts.values()), starts
    history = Tocsin(url).history(limit=10_000)
    assert len(history) == ALARMS
    names = {task.id: task.key or "" for task in Tocsin(url).tasks()}
    for run in history:
        assert run.status == "succeeded"
        assert run.attempt >= max(starts[names[run.task_id]])
