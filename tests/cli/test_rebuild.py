"""`tocsin rebuild`: what it says, to people and to machines."""

import sqlite3
from typing import Any

import pytest

from tocsin import Tocsin, every


@pytest.fixture
def stored(app: Tocsin) -> Tocsin:
    app.schedule("os:getpid", every("1h"), key="a")
    app.run_now("a")
    return app


def meddle(app: Tocsin, statement: str) -> None:
    connection = sqlite3.connect(app.database)
    with connection:
        connection.execute(statement)
    connection.close()


def test_sound_tables_are_said_to_be_sound(cli: Any, stored: Tocsin) -> None:
    for words in (["--check"], []):
        said = cli.says("rebuild", *words)
        assert said.splitlines() == [
            "2 events folded: tasks 1, runs 1, dependencies 0",
            "The tables are what the log says.",
        ]


def test_differences_are_shown_and_mended(cli: Any, stored: Tocsin) -> None:
    meddle(stored, "UPDATE tasks SET run_count = 7")
    meddle(stored, "DELETE FROM runs")
    result = cli.run("rebuild", "--check", code=1)
    assert "run_count: 7, 0" in result.stdout
    assert "missing" in result.stdout
    assert "2 rows differ from the log: `tocsin rebuild` mends them" in result.stderr
    assert "they are mended" in cli.complains("rebuild")
    assert "what the log says" in cli.says("rebuild", "--check")


def test_machines_read_the_differences(cli: Any, stored: Tocsin) -> None:
    meddle(stored, "UPDATE tasks SET run_count = 7")
    found = cli.json("rebuild", "--check", code=1)
    assert (found["ok"], found["swapped"], found["events"]) == (False, False, 2)
    assert found["differing"] == {"tasks": 1, "runs": 0, "dependencies": 0}
    [difference] = found["differences"]
    assert difference["key"] == [1]
    assert difference["columns"] == {"run_count": {"stored": 7, "folded": 0}}
    assert cli.json("rebuild", code=1)["swapped"]
    assert cli.json("rebuild")["ok"]


def test_it_waits_for_no_service_but_is_refused_beside_one(cli: Any, serve: Any) -> None:
    service = serve("--db", "tocsin.db")
    service.until("tocsin.db")
    assert "what the log says" in cli.says("rebuild", "--check", "--db", "tocsin.db")
    assert "stop it first" in cli.complains("rebuild", "--db", "tocsin.db")


def test_a_log_that_cannot_be_read_is_an_error_in_one_line(cli: Any, stored: Tocsin) -> None:
    meddle(stored, "UPDATE events SET version = 5")
    assert "event 1 of the log: it is a TaskScheduled of version 5" in cli.complains("rebuild")
    assert cli.json("rebuild", code=1)["error"]["code"] == "UNKNOWN_EVENT"
