"""What holds for all commands: help, hints, shared options, errors, and how fast they start."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tocsin
from tocsin import Tocsin, every
from tocsin.cli.main import tocsin as group

COMMANDS = sorted(group.commands)


def test_alone_it_prints_help_with_examples(cli: Any) -> None:
    text = cli.says()
    assert "tocsin remind" in text
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert "..." not in text.partition("Commands:")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_writes_json(cli: Any, name: str) -> None:
    text = cli.says(name, "--help")
    assert "--json" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_mistyped_command_gets_a_hint(cli: Any) -> None:
    assert "did you mean 'list'?" in cli.complains("lsit", code=2)
    assert "`tocsin --help` lists them all" in cli.complains("xyzzy", code=2)


def test_usage_errors_are_json_for_machines(cli: Any) -> None:
    error = cli.json("lsit", code=2)["error"]
    assert error["code"] == "USAGE"
    assert "did you mean" in error["message"]
    assert cli.json("add", "key", code=2)["error"]["code"] == "USAGE"


def test_errors_are_one_line_on_standard_error_and_json_on_standard_output(
    cli: Any, app: Tocsin
) -> None:
    app.schedule("os:getpid", every("5m"), key="often")
    result = cli.run("show", "nothing", code=1)
    assert result.stdout == ""
    assert result.stderr == "tocsin: no task 'nothing'\n"
    error = cli.json("show", "nothing", code=1)["error"]
    assert set(error) == {"code", "message", "details", "timestamp"}
    assert error["code"] == "UNKNOWN_TASK"


def test_shared_options_may_stand_on_both_sides_of_the_command(
    cli: Any, app: Tocsin, folder: Path
) -> None:
    app.schedule("os:getpid", every("5m"), key="often")
    other = f"sqlite:///{folder / 'other.db'}"
    assert cli.json("--db", other, "list") == cli.json("list", "--db", other) == []
    assert json.loads(cli.says("--json", "list"))[0]["key"] == "often"


def test_a_database_may_be_named_by_its_path(cli: Any, folder: Path) -> None:
    cli.run("--db", "there.db", "remind", "in 5m", "x")
    assert (folder / "there.db").exists()
    assert len(cli.json("--db", str(folder / "there.db"), "list")) == 1
    assert "write sqlite:///tocsin.db" in cli.complains("--db", "", "list", code=2)
    assert "sqlite:///tocsin.db" in cli.complains("--db", "mysql://x/y", "list")


def test_a_named_database_wins_over_the_configuration_and_the_environment(
    cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.toml").write_text('[storage]\nurl = "sqlite:///from-config.db"')
    assert cli.json("check")["database"].endswith("/from-config.db")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///from-env.db")
    assert cli.json("check")["database"].endswith("/from-env.db")
    assert cli.json("check", "--db", "named.db")["database"].endswith("/named.db")


def test_a_configuration_that_was_named_must_exist(
    cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is no configuration mine.toml" in cli.complains("--config", "mine.toml", "list")
    monkeypatch.setenv("TOCSIN_CONFIG", "theirs.toml")
    assert "theirs.toml" in cli.complains("list")
    (folder / "theirs.toml").write_text('[scheduler]\ntimezone = "Asia/Tokyo"')
    assert cli.json("check")["timezone"] == "Asia/Tokyo"


@pytest.mark.parametrize(
    "command", [[str(Path(sys.executable).with_name("tocsin"))], [sys.executable, "-m", "tocsin"]]
)
def test_both_ways_to_start_it_say_the_version(command: list[str]) -> None:
    answer = subprocess.run([*command, "version"], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith(f"tocsin {tocsin.__version__} ")
    assert answer.stderr == ""


def test_the_version_is_json_too(cli: Any) -> None:
    assert cli.json("version")["version"] == tocsin.__version__
    assert tocsin.__version__ in cli.says("--version")


def test_a_file_that_is_no_database_is_one_clear_line(cli: Any, folder: Path) -> None:
    (folder / "tocsin.db").write_text("this is not a database, but it is long enough " * 50)
    error = cli.complains("list")
    assert error.startswith("tocsin: ")
    assert "Traceback" not in error


def test_help_and_version_load_nothing_heavy() -> None:
    code = (
        "import sys; from tocsin.cli.main import tocsin\n"
        "tocsin(['version'], standalone_mode=False)\n"
        "heavy = {'rich', 'pydantic', 'requests'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
