"""The service for users' tests: time moves when it is told to, and everything happens in order."""

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tocsin import RunContext, Tocsin, at, cron, every, now
from tocsin.core.commands import CancelTask
from tocsin.core.errors import (
    AlreadyRunning,
    InvalidConfig,
    NotificationDelayed,
    TocsinError,
)
from tocsin.notifiers.base import Receipt
from tocsin.storage.alarms import AlarmStore
from tocsin.testing import ManualTocsin, SettableClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def manual() -> Any:
    with ManualTocsin(start=NOON) as app:
        yield app


def minutes(moments: list[datetime]) -> list[float]:
    return [(moment - NOON).total_seconds() / 60 for moment in moments]


def test_everything_due_runs_in_the_order_of_its_time(manual: ManualTocsin) -> None:
    seen: list[tuple[str, datetime]] = []
    manual.handler("job")(lambda ctx: seen.append((ctx.key, manual.clock.moment())))
    manual.schedule("job", every("40m"), key="forty")
    manual.schedule("job", cron("15 * * * *"), key="quarter")
    manual.schedule("job", "in 1 hour", key="hour")
    runs = manual.advance("90m")
    assert [(key, (when - NOON) // timedelta(minutes=1)) for key, when in seen] == [
        ("quarter", 15), ("forty", 40), ("hour", 60), ("quarter", 75), ("forty", 80),
    ]  # fmt: skip
    assert [run.due_at for run in runs] == [when for _, when in seen]
    assert {run.lateness for run in runs} == {timedelta()}
    assert manual.clock.moment() == NOON + timedelta(minutes=90)


@pytest.mark.parametrize(
    ("options", "waits"),
    [
        ({}, [1, 2, 4]),
        ({"backoff": "fixed", "retries": 4}, [1, 1, 1, 1]),
        ({"backoff": "linear"}, [1, 2, 3]),
        ({"retry_delay": "10m", "retries": 2}, [10, 20]),
        ({"retry": False}, []),
    ],
)
def test_a_failing_call_is_tried_again_after_the_waits_of_its_policy(
    manual: ManualTocsin, options: dict[str, Any], waits: list[int]
) -> None:
    tries: list[datetime] = []

    @manual.handler("job", **options)
    def job(ctx: RunContext) -> None:
        tries.append(manual.clock.moment())
        raise ValueError(f"attempt {ctx.attempt}")

    manual.schedule("job", now(), key="k")
    runs = manual.advance("1d")
    found = minutes(tries)
    assert [b - a for a, b in pairwise(found)] == waits
    assert [run.status for run in runs] == ["pending"] * len(waits) + ["failed"]
    [run] = manual.history("k")
    assert (run.attempt, run.error) == (len(waits) + 1, f"ValueError: attempt {len(waits) + 1}")
    assert manual.get("k").status == "failed"


@pytest.mark.parametrize(
    ("catch_up", "ran", "skipped"), [("one", 1, 47), ("skip", 1, 47), ("all", 48, 0)]
)
def test_after_a_downtime_the_task_catches_up_as_it_was_told(
    tmp_path: Path, catch_up: str, ran: int, skipped: int
) -> None:
    clock, url = SettableClock(NOON), f"sqlite:///{tmp_path}/t.db"
    with ManualTocsin(url, clock=clock) as app:
        app.handler("job")(lambda ctx: None)
        app.schedule("job", every("1h"), key="k", catch_up=catch_up)
    clock.advance("2d")
    with ManualTocsin(url, clock=clock) as app:
        missed: list[int] = []
        app.handler("job")(lambda ctx: missed.append(len(ctx.missed)))
        runs = app.advance()
        assert len(runs) == ran
        assert sum(run.count for run in app.history("k", status="skipped")) == skipped
        assert missed == ([47] if catch_up == "one" else [0] * ran)
        assert app.get("k").next_run_at == NOON + timedelta(days=2, hours=1)


def test_coroutines_and_ordinary_functions_run_alike(manual: ManualTocsin) -> None:
    @manual.handler("async")
    async def coroutine(ctx: RunContext, n: int) -> int:
        return n + 1

    @manual.handler("sync")
    def ordinary(ctx: RunContext, n: int) -> int:
        return n + 2

    manual.schedule("async", now(), args=[1])
    manual.schedule("sync", now(), args=[1])
    assert [(run.status, run.result) for run in manual.advance()] == [
        ("succeeded", 2), ("succeeded", 3),
    ]  # fmt: skip


def test_raw_alarms_are_noted_with_whom_they_were_for(manual: ManualTocsin) -> None:
    store = AlarmStore(manual._open().database)
    due = int(NOON.timestamp() * 1_000_000)
    store.change([(due + 5_000_000, "bell", '{"a":1}'), (due + 9_000_000, "bell", "2")], [])
    manual.advance(5)
    assert manual.delivered == [("bell", {"a": 1})]
    manual.advance(60)
    assert manual.delivered == [("bell", {"a": 1}), ("bell", 2)]
    assert store.window(1 << 62, 10) == []


def test_a_raw_alarm_that_cannot_be_read_does_not_stop_the_time(manual: ManualTocsin) -> None:
    store = AlarmStore(manual._open().database)
    due = int(NOON.timestamp() * 1_000_000)
    store.change([(due + 5_000_000, "bell", "{"), (due + 6_000_000, "bell", "2")], [])
    manual.advance(60)
    assert manual.delivered == [("bell", 2)]


def test_a_callback_may_schedule_more_that_is_due_in_the_same_advance(
    manual: ManualTocsin,
) -> None:
    seen: list[str] = []

    @manual.handler("grow")
    def grow(ctx: RunContext, depth: int) -> None:
        seen.append(f"{depth}")
        if depth:
            manual.schedule("grow", now(), args=[depth - 1])
            manual.schedule("grow", "in 10 minutes", args=[0])

    manual.schedule("grow", "in 1 minute", args=[2])
    runs = manual.advance("1h")
    assert len(runs) == 5
    assert seen == ["2", "1", "0", "0", "0"]


def test_a_callback_may_cancel_its_own_task_and_others(manual: ManualTocsin) -> None:
    @manual.handler("job")
    def job(ctx: RunContext) -> None:
        for task in manual.tasks():
            manual.cancel(task)

    manual.schedule("job", every("1m"), key="a")
    manual.schedule("job", every("1m"), key="b")
    runs = manual.advance("1h")
    assert len(runs) == 1
    assert {task.status for task in manual.tasks()} == {"cancelled"}


def test_overlap_and_timeouts_cannot_hang_a_test(
    manual: ManualTocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.testing.LONGEST_CALL", 0.1)
    forever = threading.Event()
    manual.handler("hang", retries=0)(lambda ctx: forever.wait(20))
    manual.schedule("hang", now(), key="k")
    [run] = manual.advance()
    assert run.status == "timed_out"
    forever.set()


def test_tiny_and_odd_steps_add_up(manual: ManualTocsin) -> None:
    seen: list[datetime] = []
    manual.handler("job")(lambda ctx: seen.append(ctx.due_at))
    manual.schedule("job", at(NOON + timedelta(microseconds=3)))
    manual.schedule("job", at(NOON + timedelta(days=3_000, microseconds=7)))
    manual.advance(timedelta(microseconds=2))
    assert seen == []
    manual.advance(timedelta(microseconds=1))
    assert len(seen) == 1
    manual.advance(timedelta(days=3_000, microseconds=3))
    assert len(seen) == 1
    manual.advance(timedelta(microseconds=1))
    assert len(seen) == 2
    with pytest.raises(TocsinError):
        manual.advance(-1)


def test_it_keeps_others_off_its_database_and_cleans_up(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    with ManualTocsin(url) as app:
        with pytest.raises(AlreadyRunning):
            ManualTocsin(url).start()
        with pytest.raises(AlreadyRunning):
            Tocsin(url).start()
        folder = ManualTocsin()
        where = folder.database.parent
        with folder:
            folder.remind("in 1 hour", "hello")
            assert folder.database.exists()
        assert not where.exists()
    app.stop()
    with ManualTocsin(url) as again:
        assert again.running
    assert not again.running


def test_a_start_that_fails_lets_go_of_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = ManualTocsin(f"sqlite:///{tmp_path}/t.db")

    def broken() -> Any:
        raise InvalidConfig("broken")

    monkeypatch.setattr(app, "apply_config", broken)
    with pytest.raises(InvalidConfig):
        app.start()
    monkeypatch.undo()
    assert not app.running
    with app:
        assert app.running


def test_before_the_start_orders_are_stored_and_advancing_is_refused(tmp_path: Path) -> None:
    app = ManualTocsin(f"sqlite:///{tmp_path}/t.db", start=NOON)
    app.handler("job")(lambda ctx: None)
    app.schedule("job", now(), key="early")
    with pytest.raises(TocsinError, match="not started"):
        app.advance(1)
    with app:
        assert len(app.advance()) == 1


def test_a_task_that_is_failing_for_good_is_told_to_its_notifiers() -> None:
    class Phone:
        kind = "phone"
        got: list[Any] = []  # noqa: RUF012 - one instance

        def send(self, note: Any) -> Receipt:
            self.got.append(note.title)
            return Receipt()

        def close(self) -> None: ...

    phone = Phone()
    with ManualTocsin(start=NOON, notifiers={"phone": phone}) as app:
        app.handler("job", retries=0, notify_failure="phone")(lambda ctx: 1 / 0)
        app.schedule("job", now(), key="k")
        app.advance()
        assert app.get("k").status == "failed"
        assert phone.got == ["Task k failed"]


def test_commands_may_be_sent_as_messages_too(manual: ManualTocsin) -> None:
    manual.handler("job")(lambda ctx: None)
    manual.schedule("job", every("1h"), key="k")
    assert manual._send(CancelTask("k")).status == "cancelled"


def test_who_is_named_hears_of_failures_as_from_the_service() -> None:
    heard: list[str] = []

    class Phone:
        kind = "phone"

        def send(self, note: Any) -> Receipt:
            heard.append(note.title)
            return Receipt("1")

        def close(self) -> None:
            pass

    class Broken(Phone):
        def send(self, note: Any) -> Receipt:
            raise NotificationDelayed("no network")

    with ManualTocsin(start=NOON, notifiers={"phone": Phone(), "broken": Broken()}) as app:

        @app.handler("fails", retries=1, notify_failure=["broken", "phone"])
        def fails(ctx: RunContext) -> None:
            raise OSError("no")

        app.schedule("fails", at("in 5 minutes"), key="k")
        app.advance("1h")
        assert heard == ["Task k failed"]
        assert [notice.to for notice in app.notices] == [(), ("broken", "phone")]


def test_its_health_is_its_own(manual: ManualTocsin) -> None:
    manual.handler("job")(lambda ctx: None)
    manual.schedule("job", every("40m"))
    health = manual.health()
    assert (health.status, health.problems, health.at) == ("ok", (), NOON)
    assert health.next_alarm == NOON + timedelta(minutes=40)
    assert {each.name for each in health.executors} >= {"threads"}
    manual.stop()
    assert manual.health().status == "failing"
