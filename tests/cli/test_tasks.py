"""Ordering, listing, showing and changing tasks."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tocsin import Tocsin, cron, every

# ---------------------------------------------------------------- list


def test_an_empty_list_says_what_to_do_next_and_makes_no_database(folder: Path, cli: Any) -> None:
    text = cli.says("list")
    assert "There are no tasks" in text
    assert "tocsin remind" in text
    assert cli.json("list") == []
    assert list(folder.iterdir()) == []


def test_the_list_shows_what_runs_next_first_and_names_the_zone_once(
    cli: Any, app: Tocsin, folder: Path
) -> None:
    (folder / "config.toml").write_text('[scheduler]\ntimezone = "Europe/Berlin"')
    app.schedule("os:getpid", cron("0 9 1 1 *", tz="Europe/Berlin"), key="yearly")
    app.schedule("os:getpid", every("5m"), key="often")
    app.schedule("os:getpid", cron("0 9 2 1 *", tz="Asia/Tokyo"), key="far-away")
    app.pause("often")
    lines = cli.says("list").splitlines()
    assert lines[0].split() == ["KEY", "STATUS", "SCHEDULE", "NEXT", "RUN", "LAST", "RUNS"]
    keys = [line.split()[0] for line in lines[1:] if line[:1].strip()]
    assert keys[:3] in (["yearly", "far-away", "often"], ["far-away", "yearly", "often"])
    assert any(line.startswith("often") and "paused" in line for line in lines)
    text = "\n".join(lines)
    assert text.count("Europe/Berlin") == 1
    assert "Asia/Tokyo" in text
    assert max(map(len, lines)) <= 80


def test_ended_tasks_are_hidden_but_counted(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("5m"), key="stays")
    app.schedule("os:getpid", every("5m"), key="goes")
    app.cancel("goes")
    text = cli.says("list")
    assert "stays" in text
    assert "goes" not in text
    assert "1 ended task not shown: --all shows it." in text
    assert "goes" in cli.says("list", "--all")
    assert [task["key"] for task in cli.json("list", "--status", "cancelled")] == ["goes"]


def test_json_lists_have_stable_names(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("5m"), key="often")
    [task] = cli.json("list")
    assert task["key"] == "often"
    assert task["description"] == "every 5m"
    assert datetime.fromisoformat(task["next_run_at"]).tzinfo is not None
    assert {"id", "status", "target", "schedule", "policy", "run_count", "tenant"} <= set(task)


def test_tenants_do_not_see_each_other(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("5m"), key="mine")
    app.schedule("os:getpid", every("5m"), key="theirs", tenant="acme")
    assert [task["key"] for task in cli.json("list", "--tenant", "acme")] == ["theirs"]
    assert [task["key"] for task in cli.json("list")] == ["mine"]
    assert "no task 'theirs'" in cli.complains("show", "theirs")


def test_stored_texts_cannot_steer_the_terminal(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("5m"), key="evil\x1b[2J\x07")
    assert "\x1b" not in cli.says("list")
    assert "\x1b" not in cli.says("show", "1")


def test_a_list_without_a_service_says_that_nothing_will_happen(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("5m"), key="often")
    assert "no service runs" in cli.run("list").stderr
    lock = app.storage.lock()
    lock.acquire()
    try:
        assert cli.run("list").stderr == ""
    finally:
        lock.release()


# ---------------------------------------------------------------- show


def test_show_tells_everything_about_a_task(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("5m"), key="often", timeout="30s", retries=2)
    app.pause("often", "too loud")
    text = cli.says("show", "often")
    for part in ("too loud", "tocsin resume often", "os:getpid", "every 5m", "30s", "2 times"):
        assert part in text
    app.resume("often")
    shown = cli.json("show", "often")
    times = [datetime.fromisoformat(each) for each in shown["upcoming"]]
    assert [b - a for a, b in pairwise(times)] == [timedelta(minutes=5)] * 4
    assert shown["runs"] == []


def test_a_task_is_found_by_its_id_and_a_slip_gets_a_hint(cli: Any, app: Tocsin) -> None:
    task = app.schedule("os:getpid", every("5m"), key="often")
    assert cli.json("show", str(task.id))["key"] == "often"
    assert cli.complains("show", "oftn") == "tocsin: no task 'oftn'; did you mean 'often'?\n"


# ---------------------------------------------------------------- remind


def test_a_reminder_echoes_the_moment_that_was_understood(cli: Any, app: Tocsin) -> None:
    text = cli.says("remind", "2036-12-24 18:00", "Launch", "--key", "launch", "--title", "Now")
    assert text.startswith("launch is planned. Next: Wed 2036-12-24 18:00:00 (in ")
    task = app.get("launch")
    assert task.next_run_at == datetime(2036, 12, 24, 18, tzinfo=UTC)
    assert task.created_by == "cli"


def test_a_reminder_says_what_was_decided_for_the_reader(cli: Any) -> None:
    past = cli.json("remind", "2020-01-01 10:00", "too late")
    assert "lies in the past" in past["note"]
    assert "Note: " in cli.says("remind", "2020-01-01 10:00", "too late")
    assert cli.json("remind", "in 5 minutes", "soon")["note"] is None


def test_a_reminder_may_come_again_and_again(cli: Any) -> None:
    assert cli.json("remind", "every 1h", "Drink")["description"] == "every 1h"
    weekly = cli.json("remind", "50 8 * * 1-5", "Stand up", "--tz", "Europe/Berlin")
    assert weekly["description"] == "cron 50 8 * * 1-5 (Europe/Berlin)"


def test_a_reminder_in_another_zone_is_meant_there(cli: Any) -> None:
    task = cli.json("remind", "2036-07-01 12:00", "noon", "--tz", "Asia/Tokyo")
    assert task["next_run_at"] == "2036-07-01T03:00:00+00:00"


def test_a_reminder_to_nobody_that_is_known_is_refused(folder: Path, cli: Any) -> None:
    (folder / "config.toml").write_text('[notify.phone]\nkind = "log"\n')
    error = cli.complains("remind", "in 5 minutes", "x", "--to", "fone")
    assert "did you mean 'phone'?" in error
    assert cli.json("list") == []


def test_an_unclear_time_is_refused_with_what_to_write(cli: Any, folder: Path) -> None:
    assert "may be morning or evening" in cli.complains("remind", "8", "x")
    assert not (folder / "tocsin.db").exists()


# ---------------------------------------------------------------- add


@pytest.mark.parametrize(
    ("words", "target", "description"),
    [
        (["--call", "no.such:thing", "--every", "5m"], "no.such:thing", "every 5m"),
        (["--handler", "report.build", "--cron", "0 9 * * 1"], "report.build", "cron 0 9 * * 1"),
        (["--run", "backup.sh --quick 'a b'", "--now"], "tocsin.command", "now"),
        (["--call", "a:b", "--at", "2036-01-01 10:00"], "a:b", "once 2036-01-01 10:00"),
    ],
)
def test_a_task_is_added_without_looking_at_what_it_calls(
    cli: Any, words: list[str], target: str, description: str
) -> None:
    task = cli.json("add", "it", *words)
    assert task["target"] == target
    assert task["description"].removesuffix(" (UTC)") == description
    assert task["created_by"] == "cli"


def test_arguments_and_rules_arrive_in_the_task(cli: Any, app: Tocsin) -> None:
    call = ["add", "it", "--call", "builtins:dict", "--now", "--kwargs", '{"region": "eu"}']
    cli.run(*call, "--args", '[{"a": 1}]', "--timeout", "7s", "--retries", "0")
    task = app.get("it")
    assert (task.policy.timeout, task.policy.retry.attempts) == (7_000_000, 0)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--now"], "a task needs one action: write --call, --handler or --run"),
        (["--run", "ls"], "a task needs one time: write --cron, --every, --at or --now"),
        (["--run", "ls", "--now", "--every", "5m"], "one time, not --every and --now"),
        (["--run", "ls", "--call", "a:b", "--now"], "one action, not --call and --run"),
        (["--call", "nothing", "--now"], "write myapp.reports:nightly"),
        (["--call", "a:b", "--now", "--args", "{}"], "write a list"),
        (["--call", "a:b", "--now", "--kwargs", "{"], "is not JSON"),
        (["--run", "ls 'x", "--now"], "cannot be split"),
        (["--run", "ls", "--now", "--args", "[]"], "belong to --call"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    cli: Any, folder: Path, words: list[str], complaint: str
) -> None:
    error = cli.complains("add", "it", *words, code=2)
    assert complaint in " ".join(error.split())
    assert list(folder.iterdir()) == []


def test_adding_the_same_again_changes_nothing_and_says_so(cli: Any) -> None:
    words = ["add", "it", "--run", "ls", "--cron"]
    assert "it is planned" in cli.says(*words, "0 0 * * *")
    assert "it is unchanged" in cli.says(*words, "0 0 * * *")
    assert "it is changed" in cli.says(*words, "0 1 * * *")


def test_a_job_of_the_configuration_is_not_changed_from_here(
    cli: Any, app: Tocsin, folder: Path
) -> None:
    (folder / "config.toml").write_text("[jobs.tick]\nevery = '1h'\nremind = 'tick'")
    Tocsin.from_config().apply_config()
    assert "change it there" in cli.complains("add", "tick", "--run", "ls", "--now")
    assert "change it there" in cli.complains("remind", "in 5m", "x", "--key", "tick")
    assert app.get("tick").target == "tocsin.remind"


# ---------------------------------------------------------------- change


def test_pause_resume_and_cancel_say_what_they_did(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("5m"), key="often")
    assert "often is paused" in cli.says("pause", "often", "--reason", "too loud")
    assert app.get("often").reason == "too loud"
    assert "nothing changed" in cli.says("pause", "often")
    assert "often is active. Next: " in cli.says("resume", "often")
    assert cli.json("cancel", "1", "--reason", "enough")["status"] == "cancelled"
    assert "cancelled already" in cli.says("cancel", "often")
    assert "cannot be resumed" in cli.complains("resume", "often")


def test_trigger_adds_a_run_and_warns_when_nobody_will_make_it(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("5m"), key="often")
    result = cli.run("trigger", "often")
    assert result.stdout == "often runs now: run 1\n"
    assert "no service runs" in result.stderr
    assert cli.json("trigger", "often")["cause"] == "manual"


@pytest.mark.parametrize(
    "words",
    [["show", "x"], ["trigger", "x"], ["pause", "x"], ["history"], ["events"], ["retry", "1"]],
)
def test_without_a_database_commands_say_so_and_make_none(
    cli: Any, folder: Path, words: list[str]
) -> None:
    assert "there is no database" in cli.complains(*words)
    assert list(folder.iterdir()) == []


def test_a_running_service_notices_what_was_ordered_beside_it(cli: Any, serve: Any) -> None:
    service = serve()
    service.until("Ctrl-C stops")
    assert cli.run("remind", "now", "from the side").stderr == ""
    service.until("from the side")


# ---------------------------------------------------------------- rules, and the end


def test_any_rule_can_be_given_to_a_new_task(cli: Any, app: Tocsin) -> None:
    rules = (
        "overlap=queue", "queue-limit=3", "windows=mon-fri 09:00-17:00", "windows=sat",
        "catch_up_window=1h", "jitter=0.5", "timeout=none", "retry_on=OSError",
    )  # fmt: skip
    flags = [word for rule in rules for word in ("--policy", rule)]
    cli.says("add", "job", "--every", "5m", "--call", "os:getpid", "--tz", "Asia/Tokyo", *flags)
    policy = app.get("job").policy
    assert (policy.overlap, policy.queue_limit, policy.timeout) == ("queue", 3, None)
    assert str(policy.execution_windows) == "mon-fri 09:00-17:00, sat Asia/Tokyo"
    assert (policy.retry.jitter, policy.retry.retry_on) == (0.5, ("OSError",))
    assert "sat Asia/Tokyo, else defer" in " ".join(cli.says("show", "job").split())


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("overlap", "write NAME=VALUE"),
        ("overlp=skip", "did you mean 'overlap'"),
        ("overlap=skp", "did you mean 'skip'"),
        ("queue_limit=-1", "0 or more"),
        ("queue_limit=1x", "wrong kind"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(cli: Any, rule: str, words: str) -> None:
    code = 2 if "=" not in rule else 1
    said = cli.complains(
        "add", "job", "--every", "5m", "--call", "os:getpid", "--policy", rule, code=code
    )
    assert words in " ".join(said.split())


def test_a_deleted_task_is_gone_from_the_lists_and_its_history_stays(cli: Any, app: Tocsin) -> None:
    task = app.schedule("os:getpid", every("5m"), key="old")
    app.run_now("old")
    assert f"tocsin history {task.id}" in cli.says("delete", "old", "--reason", "no use")
    assert cli.json("list", "--all") == []
    assert "no task 'old'" in cli.complains("show", "old")
    [run] = cli.json("history", str(task.id))
    assert run["status"] == "cancelled"
    other = app.schedule("os:getpid", every("5m"), key="old")
    assert cli.json("delete", "old")["status"] == "deleted"
    assert other.id != task.id


def test_a_resume_may_catch_up(cli: Any, app: Tocsin) -> None:
    app.schedule("os:getpid", every("5m"), key="job")
    app.pause("job")
    cli.says("resume", "job", "--catch-up")
    assert app.get("job").status == "active"
