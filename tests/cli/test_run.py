"""`tocsin run` as a real process: start, signals, reload, and its ends."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tocsin import Actor, Tocsin
from tocsin.actors.strategies import Flags
from tocsin.cli.run import GAVE_UP, _serve
from tocsin.cli.settings import Settings

HELLO = """
[notify.phone]
kind = "pushover"
user = "env:PUSHOVER_USER"
token = "env:PUSHOVER_TOKEN"
fallback = "log"

[jobs.hello]
now = true
remind = { to = ["phone"], message = "the bell rings" }

[jobs.later]
every = "6h"
remind = "later"
"""

SECOND = """
[jobs.second]
now = true
remind = "the second bell"
"""


def write(folder: Path, text: str) -> None:
    (folder / "config.toml").write_text(text)


def test_it_says_what_it_does_rings_and_stops_cleanly(folder: Path, serve: Any) -> None:
    write(folder, HELLO)
    service = serve()
    service.until("the bell rings")
    service.send(signal.SIGTERM)
    assert service.ends() == 0
    banner = service.wrote("out")
    assert f"database  {folder / 'tocsin.db'}" in banner
    assert "config    config.toml: 2 jobs, 2 created" in banner
    assert "phone goes to log: set PUSHOVER_USER and PUSHOVER_TOKEN to switch it on" in banner
    assert re.search(r"next      .+ \(.+\): (hello|later)\n", banner)
    assert "SIGTERM: stopping" in service.wrote("err")


def test_ctrl_c_stops_it_cleanly_too(folder: Path, serve: Any) -> None:
    write(folder, HELLO)
    service = serve()
    service.until("Ctrl-C stops")
    service.send(signal.SIGINT)
    assert service.ends() == 0
    assert "Traceback" not in service.wrote()


def test_without_a_configuration_it_runs_with_defaults_and_says_so(
    folder: Path, serve: Any
) -> None:
    service = serve("--db", "other.db")
    assert "there is no config.toml" in service.until("config ")
    service.until("Ctrl-C stops")
    service.send(signal.SIGTERM)
    assert service.ends() == 0
    assert (folder / "other.db").exists()
    assert not (folder / "tocsin.db").exists()


def test_a_second_service_on_the_same_database_is_refused(folder: Path, serve: Any) -> None:
    write(folder, HELLO)
    first = serve()
    first.until("Ctrl-C stops")
    second = serve()
    assert second.ends() == 1
    assert "tocsin: another service" in second.wrote("err")
    assert "Traceback" not in second.wrote()
    first.send(signal.SIGTERM)
    assert first.ends() == 0


def test_a_hangup_brings_new_jobs_in_and_takes_old_ones_out(
    folder: Path, serve: Any, app: Tocsin
) -> None:
    write(folder, HELLO)
    service = serve()
    service.until("Ctrl-C stops")
    write(folder, HELLO.partition("[jobs.later]")[0] + SECOND)
    service.send(signal.SIGHUP)
    service.until("2 jobs changed")
    service.until("job second: create")
    service.until("job later: cancel")
    service.until("the second bell")
    service.send(signal.SIGTERM)
    assert service.ends() == 0
    assert app.get("later").status == "cancelled"


def test_a_hangup_with_mistakes_changes_nothing_and_names_all_of_them(
    folder: Path, serve: Any, app: Tocsin
) -> None:
    write(folder, HELLO)
    service = serve()
    service.until("Ctrl-C stops")
    write(
        folder, "[jobs.hello]\nnow = true\nremid = 'x'\n[jobs.two]\ncron = '61 * * * *'\nrun = []"
    )
    service.send(signal.SIGHUP)
    service.until("stays as it was")
    service.until("jobs.hello.remid")
    service.until("jobs.two")
    assert app.get("later").status == "active"
    service.send(signal.SIGTERM)
    assert service.ends() == 0


def test_a_hangup_says_which_tables_need_a_restart(folder: Path, serve: Any) -> None:
    write(folder, HELLO)
    service = serve()
    service.until("Ctrl-C stops")
    write(folder, '[scheduler]\ntimezone = "Europe/Berlin"\n' + HELLO)
    service.send(signal.SIGHUP)
    service.until("[scheduler] changed: restart")
    service.send(signal.SIGTERM)
    assert service.ends() == 0


def test_a_second_signal_does_not_wait_for_running_calls(folder: Path, serve: Any) -> None:
    os.mkfifo(folder / "started")
    write(
        folder,
        '[scheduler]\nshutdown_grace = "1h"\n[jobs.long]\nnow = true\n'
        "run = ['sh', '-c', 'echo $$ > started; exec sleep 300']\n",
    )
    service = serve()
    child = int((folder / "started").read_text())
    try:
        service.send(signal.SIGTERM)
        service.until("SIGTERM: stopping, running calls have 3600 s")
        service.send(signal.SIGTERM)
        assert service.ends() == 143
    finally:
        os.kill(child, signal.SIGKILL)


def test_running_calls_get_their_grace(folder: Path, serve: Any, app: Tocsin) -> None:
    os.mkfifo(folder / "started")
    os.mkfifo(folder / "finish")
    write(
        folder,
        "[jobs.long]\nnow = true\nrun = ['sh', '-c', 'echo > started; cat finish; echo done']\n",
    )
    service = serve()
    (folder / "started").read_text()
    service.send(signal.SIGTERM)
    service.until("SIGTERM: stopping")
    (folder / "finish").write_text("")
    assert service.ends() == 0
    assert app.history("long")[0].status == "succeeded"


def test_the_json_log_is_json_and_nothing_else(folder: Path, serve: Any) -> None:
    write(folder, HELLO)
    service = serve(LOG_FORMAT="json")
    service.until("the bell rings")
    service.send(signal.SIGTERM)
    assert service.ends() == 0
    assert service.wrote("out") == ""
    lines = [json.loads(line) for line in service.wrote("err").splitlines()]
    assert all({"time", "level", "message", "module", "extra"} <= set(line) for line in lines)
    started = next(line for line in lines if line["message"] == "the service has started")
    assert started["extra"]["jobs"]["create"] == 2
    assert started["extra"]["fallbacks"] == {"phone": "log"}
    assert started["extra"]["next_task"] in {"hello", "later"}


def test_with_a_json_log_a_refused_start_is_a_line_too(folder: Path, serve: Any) -> None:
    first = serve()
    first.until("Ctrl-C stops")
    second = serve("--json")
    assert second.ends() == 1
    last = json.loads(second.wrote("err").splitlines()[-1])
    assert last["level"] == "critical"
    assert "another service" in last["message"]


def test_secrets_from_the_environment_are_written_nowhere(
    folder: Path, serve: Any, cli: Any
) -> None:
    token, user = "t0ken" * 6, "us3r0" * 6
    write(folder, HELLO.replace("[jobs.later]", '[log]\nlevel = "trace"\n[jobs.later]'))
    # Nobody listens there: the first attempt fails, and the failure is stored and shown.
    nowhere = "http://127.0.0.1:9"
    service = serve(
        PUSHOVER_TOKEN=token, PUSHOVER_USER=user, HTTPS_PROXY=nowhere, HTTP_PROXY=nowhere
    )
    service.until("Ctrl-C stops")
    events = read_events_until("TaskExecuted")
    service.send(signal.SIGTERM)
    assert service.ends() == 0
    written = service.wrote() + events + cli.says("history") + cli.says("show", "hello")
    assert "Connection refused" in " ".join(written.split())
    assert token not in written
    assert user not in written


def read_events_until(kind: str) -> str:
    """What `tocsin events --follow` writes until an event of this kind has come."""
    command = [sys.executable, "-m", "tocsin", "events", "--follow", "-n", "1000"]
    seen = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        for line in following.stdout:
            seen.append(line)
            if kind in line:
                break
        following.send_signal(signal.SIGINT)
    return "".join(seen)


def test_all_mistakes_of_a_configuration_are_listed(folder: Path, serve: Any) -> None:
    write(folder, "[jobs.a]\nnow = true\n[jobs.b]\nevery = '5 parsecs'\nremind = 'x'\n")
    service = serve()
    assert service.ends() == 1
    written = service.wrote("err")
    assert written.startswith("tocsin: config.toml has 2 mistakes")
    assert "jobs.a" in written
    assert "jobs.b.every" in written
    assert "Traceback" not in written
    assert not (folder / "tocsin.db").exists()


class Fragile(Actor):
    """Dies of everything it is told."""

    def handle(self, message: Any) -> None:
        raise RuntimeError(message)


def test_when_the_supervisor_gives_up_the_exit_code_says_so(
    app: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.engine.FLAGS", Flags(intensity=0))
    monkeypatch.setattr("tocsin.cli.banner.announce", lambda *_: app.address("fragile").tell("die"))
    app.supervise("fragile", Fragile)
    assert _serve(app, Settings(), "text") == GAVE_UP
    assert not app.running
