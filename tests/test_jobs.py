"""[jobs.*]: each table is one task: when, what, how, and whether it changed."""

from dataclasses import fields
from datetime import UTC, datetime

import pytest
from job_tables import CALL, DAILY, load, mistakes

from tocsin.core.clock import HOUR, MINUTE, SECOND, to_instant
from tocsin.core.config import parse_config
from tocsin.core.entry import Entry
from tocsin.core.errors import InvalidConfig
from tocsin.core.job_entry import _Reminder
from tocsin.core.jobs import Job
from tocsin.core.notification import REMIND, Notification
from tocsin.core.policy import Policy, Retry
from tocsin.core.schedule import After, Bounded, Cron, Every, Now, Once


def instant(text: str) -> int:
    return to_instant(datetime.fromisoformat(text).astimezone(UTC))


DESIGN = """
[scheduler]
timezone = "Europe/Berlin"
max_concurrent = 10
[storage]
url = "sqlite:///tocsin.db"
[notify.phone]
kind = "pushover"
user = "env:PUSHOVER_USER"
token = "env:PUSHOVER_TOKEN"
[jobs.stand-up]                       # the table's name is the task's key; editing it updates the task
cron = "50 8 * * 1-5"
remind = { to = ["phone"], title = "Stand-up", message = "In 10 minutes" }
[jobs.nightly-report]
cron = "30 2 * * *"
call = "myapp.reports:nightly"
kwargs = { region = "eu" }
timeout = "15m"
retry = { attempts = 3, delay = "1m", backoff = "exponential" }
overlap = "skip"
[jobs.backup]
every = "6h"
run = ["/usr/local/bin/backup.sh", "--quick"]
[jobs.launch]
at = "2026-12-24T18:00:00+01:00"
remind = { to = ["phone"], message = "Launch!", priority = "emergency" }
"""  # noqa: E501 - as it stands in the documentation


def test_the_documented_example_loads_as_written() -> None:
    jobs = parse_config(DESIGN, environ={"PUSHOVER_USER": "u", "PUSHOVER_TOKEN": "t"}).jobs
    reminder = Retry(attempts=8, delay=5 * SECOND)
    assert list(jobs) == ["stand-up", "nightly-report", "backup", "launch"]
    assert jobs["stand-up"] == Job(
        key="stand-up",
        schedule=Cron("50 8 * * 1-5", "Europe/Berlin"),
        entry=Entry(
            handler=REMIND,
            kwargs={"to": ["phone"], "title": "Stand-up", "message": "In 10 minutes"},
        ),
        policy=Policy(retry=reminder),
    )
    assert jobs["nightly-report"] == Job(
        key="nightly-report",
        schedule=Cron("30 2 * * *", "Europe/Berlin"),
        entry=Entry(module="myapp.reports", function="nightly", kwargs={"region": "eu"}),
        policy=Policy(timeout=15 * MINUTE),
    )
    assert jobs["backup"].schedule == Every(6 * HOUR)
    assert jobs["backup"].entry == Entry(
        handler="tocsin.command", kwargs={"argv": ["/usr/local/bin/backup.sh", "--quick"]}
    )
    assert jobs["launch"].schedule == Once(instant("2026-12-24T17:00:00+00:00"))
    assert jobs["launch"].entry.kwargs["priority"] == "emergency"


# ---------------------------------------------------------------- when


@pytest.mark.parametrize(
    ("table", "schedule"),
    [
        ('cron = "0 9 * * *"', Cron("0 9 * * *", "UTC")),
        (
            'cron = "0 9 * * *"\ntimezone = "Asia/Tokyo"\ndst = "skip"',
            Cron("0 9 * * *", "Asia/Tokyo", "skip"),
        ),
        ('every = "5m"', Every(5 * MINUTE)),
        ("every = 90", Every(90 * SECOND)),
        ('every = "1 month"\ntimezone = "Asia/Tokyo"', Every(months=1, tz="Asia/Tokyo")),
        (
            "every = '1h'\nanchor = 2026-01-01T00:00:00Z",
            Every(HOUR, anchor=instant("2026-01-01T00:00:00+00:00"), aligned=True),
        ),
        (
            "every = '1h'\nanchor = '2026-01-01T00:00:00'\ntimezone = 'Asia/Tokyo'",
            Every(HOUR, anchor=instant("2025-12-31T15:00:00+00:00"), aligned=True),
        ),
        ('at = "10:30pm"', Once(phrase="10:30pm", tz="UTC")),
        ('at = "10:30pm"\ntimezone = "Asia/Tokyo"', Once(phrase="10:30pm", tz="Asia/Tokyo")),
        ("at = 2026-12-24T18:00:00+01:00", Once(instant("2026-12-24T17:00:00+00:00"))),
        ("at = '2026-12-24 18:00:00+01:00'", Once(instant("2026-12-24T17:00:00+00:00"))),
        (
            "at = 2026-12-24T18:00:00\ntimezone = 'Europe/Berlin'",
            Once(instant("2026-12-24T17:00:00+00:00"), tz="Europe/Berlin"),
        ),
        ("now = true", Now()),
        (
            "every = '5m'\nstart = 2026-01-01T00:00:00Z\nend = '2026-02-01T00:00'",
            Bounded(
                Every(5 * MINUTE),
                instant("2026-01-01T00:00:00+00:00"),
                instant("2026-02-01T00:00:00+00:00"),
            ),
        ),
    ],
)
def test_a_schedule_is_read_as_it_is_meant(table: str, schedule: object) -> None:
    assert load(CALL + table).schedule == schedule


def test_a_wall_time_is_meant_in_the_zone_of_the_file_when_the_job_names_none() -> None:
    top = '[scheduler]\ntimezone = "America/New_York"\n'
    assert load(f"{CALL}at = 2026-07-01T12:00:00", top).schedule == Once(
        instant("2026-07-01T16:00:00+00:00")
    )
    assert load(f'{CALL}at = "2026-07-01 12:00"', top).schedule.timezone == "America/New_York"
    assert load(CALL + DAILY, top).schedule == Cron("0 9 * * *", "America/New_York")


def test_a_job_can_wait_for_others() -> None:
    text = f'[jobs.a]\n{CALL}now = true\n[jobs.b]\n{CALL}after = ["a", "a"]'
    assert parse_config(text, environ={}).jobs["b"].schedule == After(("a",))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", ["jobs.x: needs one schedule: cron, every, at, now or after"]),
        (
            DAILY + "every = '5m'\nat = 'x'",
            ["every: a job has one schedule, not cron and every and at"],
        ),
        (
            'cron = "61 * * * *"',
            ["cron: cron expression '61 * * * *': minute"],
        ),
        ("cron = 5", ["cron: must be text in quotes, not 5"]),
        ('every = "5x"', ["every: the duration '5x' has an unknown unit 'x'"]),
        ("every = 0", ["every: an interval must be longer than nothing"]),
        ("every = true", ["every: the duration "]),
        ('at = "8"', ["at: '8' may be morning or evening; write"]),
        (
            "at = 07:32:00",
            ['at: 07:32:00 names no day; write "07:32" in quotes for the next one'],
        ),
        (
            "at = 2026-12-24",
            ["at: 2026-12-24 has no time of day; write 2026-12-24T18:00:00"],
        ),
        ("at = 3", ["at: 3 is no date and time; write 2026-12-24T18:00:00"]),
        ("at = 9999-12-31T23:59:59-23:00", ["at: the instant must lie between"]),
        (
            "at = 0001-01-01T00:00:00\ntimezone = 'Asia/Tokyo'",
            ["at: "],
        ),
        ("now = false", ["now: can only be true; take the line out and write a schedule"]),
        ('after = "a"', ["after: must be a list such as"]),
        ("after = []", ["after: after needs at least one task"]),
        (
            DAILY + "timezone = 'Berlin'",
            ["timezone: unknown time zone 'Berlin'"],
        ),
        (DAILY + 'dst = "both-ways"', ["dst: must be 'debian', 'skip' or 'both'"]),
        (DAILY + "anchor = 2026-01-01T00:00:00Z", ["anchor: belongs to every, not to cron"]),
        ("now = true\ntimezone = 'UTC'", ["timezone: belongs to cron or every or at, not to now"]),
        ("at = 'noon'\nend = 2026-01-01T00:00:00Z", ["end: belongs to cron or every, not to at"]),
        (DAILY + "start = 2026-01-01", ["start: 2026-01-01 has no time of day"]),
        (DAILY + "start = '2026-01-01'", ["start: 2026-01-01 has no time of day"]),
        (DAILY + "end = 'tomorrow'", ["end: 'tomorrow' is no date and time"]),
        (DAILY + "end = 07:32:00", ["end: 07:32:00 is no date and time"]),
        (
            DAILY + "start = 2026-02-01T00:00:00Z\nend = 2026-01-01T00:00:00Z",
            ["end: the end lies before the start"],
        ),
    ],
)
def test_a_bad_schedule_is_told_at_its_key(table: str, expected: list[str]) -> None:
    found = mistakes(CALL + table)
    assert len(found) == len(expected)
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)


def test_jobs_wait_for_jobs_that_exist_and_never_in_a_circle() -> None:
    text = "".join(
        f'[jobs.{key}]\nhandler = "h"\nafter = {others}\n'
        for key, others in (
            ("a", ["c"]), ("b", ["a"]), ("c", ["b"]), ("d", ["d"]), ("e", ["a", "nightyl"]),
        )
    )  # fmt: skip
    with pytest.raises(InvalidConfig) as caught:
        parse_config(f"{text}[jobs.nightly]\nnow = true\nhandler = 'h'", environ={})
    circle = "waits for itself, in a circle: it can never run"
    assert caught.value.problems == (
        f"config.toml:3: jobs.a.after: {circle}",
        f"config.toml:6: jobs.b.after: {circle}",
        f"config.toml:9: jobs.c.after: {circle}",
        f"config.toml:12: jobs.d.after: {circle}",
        "config.toml:15: jobs.e.after: there is no job 'nightyl'; did you mean 'nightly'?",
    )


# ---------------------------------------------------------------- what


@pytest.mark.parametrize(
    ("table", "entry"),
    [
        ('remind = "Hi"', Entry(handler=REMIND, kwargs={"to": ["log"], "message": "Hi"})),
        (
            'remind = { to = "phone", message = "Hi" }',
            Entry(handler=REMIND, kwargs={"to": ["phone"], "message": "Hi"}),
        ),
        (
            """remind = { to = ["phone", "log", "phone"], message = "Hi", title = "T", html = true,
            device = "ipad", ttl = "1h", retry = 30, url = "https://example.org" }""".replace(
                "\n", ""
            ),
            Entry(
                handler=REMIND,
                kwargs={
                    "to": ["phone", "log"], "message": "Hi", "title": "T", "html": True,
                    "device": ["ipad"], "ttl": 3600, "retry": 30, "url": "https://example.org",
                },
            ),
        ),
        (
            'call = "a.b:C.d"\nargs = [1, "x"]\nkwargs = { y = [1.5, { z = true }] }',
            Entry(module="a.b", function="C.d", args=(1, "x"), kwargs={"y": [1.5, {"z": True}]}),
        ),
        ('handler = "report.build"', Entry(handler="report.build")),
        (
            'handler = "h"\npayload = { a = 1 }\nargs = [2]',
            Entry(handler="h", args=({"a": 1}, 2)),
        ),
        ('handler = "h"\npayload = false', Entry(handler="h", args=(False,))),
        (
            'run = ["ls", ""]\ncwd = "/tmp"\nenv = { LANG = "C" }',
            Entry(
                handler="tocsin.command",
                kwargs={"argv": ["ls", ""], "cwd": "/tmp", "env": {"LANG": "C"}},
            ),
        ),
    ],
)  # fmt: skip
def test_an_action_is_read_as_it_is_meant(table: str, entry: Entry) -> None:
    assert load(DAILY + table).entry == entry


def test_a_reminder_can_be_written_as_a_table_of_its_own() -> None:
    job = load(DAILY + '[jobs.x.remind]\nto = ["phone"]\nmessage = "Hi"')
    assert job.entry.kwargs == {"to": ["phone"], "message": "Hi"}


def test_a_reminder_takes_every_field_of_a_notification() -> None:
    names = {field.name for field in fields(Notification)}
    assert set(_Reminder.model_fields) == names | {"to"}
    defaults = _Reminder(message="Hi").model_dump(exclude={"to"})
    assert Notification(**defaults) == Notification("Hi")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", ["jobs.x: needs one action: remind, call, handler or run"]),
        (
            'run = ["ls"]\nhandler = "h"',
            ["handler: a job has one action, not run and handler"],
        ),
        (
            'remind = { to = ["phne"], message = "Hi" }',
            ["remind.to: there is no notifier 'phne'; did you mean 'phone'?"],
        ),
        (
            'remind = { to = ["xyz"], message = "Hi" }',
            ["remind.to: there is no notifier 'xyz'; there are log, phone"],
        ),
        ('remind = { to = [], message = "Hi" }', ["remind.to: must not be empty"]),
        (
            'remind = { titel = "T" }',
            ["remind.message: is missing", "remind.titel: unknown key; did you mean 'title'?"],
        ),
        ('remind = ""', ["remind.message: must not be empty"]),
        ('remind = "  "', ["remind: a notification needs a message"]),
        ("remind = 3", ["remind: must be a table, not 3"]),
        (
            'remind = { message = "x", priority = "hihg" }',
            [
                (
                    "remind.priority: must be 'lowest', 'low', 'normal', 'high' or 'emergency', not"
                    " 'hihg'; did you mean 'high'?"
                )
            ],
        ),
        (
            'remind = { message = "x", retry = 5, ttl = "1.5s", html = "yes" }',
            [
                "remind.html: must be true or false, not 'yes'",
                'remind.ttl: must be whole seconds; write "90s"',
                "remind.retry: must be 30 or more, not 5",
            ],
        ),
        (
            'call = "myapp.reports.nightly"',
            [
                (
                    "call: 'myapp.reports.nightly' is not a module and its function; write"
                    ' "myapp.reports:nightly"'
                )
            ],
        ),
        ('call = "nightly"', ["call: 'nightly' is not a module and its function; write"]),
        ('call = "my app:f"', ["call: 'my app:f' is not a module and its function; write"]),
        ('call = "a.:f"', ["call: 'a.:f' is not a module and its function; write"]),
        ('call = ""', ["call: must not be empty"]),
        (
            'handler = "m:f"',
            ['handler: is the key of a handler; write call = "m:f" for a function'],
        ),
        ('run = "ls -l"', ["run: must be a list such as"]),
        ("run = []", ["run: must not be empty"]),
        ('run = ["", "x"]', ["run: names no program; write"]),
        ('run = ["ls", 3]', ["run[1]: must be text in quotes"]),
        ('run = ["ls"]\nargs = [1]', ["args: belongs to call or handler, not to run"]),
        ('remind = "x"\ncwd = "/"', ["cwd: belongs to run, not to remind"]),
        ('remind = "x"\npayload = 1', ["payload: belongs to call or handler, not to remind"]),
        ('run = ["ls"]\nenv = { A = 1 }', ["env.A: must be text in quotes"]),
        ('handler = "h"\nargs = { a = 1 }', ["args: must be a list such as"]),
        ('handler = "h"\nkwargs = [1]', ["kwargs: must be a table"]),
        (
            'handler = "h"\nkwargs = { a = [{ d = 2026-12-24 }] }',
            ['kwargs.a[0].d: a date is handed over as text; write "2026-12-24"'],
        ),
        ('handler = "h"\npayload = nan', ["payload: must be a finite number"]),
        (
            f'handler = "h"\nargs = [0x{"f" * 5000}]',
            ["args[0]: must be a number of at most 64 bits"],
        ),
        (
            f'handler = "h"\nkwargs.{"a." * 2000}a = 1',
            ["kwargs: has too many tables within tables"],
        ),
    ],
)
def test_a_bad_action_is_told_at_its_key(table: str, expected: list[str]) -> None:
    found = mistakes(DAILY + table)
    assert len(found) == len(expected)
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)


def test_only_allowed_modules_may_be_called() -> None:
    top = '[scheduler]\nallow = ["myapp."]\n'
    assert load(DAILY + CALL, top).entry.module == "myapp.reports"
    assert load(DAILY + 'call = "myapp:f"', top).entry.module == "myapp"
    assert load(DAILY + 'handler = "h"', top).entry.handler == "h"
    assert mistakes(DAILY + 'call = "myapplication:f"', top) == [
        "call: myapplication may not be called: [scheduler] allow names only 'myapp.'"
    ]
