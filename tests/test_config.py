"""config.toml: values, defaults, secrets, and every mistake at once with its line."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from tocsin.core.clock import MINUTE, SECOND
from tocsin.core.config import Config, parse_config
from tocsin.core.errors import InvalidConfig

ROOT = Path(__file__).resolve().parents[1]
SECRET = "azGDORePK8gMaC0QOYAMyEEuzJnyUw"  # the shape of a token


def load(text: str, **environ: str) -> Config:
    return parse_config(text, environ=environ)


def problems(text: str, **environ: str) -> tuple[str, ...]:
    with pytest.raises(InvalidConfig) as caught:
        load(text, **environ)
    return caught.value.problems


def problem(text: str, **environ: str) -> str:
    (only,) = problems(text, **environ)
    return only


# ---------------------------------------------------------------- values


def test_an_empty_file_gives_the_documented_defaults() -> None:
    config = load("")
    assert config == Config()
    assert config.scheduler.model_dump() == {
        "timezone": "UTC",
        "max_concurrent": 10,
        "default_timeout": 300 * SECOND,
        "retry_attempts": 3,
        "retry_delay": 60 * SECOND,
        "max_queue_size": 1000,
        "maintenance_interval": MINUTE,
        "shutdown_grace": 10 * SECOND,
        "allow": (),
    }
    assert (config.storage.url, config.storage.key_file) == ("sqlite:///tocsin.db", None)
    assert (config.log.level, config.log.format) == ("info", "text")
    assert (config.service.port, config.service.queue_prefix) == (3006, "scheduler")
    assert (config.notify["log"].kind, dict(config.jobs)) == ("log", {})


def test_every_value_can_be_written_in_the_file() -> None:
    config = load("""
        [scheduler]
        timezone = "Europe/Berlin"
        max_concurrent = 3
        default_timeout = "1h30m"
        retry_attempts = 0
        retry_delay = 90
        max_queue_size = 5
        maintenance_interval = "5m"
        shutdown_grace = "0s"
        allow = ["myapp.", "jobs."]
        [storage]
        url = "postgresql://me:pw@host/db"
        key_file = "/etc/tocsin.key"
        [log]
        level = "debug"
        format = "json"
        [service]
        port = 8080
        redis_url = "rediss://host:6380/1"
    """)
    assert config.scheduler.default_timeout == 90 * MINUTE
    assert config.scheduler.retry_delay == 90 * SECOND
    assert config.scheduler.allow == ("myapp.", "jobs.")
    assert config.storage.key_file == "/etc/tocsin.key"
    assert (config.log.level, config.log.format) == ("debug", "json")
    assert (config.service.port, config.service.redis_url) == (8080, "rediss://host:6380/1")


def test_the_configuration_cannot_be_changed() -> None:
    config = load("")
    with pytest.raises(ValidationError, match="frozen"):
        config.scheduler.max_concurrent = 1
    with pytest.raises(AttributeError):
        config.scheduler = config.scheduler  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.notify["x"] = config.notify["log"]  # type: ignore[index]


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter() -> None:
    assert load("\ufeff[log]\r\nlevel = 'debug'\r\n").log.level == "debug"
    assert problem("\ufeff[log]\r\n\r\nlevel = 'x'\r\n").startswith("config.toml:3: log.level: ")


# ---------------------------------------------------------------- the example at the root


def test_the_example_of_the_repository_loads_without_any_secret() -> None:
    config = load((ROOT / "config.toml").read_text())
    assert config.notify["phone"].missing == ("PUSHOVER_USER", "PUSHOVER_TOKEN")
    assert config.notifier_for("phone") == "log"
    assert {"hello", "tick"} <= set(config.jobs)


def test_the_example_of_the_repository_rings_within_seconds_on_the_log() -> None:
    config = load((ROOT / "config.toml").read_text())
    start = 1_800_000_000 * SECOND
    for key, within in (("hello", 0), ("tick", 15 * SECOND), ("launch", MINUTE)):
        job = config.jobs[key]
        due = job.schedule.bind(start, "UTC").next_instant(start - 1)
        assert due is not None
        assert due - start <= within
        assert "log" in {config.notifier_for(name) for name in job.entry.kwargs["to"]}


def test_the_example_of_the_repository_pushes_once_the_variables_are_set() -> None:
    text = (ROOT / "config.toml").read_text()
    config = load(text, PUSHOVER_USER="u", PUSHOVER_TOKEN="t")
    assert config.notify["phone"].missing == ()
    assert config.notifier_for("phone") == "phone"


# ---------------------------------------------------------------- notifiers and secrets

PHONE = '[notify.phone]\nkind = "pushover"\nuser = "env:USER_KEY"\ntoken = "env:TOKEN"\n'


def test_secrets_come_from_the_environment_and_are_not_in_the_repr() -> None:
    config = load(PHONE, USER_KEY="u", TOKEN=SECRET)
    phone = config.notify["phone"]
    assert phone.kind == "pushover"
    assert phone.options["token"] == SecretStr(SECRET)
    assert set(phone.options) == {"user", "token"}
    assert SECRET not in repr(config)


def test_literal_secrets_are_not_in_the_repr() -> None:
    config = load(f'[notify.phone]\nkind = "pushover"\ntoken = "{SECRET}"')
    assert config.notify["phone"].options["token"] == SECRET
    assert SECRET not in repr(config)


def test_variables_are_found_inside_tables_and_lists() -> None:
    text = """[notify.hook]
        kind = "webhook"
        headers = { Authorization = "env:AUTH", Accept = "text/plain" }
        tags = ["a", "env:TAG"]"""
    options = load(text, AUTH="x", TAG="y").notify["hook"].options
    assert options["headers"] == {"Authorization": SecretStr("x"), "Accept": "text/plain"}
    assert options["tags"] == ["a", SecretStr("y")]


def test_a_missing_variable_is_a_mistake_that_names_it_and_the_remedy() -> None:
    found = problems(PHONE, USER_KEY="u", TOKEN="")
    assert found == (
        (
            "config.toml:4: notify.phone.token: the environment variable TOKEN is not set; set it,"
            ' or write fallback = "log" to do without until it is'
        ),
    )


def test_a_notifier_with_a_fallback_does_without_its_variables_until_they_are_set() -> None:
    text = PHONE + 'fallback = "log"'
    config = load(text)
    phone = config.notify["phone"]
    assert (phone.missing, dict(phone.options)) == (("USER_KEY", "TOKEN"), {})
    assert config.notifier_for("phone") == "log"
    assert load(text, USER_KEY="u", TOKEN="t").notifier_for("phone") == "phone"


def test_a_fallback_may_have_a_fallback() -> None:
    text = PHONE + 'fallback = "desk"\n[notify.desk]\nkind = "x"\nkey = "env:DESK"\nfallback="log"'
    assert load(text).notifier_for("phone") == "log"
    assert load(text, DESK="d").notifier_for("phone") == "desk"


def test_fallbacks_must_exist_and_must_not_go_round_in_circles() -> None:
    text = """[notify.a]
kind = "x"
fallback = "b"
[notify.b]
kind = "x"
fallback = "a"
[notify.c]
kind = "x"
fallback = "a"
[notify.d]
kind = "x"
fallback = "lg"
[notify.e]
kind = "x"
fallback = "e"
[notify.f]
kind = "x"
fallback = 3"""
    assert problems(text) == (
        "config.toml:3: notify.a.fallback: leads back to 'a'; write fallback = \"log\"",
        "config.toml:6: notify.b.fallback: leads back to 'b'; write fallback = \"log\"",
        "config.toml:12: notify.d.fallback: there is no notifier 'lg'; did you mean 'log'?",
        "config.toml:15: notify.e.fallback: leads back to 'e'; write fallback = \"log\"",
        'config.toml:18: notify.f.fallback: must be the name of a notifier; write fallback = "log"',
    )


def test_the_log_can_have_options_but_stays_the_log() -> None:
    assert load('[notify.log]\nkind = "log"\nlevel = "x"').notify["log"].options == {"level": "x"}
    assert "choose another name" in problem('[notify.log]\nkind = "pushover"')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[notify.phone]\nuser = 'x'",
            'config.toml:1: notify.phone: needs the kind of notifier; write kind = "pushover"',
        ),
        (
            "[notify.phone]\nkind = 3",
            'config.toml:2: notify.phone.kind: needs the kind of notifier; write kind = "pushover"',
        ),
        (
            "[notify.phone]\nkind = 'x'\ntoken = 'env:'",
            (
                "config.toml:3: notify.phone.token: needs the name of a variable;"
                " write env:PUSHOVER_TOKEN"
            ),
        ),
        (
            "notify = 3",
            'config.toml:1: notify: must be a table; write [notify.phone] and kind = "pushover"',
        ),
        (
            "[notify]\nphone = 3",
            'config.toml:2: notify.phone: must be a table; write [notify.phone] and its "kind"',
        ),
    ],
)
def test_a_bad_notifier_is_told_what_to_write(text: str, expected: str) -> None:
    assert problem(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        f'[notify.phone]\nkind = ["{SECRET}"]',
        f'[notify.phone]\nkind = "x"\nfallback = ["{SECRET}"]',
        f'[notify]\nphone = "{SECRET}"',
        f'notify = "{SECRET}"',
        f'[storage]\nurl = "{SECRET}"',
        f'[storage]\nurl = ["{SECRET}"]',
        f'[storage]\nkey_file = ["{SECRET}"]',
        f'storage = "{SECRET}"',
        f'[service]\nport = "{SECRET}"\nredis_url = "redis//{SECRET}@x"',
        f'[jobs.x]\nnow = true\nrun = ["x"]\nenv = "{SECRET}"',
        f'[jobs.x]\nnow = true\nhandler = "x"\nkwargs = "{SECRET}"',
        f'[jobs.x]\nnow = true\nhandler = "x"\nargs = {{ token = "{SECRET}" }}',
        f'[notify.phone]\nkind = "x"\ntoken = "{SECRET}"\ntoken = "{SECRET}"',
        f"[notify.phone]\ntoken = {SECRET}",
        f'[notify.phone]\ntoken = "{SECRET}',
        f'[notify.phone]\ntoken = "{SECRET}" x',
    ],
)
def test_no_mistake_shows_a_secret(text: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        load(text)
    assert SECRET not in str(caught.value)
    assert not any(SECRET in line for line in caught.value.problems)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


# ---------------------------------------------------------------- mistakes


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = """
schedular = 1
[log]
level = "inof"
[jobs.nightly]
cron = "30 2 * * *"
call = "myapp:nightly"
timeout = "15x"
[scheduler]
timezone = "Europe/Berln"
max_concurrent = "10"
retry_atempts = 3
allow = "myapp."
"""
    found = problems(text)
    assert found == (
        "config.toml:2: schedular: unknown key; did you mean 'scheduler'?",
        (
            "config.toml:4: log.level: must be 'trace', 'debug', 'info', 'success', 'warning',"
            " 'error' or 'critical', not 'inof'; did you mean 'info'?"
        ),
        (
            "config.toml:8: jobs.nightly.timeout: the duration '15x' has an unknown unit 'x'; write"
            ' "5m" or "1h30m"'
        ),
        (
            "config.toml:10: scheduler.timezone: unknown time zone 'Europe/Berln'; did you mean"
            " 'Europe/Berlin'?"
        ),
        "config.toml:11: scheduler.max_concurrent: must be a whole number, not '10'",
        "config.toml:12: scheduler.retry_atempts: unknown key; did you mean 'retry_attempts'?",
        'config.toml:13: scheduler.allow: must be a list such as ["a", "b"], not \'myapp.\'',
    )


def test_the_message_holds_the_problems_too_and_counts_them() -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_config("a = 1\nb = 2", environ={}, name="my.toml")
    assert str(caught.value) == (
        "my.toml has 2 mistakes:\n  my.toml:1: a: unknown key\n  my.toml:2: b: unknown key"
    )
    with pytest.raises(InvalidConfig, match="has a mistake:"):
        load("a = 1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timezone = 'UTC'", "config.toml:1: timezone: belongs under [scheduler]"),
        ("[log]\nfromat = 'x'", "config.toml:2: log.fromat: unknown key; did you mean 'format'?"),
        ("scheduler = 3", "config.toml:1: scheduler: must be a table, not 3"),
        (
            "[scheduler]\nmax_concurrent = true",
            "config.toml:2: scheduler.max_concurrent: must be a whole number, not true",
        ),
        (
            "[scheduler]\nmax_concurrent = 0",
            "config.toml:2: scheduler.max_concurrent: must be 1 or more, not 0",
        ),
        (
            f"[scheduler]\nmax_concurrent = 0x{'f' * 5000}",
            (
                "config.toml:2: scheduler.max_concurrent: must be 1000000000 or less,"
                " not a huge number"
            ),
        ),
        (
            "[scheduler]\nretry_attempts = 1.0",
            "config.toml:2: scheduler.retry_attempts: must be a whole number, not 1.0",
        ),
        (
            "scheduler.allow = ['a', '']",
            "config.toml:1: scheduler.allow[1]: must not be empty",
        ),
        (
            "[scheduler]\ntimezone = 2026-01-01",
            "config.toml:2: scheduler.timezone: must be text in quotes, not 2026-01-01",
        ),
        ("[service]\nport = 0", "config.toml:2: service.port: must be 1 or more"),
        ('"my\\nkey" = 1', 'config.toml:1: "my\\nkey": unknown key'),
    ],
)
def test_a_bad_value_is_told_in_words(text: str, expected: str) -> None:
    assert problem(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ("[log]\nlevel = info", 2, 'text needs quotes: key = "value"'),
        ("[jobs.x]\nat = 10:30pm", 2, 'write one key a line; text needs quotes: key = "value"'),
        ("a = 1\na = 2", 2, "each key is written once"),
        ("[log]\n[log]", 2, "each table is written once"),
        ("a = 1\n\nmy key = 2", 3, "a key with spaces needs quotes"),
        ("a = 'b\n", 1, 'Expected "\'"'),
        ('a = "b\n', 1, 'close it with "'),
        ('a = "b', 1, 'close the text with "'),
        ("\n\na = [1,\n 2", 4, "close the list with ]"),
        ("a = { b = 1,\n c = 2 }", 1, "keep { and } on one line"),
        ("a = 'x'\nb = 2026-02-30", 2, "write a date and time such as 2026-12-24T18:00:00"),
        ('a = "C:\\dir"', 1, "put the text in single quotes"),
    ],
)
def test_what_is_not_toml_is_told_with_its_line_and_a_remedy(
    text: str, line: int, remedy: str
) -> None:
    found = problem(text)
    assert found.startswith(f"config.toml:{line}: ")
    assert remedy in found


@pytest.mark.parametrize("text", [f"a = {'[' * 100_000}", f"a = {'9' * 5_000}", "a = \x00", "="])
def test_hostile_text_is_refused_and_nothing_worse(text: str) -> None:
    assert problem(text).startswith("config.toml")
