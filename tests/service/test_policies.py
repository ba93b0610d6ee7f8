"""The rules around occurrences, through the doors that people use."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tocsin import RunContext, Tocsin, cron, every
from tocsin.core.errors import InvalidConfig, TocsinError
from tocsin.testing import ManualTocsin

pytestmark = pytest.mark.databases

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def app() -> Any:
    with ManualTocsin(start=MONDAY, timezone="Europe/Berlin") as app:
        app.handler("job")(lambda ctx: None)
        yield app


def test_an_occurrence_outside_of_the_window_runs_at_the_opening(app: ManualTocsin) -> None:
    app.schedule("job", cron("0 20 * * *"), key="k", windows="mon-fri 09:00-17:00")
    due = datetime.fromisoformat("2026-03-02T20:00+01:00")
    assert "it will wait for its window until 2026-03-03T08:00:00+00:00" in app.explain("k", due)
    app.advance("12h")
    assert "pending, not before 2026-03-03T08:00:00" in app.explain("k", due)
    [run] = app.advance("12h")
    assert run.status == "succeeded"
    assert run.started_at == datetime.fromisoformat("2026-03-03T09:00+01:00")


def test_a_handler_brings_the_rules_of_its_tasks(app: ManualTocsin) -> None:
    app.handler("night", windows="22:00-06:00", outside_window="skip")(lambda ctx: None)
    app.schedule("night", every("1h"), key="k")
    app.advance("24h")
    statuses = [run.status for run in app.history("k")]
    assert (statuses.count("succeeded"), statuses.count("skipped")) == (8, 16)


def test_runs_that_were_caught_up_know_their_time_and_are_a_second_apart(
    app: ManualTocsin,
) -> None:
    seen: list[tuple[datetime, datetime]] = []
    app.handler("late")(lambda ctx: seen.append((ctx.due_at, app.clock.moment())))
    app.schedule("late", every("1h"), catch_up="all", overlap="allow")
    app.clock.advance("3h")
    app.advance("10s")
    assert [due - MONDAY for due, _ in seen] == [timedelta(hours=n) for n in (1, 2, 3)]
    starts = [start - MONDAY - timedelta(hours=3) for _, start in seen]
    assert starts == [timedelta(seconds=n) for n in range(3)]


def test_a_pause_can_be_made_up_for(app: ManualTocsin) -> None:
    app.schedule("job", every("1h"), key="k", catch_up="all")
    app.pause("k")
    app.advance("3h")
    app.resume("k", catch_up=True)
    assert [run.status for run in app.advance()] == ["succeeded"] * 3


def test_a_task_that_was_disabled_by_its_failures_is_resumed(app: ManualTocsin) -> None:
    app.handler("bad", on_exhausted="disable", retries=0)(lambda ctx: 1 / 0)
    app.schedule("bad", every("1h"), key="k")
    app.advance("1h")
    assert app.get("k").status == "failed"
    assert app.get("k").reason == "ZeroDivisionError: division by zero"
    assert app.resume("k").status == "active"


def test_errors_are_told_apart_by_their_class_and_its_bases(app: ManualTocsin) -> None:
    app.handler("bad", give_up_on=ArithmeticError)(lambda ctx: 1 / 0)
    app.schedule("bad", "in 1 hour", key="k")
    [run] = app.advance("2h")
    assert (run.attempt, run.reason) == (1, "not tried again: ArithmeticError is in give_up_on")


def test_a_deleted_task_leaves_its_history(app: ManualTocsin) -> None:
    task = app.schedule("job", every("1h"), key="k")
    app.advance("1h")
    app.delete("k", "no longer needed")
    assert app.tasks() == []
    assert app.upcoming() == []
    assert [run.status for run in app.history()] == ["succeeded"]
    assert app.schedule("job", every("1h"), key="k").id != task.id
    assert [run.status for run in app.history(task)] == ["succeeded"]
    assert [entry.event.type for entry in app.events(task)][-1] == "TaskDeleted"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"windows": "mno-fri 9:00-17:00"}, "did you mean 'mon'"),
        ({"window": "9:00-17:00"}, "did you mean 'windows'"),
        ({"windows": "9:00-17:00", "window_timezone": "Europe/Berln"}, "Europe/Berlin"),
        ({"windows": [5]}, "a window is a text"),
        ({"outside_window": "dfer"}, "did you mean 'defer'"),
        ({"overlap": "que"}, "did you mean 'queue'"),
        ({"max_instances": 2}, 'needs overlap = "allow"'),
        ({"max_instances": 0, "overlap": "allow"}, "1 or more"),
        ({"queue_limit": -1}, "0 or more"),
        ({"catch_up_max": 0}, "from 1 to 1000"),
        ({"catch_up_max": 1001}, "from 1 to 1000"),
        ({"catch_up_window": "soon"}, "duration"),
        ({"jitter": 2}, "share from 0 to 1"),
        ({"retry_on": [5]}, "names of exception classes"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(
    app: ManualTocsin, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(TocsinError, match=words):
        app.schedule("job", every("1h"), **options)


JOB = """
[scheduler]
timezone = "Europe/Berlin"
[jobs.k]
cron = "0 9 * * *"
call = "os:getpid"
"""


def test_every_rule_can_be_written_in_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        JOB
        + """
        catch_up = "all"
        catch_up_window = "1h"
        catch_up_max = 5
        catch_up_spacing = "2s"
        overlap = "allow"
        max_instances = 2
        queue_limit = 3
        windows = ["mon-fri 09:00-17:00", "sat 10:00-12:00"]
        outside_window = "skip"
        retry = { attempts = 5, max_delay = "5m", jitter = 0.2, retry_on = ["OSError"], give_up_on = "TimeoutError" }
        """  # noqa: E501 - an inline table has one line
    )
    with ManualTocsin.from_config(path) as app:
        policy = app.get("k").policy
    assert policy.catch_up_window == 3_600_000_000
    assert (policy.catch_up_max, policy.catch_up_spacing) == (5, 2_000_000)
    assert (policy.max_instances, policy.queue_limit) == (2, 3)
    assert str(policy.execution_windows) == ("mon-fri 09:00-17:00, sat 10:00-12:00 Europe/Berlin")
    assert (policy.outside_window, policy.retry.jitter) == ("skip", 0.2)
    assert (policy.retry.retry_on, policy.retry.give_up_on) == (("OSError",), ("TimeoutError",))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('windows = "mno 9:00-17:00"', "no day 'mno'; did you mean 'mon'"),
        ('outside_window = "defr"', "did you mean 'defer'"),
        ('windoes = "sat"', "did you mean 'windows'"),
        ("catch_up_max = 0", "catch_up_max: must be 1 or more, not 0"),
        ("max_instances = 2", "needs overlap"),
        ("retry = { jitter = 3 }", "retry.jitter: "),
        ('retry = { retry_on = ["A"], give_up_on = ["A"] }', "A stands in retry_on and in"),
        ('window_timezone = "Europe/Berln"', "Europe/Berlin"),
    ],
)
def test_a_wrong_rule_in_the_configuration_is_told(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(JOB + line)
    with pytest.raises(InvalidConfig) as found:
        Tocsin.from_config(path)
    assert words in str(found.value)


def test_a_new_occurrence_stops_the_running_one(tmp_path: Path, until: Any) -> None:
    started, stopped = threading.Event(), threading.Event()

    def job(ctx: RunContext) -> None:
        started.set()
        if ctx.cancelled.wait(10):
            stopped.set()

    app = Tocsin(f"sqlite:///{tmp_path}/t.db")
    app.handler("job")(job)
    with app:
        app.schedule("job", every("1s"), key="k", overlap="cancel_running")
        assert started.wait(10)
        assert stopped.wait(10)
        until(lambda: [run for run in app.history("k") if run.status == "cancelled"])
        app.cancel("k")
    [first, *_] = [run for run in app.history("k") if run.status == "cancelled"][::-1]
    assert "overlap: replaced by the occurrence of" in str(first.reason)


def test_an_interval_longer_than_any_life_of_the_process_still_comes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    for days in (0, 12, 24, 36):
        with ManualTocsin(url, start=MONDAY + timedelta(days=days)) as app:
            app.handler("job")(lambda ctx: None)
            app.schedule("job", every("30d"), key="k")
            app.advance("11d")
            dues = [run.due_at - MONDAY for run in app.history("k")]
    assert dues == [timedelta(days=30)]
