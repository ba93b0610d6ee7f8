"""`tocsin check` and `tocsin init`: the configuration before anything runs."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tocsin import Tocsin, every

JOBS = """
[scheduler]
timezone = "Europe/Berlin"
[notify.phone]
kind = "pushover"
user = "env:PUSHOVER_USER"
token = "env:PUSHOVER_TOKEN"
fallback = "log"
[jobs.daily]
cron = "0 9 * * *"
remind = { to = ["phone"], message = "Good morning" }
[jobs.off]
every = "1h"
remind = "x"
enabled = false
"""


def test_a_check_shows_the_plan_and_makes_no_database(folder: Path, cli: Any) -> None:
    (folder / "config.toml").write_text(JOBS)
    text = cli.says("check")
    assert "config.toml is fine" in text
    assert "daily" in text
    assert "create" in text
    assert "09:00" in text
    assert "Times in Europe/Berlin." in text
    assert "set PUSHOVER_USER and PUSHOVER_TOKEN to switch it on" in text
    assert [path.name for path in folder.iterdir()] == ["config.toml"]


def test_a_check_compares_with_what_is_stored(folder: Path, cli: Any) -> None:
    file = folder / "config.toml"
    file.write_text(JOBS)
    Tocsin.from_config().apply_config()
    file.write_text(JOBS.replace("0 9", "0 8").replace("[jobs.off]", "[jobs.other]"))
    checked = cli.json("check")
    assert {job["key"]: job["action"] for job in checked["jobs"]} == {
        "daily": "update",
        "other": "create",
        "off": "cancel",
    }
    by_key = {job["key"]: job["next_run_at"] for job in checked["jobs"]}
    assert datetime.fromisoformat(by_key["daily"]).tzinfo is not None
    assert by_key["other"] is None
    assert checked["summary"]["create"] == 1
    assert checked["fallbacks"][0]["missing"] == ["PUSHOVER_USER", "PUSHOVER_TOKEN"]


def test_an_unchanged_job_keeps_its_next_time(folder: Path, cli: Any, app: Tocsin) -> None:
    (folder / "config.toml").write_text(JOBS)
    Tocsin.from_config().apply_config()
    daily, off = cli.json("check")["jobs"]
    assert (daily["action"], off["action"]) == ("keep", "keep")
    planned = app.get("daily").next_run_at
    assert planned is not None
    assert daily["next_run_at"] == planned.isoformat()


def test_a_key_that_somebody_else_has_is_a_conflict(folder: Path, cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("5m"), key="daily")
    (folder / "config.toml").write_text(JOBS)
    result = cli.run("check", code=1)
    assert "conflict" in result.stdout
    assert "the key is taken" in result.stderr


def test_all_mistakes_are_listed_each_with_its_line(folder: Path, cli: Any) -> None:
    (folder / "config.toml").write_text(
        "[jobs.a]\nnow = true\n[jobs.b]\nevery = 'x'\nremind = ''\n"
    )
    lines = cli.complains("check").splitlines()
    assert lines[0] == "tocsin: config.toml has 3 mistakes"
    assert all(line.startswith("  config.toml:") for line in lines[1:])
    error = cli.json("check", code=1)["error"]
    assert error["code"] == "INVALID_CONFIG"
    assert len(error["details"]) == 3
    assert datetime.fromisoformat(error["timestamp"]).tzinfo is not None


def test_a_mistake_in_the_environment_is_named(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_TIMEOUT", "5m")
    error = cli.complains("check")
    assert error.count("DEFAULT_TIMEOUT") == 1
    assert "write 300000" in error


def test_the_first_configuration_is_valid_and_never_overwritten(folder: Path, cli: Any) -> None:
    assert "tocsin check" in cli.says("init", "--tz", "Europe/Berlin")
    text = (folder / "config.toml").read_text()
    assert 'timezone = "Europe/Berlin"' in text
    assert max(map(len, text.splitlines())) <= 100
    checked = cli.json("check")
    assert checked["timezone"] == "Europe/Berlin"
    assert checked["summary"]["create"] == 2
    assert "stays as it is" in cli.complains("init")
    assert (folder / "config.toml").read_text() == text


def test_the_examples_in_the_first_configuration_are_valid_too(folder: Path, cli: Any) -> None:
    cli.run("init")
    file = folder / "config.toml"
    lines = file.read_text().splitlines()
    start = lines.index("# [jobs.backup]")
    file.write_text(
        "\n".join([*lines[:start], *(each.removeprefix("# ") for each in lines[start:])])
    )
    assert cli.json("check")["summary"]["create"] == 4


def test_init_refuses_a_zone_and_a_folder_that_do_not_exist(folder: Path, cli: Any) -> None:
    assert "did you mean 'Europe/Berlin'" in cli.complains("init", "--tz", "Europe/Berln")
    assert "cannot be written" in cli.complains("init", "--config", "no/such/folder.toml")
    assert list(folder.iterdir()) == []
