"""`tocsin history`, `retry`, `events`, `explain`: what happened, and why."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tocsin import cron
from tocsin.core.commands import ClockStepped, Suspended
from tocsin.storage.retention import Retention
from tocsin.testing import ManualTocsin


@pytest.fixture
def past(folder: Path) -> Iterator[ManualTocsin]:
    """A database with two days of history: one task that works, one that does not."""
    with ManualTocsin(f"sqlite:///{folder / 'tocsin.db'}", start="2026-01-01T00:00:00Z") as app:
        app.schedule("os:getpid", cron("0 9 * * *"), key="fine")
        app.schedule("operator:truediv", cron("0 10 * * *"), key="broken", args=[1, 0], retries=0)
        app.advance("2d")
        yield app


def test_the_history_shows_runs_and_what_went_wrong(cli: Any, past: ManualTocsin) -> None:
    text = cli.says("history")
    assert "fine    2026-01-01 09:00:00  succeeded" in text
    assert "ZeroDivisionError" in text
    assert "tocsin retry" in text
    assert "Times in UTC." in text


def test_the_history_is_of_one_task_of_failures_or_short(cli: Any, past: ManualTocsin) -> None:
    assert {run["task"] for run in cli.json("history")} == {"fine", "broken"}
    assert {run["task"] for run in cli.json("history", "fine")} == {"fine"}
    assert {run["status"] for run in cli.json("history", "--failed")} == {"failed"}
    assert len(cli.json("history", "-n", "1")) == 1
    assert cli.says("history", "fine", "--failed") == "Nothing has failed.\n"


def test_a_failed_run_is_tried_again_by_its_id(cli: Any, past: ManualTocsin) -> None:
    failed = cli.json("history", "broken")[-1]
    again = cli.json("retry", str(failed["id"]))
    assert again["cause"] == "retry"
    assert f"retry of run {failed['id']}" in again["reason"]
    fine = cli.json("history", "fine")[0]
    assert "only a failed run" in cli.complains("retry", str(fine["id"]))
    assert cli.json("retry", "999", code=1)["error"]["code"] == "UNKNOWN_RUN"


def test_events_are_the_latest_ones_in_order(cli: Any, past: ManualTocsin) -> None:
    events = cli.json("events", "fine")
    assert events[0]["type"] == "TaskScheduled"
    assert events[-1]["type"] == "TaskExecuted"
    assert [event["id"] for event in events] == sorted(event["id"] for event in events)
    assert [event["id"] for event in cli.json("events", "fine", "-n", "2")] == [
        event["id"] for event in events[-2:]
    ]
    lines = cli.says("events", "broken").splitlines()
    assert any("TaskExecuted" in line and "ZeroDivisionError" in line for line in lines)


def test_events_of_other_tenants_are_not_shown(cli: Any, past: ManualTocsin) -> None:
    past.schedule("os:getpid", cron("0 9 * * *"), key="theirs", tenant="acme")
    assert {event["tenant"] for event in cli.json("events", "-n", "100")} == {"default"}
    assert [event["type"] for event in cli.json("events", "--tenant", "acme")] == ["TaskScheduled"]


def test_events_of_the_service_itself_are_shown_to_every_tenant(
    cli: Any, past: ManualTocsin
) -> None:
    past._send(ClockStepped(-3_600_500_000))
    past._send(Suspended(7_400_000))
    for tenant in ("default", "acme"):
        lines = cli.says("events", "--tenant", tenant).splitlines()
        stepped, suspended = (line for line in lines if "the service" in line)
        assert "ClockStepped      the service: the clock was set by -3600.500 s" in stepped
        assert "Suspended         the service: nothing ran for 7.4 s" in suspended
    assert cli.json("events", "-n", "1")[0]["data"] == {"duration": 7_400_000}
    assert "the service" not in cli.says("events", "fine")


def test_followed_events_come_one_a_line_until_ctrl_c(cli: Any, past: ManualTocsin) -> None:
    command = [sys.executable, "-m", "tocsin", "events", "--follow", "--json", "-n", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["type"] == "TaskExecuted"
        past.pause("fine", "a break")
        event = json.loads(following.stdout.readline())
        assert (event["type"], event["data"]["reason"]) == ("TaskPaused", "a break")
        os.kill(following.pid, signal.SIGINT)
        assert following.wait(30) == 0


@pytest.mark.parametrize("instant", ["2026-01-01T09:00:00Z", "2026-01-01 10:00:00+01:00"])
def test_explain_takes_the_planned_instant(cli: Any, past: ManualTocsin, instant: str) -> None:
    assert "succeeded" in cli.says("explain", "fine", instant)


def test_explain_without_an_offset_means_the_configured_zone(
    cli: Any, past: ManualTocsin, folder: Path
) -> None:
    (folder / "config.toml").write_text('[scheduler]\ntimezone = "Europe/Berlin"')
    assert "succeeded" in cli.says("explain", "fine", "2026-01-01 10:00")
    assert "not planned" in cli.says("explain", "fine", "2026-01-01 09:00")


def test_explain_needs_no_fractions_of_a_second(cli: Any, past: ManualTocsin) -> None:
    past.clock.advance(0.123456)
    past.run_now("fine")
    due = past.history("fine")[0].due_at
    assert due.microsecond
    told = cli.json("explain", "fine", due.replace(microsecond=0).isoformat())
    assert told["at"] == due.isoformat()
    assert "pending" in told["explanation"]


def test_what_is_no_instant_is_a_usage_error(cli: Any, past: ManualTocsin) -> None:
    assert "is no date and time" in cli.complains("explain", "fine", "yesterday", code=2)


def test_following_survives_pruning_an_outage_and_tasks_that_left(
    cli: Any, past: ManualTocsin, folder: Path
) -> None:
    """Others write, prune and take the database away meanwhile."""
    once = past.schedule("os:getpid", "in 1 hour")
    past.advance("2h")
    command = [sys.executable, "-m", "tocsin", "events", "--follow", "-n", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        assert f"TaskExecuted      #{once.id}" in [following.stdout.readline() for _ in "12"][1]
        past.clock.advance("500d")
        retention = Retention(past.storage, past.keep)
        while retention.step(past.clock.now()):
            pass
        assert past.events(limit=1) == []
        past.schedule("os:getpid", "in 5 minutes", key="after the pruning")
        assert "TaskScheduled     after the pruning" in following.stdout.readline()
        database = folder / "tocsin.db"
        database.rename(folder / "away.db")
        database.mkdir()
        assert "trying again" in following.stderr.readline()
        database.rmdir()
        (folder / "away.db").rename(database)
        past.schedule("os:getpid", "in 5 minutes", key="back again")
        assert "TaskScheduled     back again" in following.stdout.readline()
        os.kill(following.pid, signal.SIGINT)
        assert following.wait(30) == 0


def test_an_event_of_a_task_that_left_is_shown_with_its_number(
    cli: Any, past: ManualTocsin
) -> None:
    with past.storage.transaction() as connection:
        connection.execute("DELETE FROM tasks WHERE id = 1")
    assert "TaskExecuted      #1 run" in cli.says("events")
