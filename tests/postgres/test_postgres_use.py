"""The three ways to use Tocsin, on PostgreSQL: a program, config.toml, the command line."""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_server import Server

from tocsin import Tocsin, every, now
from tocsin.core.errors import AlreadyRunning, StorageError, StorageUnavailable
from tocsin.messages import NewEntry
from tocsin.storage.database import Database

LIMIT = 30.0


@pytest.fixture
def database(new_url: Callable[[], str]) -> str:
    return new_url()


@pytest.fixture
def tocsin(tmp_path: Path) -> Callable[..., Any]:
    """Runs `tocsin ... --json` as a process of its own."""

    def run(*words: str, code: int = 0, **environ: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "tocsin", *words, "--json"],
            cwd=tmp_path,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if code == 0 else done.stderr

    return run


def test_a_program_is_served_and_the_command_line_is_heard_at_once(
    database: str, tocsin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.storage.postgres_lock.PATIENCE", 0.1)
    app, rang, changed = Tocsin(database, grace=1), threading.Event(), threading.Event()
    app.handler("ring")(lambda ctx: rang.set())
    app.handler("later")(lambda ctx: changed.set())
    with app:
        app.schedule("ring", now(), key="first")
        assert rang.wait(LIMIT)
        app.schedule("later", every("1h"), key="hourly")
        with pytest.raises(AlreadyRunning, match="another service"):
            Tocsin(database).start()
        [listed] = tocsin("list", DATABASE_URL=database)
        assert listed["key"] == "hourly"
        tocsin("trigger", "hourly", DATABASE_URL=database)
        assert changed.wait(LIMIT), "the running service noticed the command"
        health = tocsin("health", DATABASE_URL=database)
        assert health["pid"] == os.getpid()
    assert "no service" in str(Tocsin(database).health().problems)


def test_the_keys_lie_in_the_users_own_folder_and_are_missed_elsewhere(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Tocsin(database).schedule("json:dumps", "in 1 hour", key="a", args=[1])
    [key] = (tmp_path / "tocsin").glob("postgres-*.key")
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another machine"))
    with pytest.raises(StorageError, match=r"is missing, .* put it back, or set TOCSIN_KEY"):
        Tocsin(database).get("a")
    monkeypatch.setenv("TOCSIN_KEY", key.read_text().strip())
    assert Tocsin(database).get("a").key == "a"


def test_a_configuration_takes_the_password_from_the_environment_and_shows_it_nowhere(
    database: str, postgres: Server, tmp_path: Path, tocsin: Callable[..., Any]
) -> None:
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("CREATE ROLE secretive LOGIN SUPERUSER PASSWORD 'open sesame'")
    url = database.replace("//postgres@", "//secretive@")
    (tmp_path / "config.toml").write_text(
        f'[storage]\nurl = "{url}"\npassword = "env:WORD"\n\n[jobs.a]\nevery = "1h"\nremind = "x"\n'
    )
    report = tocsin("check", WORD="open sesame")
    assert report["database"] == url
    assert report["summary"]["create"] == 1
    tocsin("remind", "in 1 hour", "hello", "--key", "b", WORD="open sesame")
    assert [task["key"] for task in tocsin("list", WORD="open sesame")] == ["b"]
    said = tocsin("list", code=1, WORD="wrong guess")
    assert "password authentication failed" in said
    assert "wrong guess" not in said
    assert Database(url.replace("secretive", "secretive:open%20sesame")).place == url


def test_nothing_is_made_by_looking(database: str, tocsin: Callable[..., Any]) -> None:
    assert tocsin("list", DATABASE_URL=database) == []
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT to_regclass('schema_version')").fetchone()
    assert found == (None,)


def test_a_name_that_no_index_can_hold_costs_only_itself(database: str) -> None:
    """The server's complaint is of the class of outages, and would be waited out for ever."""
    names = "".join(map(chr, random.Random(1).choices(range(0x20000, 0x2A000), k=1_000)))
    app = Tocsin(database, grace=1)
    app.handler("fine")(lambda ctx: None)
    app.handler(names)(lambda ctx: None)
    with app:
        with pytest.raises(StorageError, match="index row size") as refused:
            app.schedule(names, every("1h"))
        assert not isinstance(refused.value, StorageUnavailable)
        orders = [NewEntry(every("1h"), handler="fine"), NewEntry(every("1h"), handler=names)]
        answers = [app.scheduler.ask_later(order) for order in orders]
        assert answers[0].get(timeout=LIMIT)["scheduler_id"]
        with pytest.raises(StorageError):
            answers[1].get(timeout=LIMIT)
        assert app.schedule("fine", every("1h"), key="next").status == "active"
