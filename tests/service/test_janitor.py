"""The Janitor: what is old leaves while the service runs, and nobody waits for it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tocsin import InvalidSchedule, Tocsin, every
from tocsin.core.clock import DAY
from tocsin.core.errors import InvalidConfig
from tocsin.core.retention import Keep
from tocsin.testing import ManualTocsin, SettableClock

Until = Callable[[Callable[[], Any]], Any]
Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def kept_for_days(url: str, clock: SettableClock) -> Any:
    """A service that keeps 10 days of history and 20 of its log, with 30 days behind it."""
    with ManualTocsin(url, clock=clock) as past:
        past.schedule("os:getpid", every("1d"), key="a")
        past.advance("30d")
    service = Tocsin(url, clock=clock, grace=0.2, history="10d", events=timedelta(days=20))
    yield service
    service.stop()


def older(sql: Sql, clock: SettableClock, table: str, column: str, days: int) -> int:
    """How many rows are older than so many days."""
    since = clock.now() - days * DAY
    return int(sql(f"SELECT count(*) FROM {table} WHERE {column} < ?", since)[0][0])


def test_what_is_old_leaves_while_the_service_runs(
    kept_for_days: Tocsin, clock: SettableClock, sql: Sql, until: Until
) -> None:
    before = sql("SELECT count(*) FROM runs")[0][0]
    with kept_for_days as app:
        clock.advance(61)  # the Janitor looks once a minute
        until(lambda: older(sql, clock, "events", "at", 20) == 0)
        assert older(sql, clock, "runs", "finished_at", 10) == 0
        assert sql("SELECT count(*) FROM runs")[0][0] < before
        assert app.rebuild(check=True).ok
        assert app.get("a").run_count == before
        assert app.health().problems == ()
        told = app.explain("a", app.history(limit=1)[0].due_at - timedelta(days=25))
        assert "nobody knows any more" in told


def test_a_janitor_that_crashes_begins_again(
    kept_for_days: Tocsin, clock: SettableClock, sql: Sql, until: Until
) -> None:
    assert older(sql, clock, "runs", "finished_at", 10) > 0
    with kept_for_days as app:
        app.registry.member("janitor").report(RuntimeError("poison"))

        def restarted() -> bool:
            clock.advance(1)  # the supervisor leaves time between a crash and the next life
            return any(a.name == "janitor" and a.restarts for a in app.health().actors)

        until(restarted)
        clock.advance(61)
        until(lambda: older(sql, clock, "runs", "finished_at", 10) == 0)
        assert app.rebuild(check=True).ok
        assert [actor.name for actor in app.health().actors if actor.restarts] == ["janitor"]


def test_an_outage_is_told_and_waited_out(
    kept_for_days: Tocsin, clock: SettableClock, sql: Sql, until: Until
) -> None:
    sql("UPDATE events SET version = 99 WHERE id = 2")
    with kept_for_days as app:
        clock.advance(61)
        until(lambda: any("janitor" in problem for problem in app.health().problems))
        assert any("version 99" in problem for problem in app.health().problems)
        sql("UPDATE events SET version = 1 WHERE id = 2")
        clock.advance(61)
        until(lambda: older(sql, clock, "events", "at", 20) == 0)
        until(lambda: app.health().problems == ())


def test_the_defaults_are_ninety_days_and_a_year(url: str) -> None:
    assert Tocsin(url).keep == Keep(90 * DAY, 365 * DAY)


def test_forever_and_mistakes(url: str) -> None:
    assert Tocsin(url, history=None, events="forever").keep == Keep(None, None)
    with pytest.raises(InvalidConfig, match="at least as long"):
        Tocsin(url, history="2y")
    with pytest.raises(InvalidSchedule):
        Tocsin(url, history="soon")


def test_the_configuration_says_how_long(tmp_path: Any) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[storage]\nhistory = "30d"\nevents = "forever"\n')
    assert Tocsin.from_config(file, environ={}).keep == Keep(30 * DAY, None)
    file.write_text('[storage]\nhistory = "30d"\nevents = "1 fortnight"\n')
    with pytest.raises(InvalidConfig, match=r"config.toml:3: storage.events: .*fortnight"):
        Tocsin.from_config(file, environ={})
    file.write_text('[storage]\nhistory = "2y"\n')
    with pytest.raises(InvalidConfig, match="at least as long"):
        Tocsin.from_config(file, environ={})
