"""`tocsin doctor` and `tocsin repair`: for people, for CI, beside a running service."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tocsin import Tocsin, every
from tocsin.messages import NewEntry

PROGRAM = """
from tocsin import Tocsin
app = Tocsin("sqlite:///tocsin.db")
@app.handler("{key}")
def send(ctx, to): pass
"""


@pytest.fixture
def program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program in the working directory whose handler has a task; its name."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (folder / "mailing.py").write_text(PROGRAM.format(key="mail.send"))
    app = Tocsin(f"sqlite:///{folder}/tocsin.db")
    app.handler("mail.send")(lambda ctx, to: None)
    app.schedule("mail.send", every("1h"), key="mail", args=["you"])
    return "mailing:app"


@pytest.fixture(autouse=True)
def forget() -> Any:
    """Each test has its own version of the program."""
    yield
    sys.modules.pop("mailing", None)


def test_a_sound_database_ends_with_zero(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("1h"), key="a")
    assert cli.says("doctor").splitlines()[-1] == "No problems."
    found = cli.json("doctor", "--rebuild")
    assert found["ok"]
    assert found["checks"]["entries"] == {"looked_at": 1, "problems": 0}
    assert found["checks"]["log"] == {"looked_at": 1, "problems": 0}


def test_problems_are_a_table_and_an_exit_code(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("1h"), key="a", args=[])
    app.order(NewEntry(every("1h"), module="os", function="gone", key="b"))
    result = cli.run("doctor", code=1)
    assert "os:gone cannot be imported" in result.stdout
    assert "1 problem: see WHAT" in result.stderr
    [finding] = cli.json("doctor", code=1)["findings"]
    assert (finding["check"], finding["task"], finding["level"]) == ("entries", "b", "problem")


def test_handlers_of_a_program_are_known_with_its_name(cli: Any, program: str) -> None:
    said = cli.says("doctor")
    assert "note" in said
    assert "no handler 'mail.send'" in said
    assert "No problems." in said
    assert cli.json("doctor", "--app", program)["findings"] == []


def test_a_renamed_handler_is_found_and_repaired(cli: Any, program: str, folder: Path) -> None:
    (folder / "mailing.py").write_text(PROGRAM.format(key="mail.deliver"))
    assert "no handler 'mail.send'" in cli.run("doctor", "--app", program, code=1).stdout
    words = ("repair", "mail.send", "mail.deliver", "--app", program)
    assert "1 task would be mended; nothing was changed." in cli.says(*words, "--dry-run")
    assert "1 task mended." in cli.says(*words)
    assert cli.json("doctor", "--app", program)["ok"]
    assert "no task calls 'mail.send'" in cli.complains(*words)


def test_a_repair_that_fails_is_told_by_task(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("1h"), key="a")
    result = cli.run("repair", "os:getpid", "os:kill", code=1)
    assert "os:kill does not take these arguments" in result.stdout
    assert "1 task cannot be mended" in result.stderr
    done = cli.json("repair", "os:getpid", "os:getppid")
    assert done["tasks"] == [
        {"task_id": 1, "task": "a", "tenant": "default", "resumed": False, "problem": None}
    ]


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("mailing", "write module:name"),
        ("nowhere:app", "ModuleNotFoundError"),
        ("os:getpid", "no Tocsin object"),
    ],
)
def test_a_program_that_is_none_is_told(cli: Any, program: str, says: str) -> None:
    assert says in cli.complains("doctor", "--app", program)


def test_it_examines_beside_a_running_service(cli: Any, serve: Any) -> None:
    service = serve("--db", "tocsin.db")
    service.until("tocsin.db")
    cli.run("add", "a", "--every", "1h", "--call", "os:getpid", "--db", "tocsin.db")
    assert cli.json("doctor", "--rebuild", "--db", "tocsin.db")["ok"]
