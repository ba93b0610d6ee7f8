"""Short versions of `make faults`, and proof that its judge sees what it is there to see."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fault_accounts import Accounts

FAULTS = Path(__file__).with_name("faults.py")


def run(*words: object) -> dict[str, Any]:
    """A campaign in a process of its own: it forks, which a program with threads must not."""
    done = subprocess.run(
        [sys.executable, str(FAULTS), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What a campaign found, and the database of many lives that it left."""
    folder = tmp_path_factory.mktemp("kills")
    return run("kills", "--kills", 30, "--seed", 6, "--keep", folder)["kills"], folder / "kills-0"


@pytest.mark.slow
def test_a_service_that_is_killed_again_and_again_keeps_all_its_promises(
    killed: tuple[dict[str, Any], Path],
) -> None:
    result, _ = killed
    assert result["problems"] == []
    assert result["kills"] == 30
    found = result["found"]
    assert found["ack"] > 20, "callers were at work"
    assert found["runs succeeded"] > 20, "callbacks were at work"
    assert found["repeats"] > 0, "some were killed in the midst of it"


OF_BEAT = "FROM runs r JOIN tasks t ON t.id = r.task_id AND t.key = 'beat-all'"
LAST_CALLED = "SELECT max(id) FROM runs WHERE status = 'succeeded'"
COLUMNS = "at, type, version, tenant, task_id, run_id, data"
SECOND_END = (
    f"INSERT INTO events SELECT id + 1000000, {COLUMNS} FROM events"
    " WHERE type = 'TaskExecuted' AND json_extract(data, '$.retry_at') IS NULL LIMIT 1"
)

HARM: list[tuple[str, str, str]] = [
    ("a task", "DELETE FROM tasks WHERE key LIKE 'beat-%' AND key IN acked", "but not there"),
    ("a change", "UPDATE tasks SET status = 'x' WHERE handler = 'good' AND key IN acked",
     "not {"),
    ("a slot", f"DELETE FROM runs WHERE due_at = (SELECT max(r.due_at) {OF_BEAT})", "missing"),
    ("a slot twice", f"UPDATE runs SET count = 9 WHERE due_at = (SELECT min(r.due_at) {OF_BEAT})",
     "missing or twice"),
    ("a disposition", "UPDATE runs SET status = 'pending' WHERE id = 3", "no disposition"),
    ("a claim", f"DELETE FROM events WHERE type = 'RunStarted' AND run_id = ({LAST_CALLED})",
     "no claim in the log"),
    ("the end of the log", "DELETE FROM events WHERE id > 10", "ends in the log"),
    ("a second end", SECOND_END, "ended twice"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("harm", "words"), [h[1:] for h in HARM], ids=[h[0] for h in HARM])
def test_the_judge_notices_when_something_is_lost(
    killed: tuple[dict[str, Any], Path], tmp_path: Path, harm: str, words: str
) -> None:
    accounts = copied(killed[1], tmp_path)
    notes = map(json.loads, (killed[1] / "notes").read_text().splitlines())
    acked = {n["key"] for n in notes if n.get("says") == "ack" and n["verb"] == "schedule"}
    with sqlite3.connect(tmp_path / "copy" / "tocsin.db") as connection:
        connection.execute("CREATE TEMP TABLE acked (key)")
        connection.executemany("INSERT INTO acked VALUES (?)", [(key,) for key in acked])
        assert connection.execute(harm).rowcount
    connection.close()
    accounts.at_the_end()
    assert words in " ".join(accounts.problems)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: e, "comes after"),
        (lambda e: e | {"attempt": e["attempt"] + 1}, "before its attempt was recorded"),
        (
            lambda e: e | {"attempt": 9, "seen": [9, "executing", e["seen"][2]]},
            "no claim in the log",
        ),
        (lambda e: e | {"seen": [e["attempt"], "pending", 0]}, "before its attempt was recorded"),
        (
            lambda e: e | {"kind": "most", "seen": [e["attempt"], "executing", 0]},
            "before its attempt was recorded",
        ),
    ],
    ids=["done twice", "not recorded", "not in the log", "not claimed", "not begun"],
)
def test_the_judge_notices_when_something_is_done_too_often_or_too_early(
    killed: tuple[dict[str, Any], Path],
    tmp_path: Path,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    words: str,
) -> None:
    accounts = copied(killed[1], tmp_path)
    path = tmp_path / "copy" / "effects"
    last = json.loads(path.read_text().splitlines()[-1])
    with path.open("a") as file:
        file.write(json.dumps(change(last)) + "\n")
    accounts.at_the_end()
    assert words in " ".join(accounts.problems)


@pytest.mark.slow
def test_the_judge_finds_nothing_where_nothing_is_wrong(
    killed: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    accounts = copied(killed[1], tmp_path)
    accounts.at_the_end()
    assert accounts.problems == []


def copied(home: Path, tmp_path: Path) -> Accounts:
    """The accounts of a copy that may be harmed."""
    shutil.copytree(home, tmp_path / "copy")
    with sqlite3.connect(home / "tocsin.db") as connection:
        row = connection.execute("SELECT schedule FROM tasks WHERE key = 'beat-all'").fetchone()
    connection.close()
    anchor = json.loads(row[0])["anchor"]
    return Accounts(tmp_path / "copy", anchor)
