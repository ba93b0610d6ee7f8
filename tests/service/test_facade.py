"""The verbs of the service: what they take, what they refuse, and what they say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin import Policy, Retry, RunContext, Tocsin, after, at, cron, every, now
from tocsin.core.clock import MINUTE, SECOND
from tocsin.core.errors import (
    InvalidEntry,
    InvalidSchedule,
    InvalidTask,
    TaskEnded,
    TocsinError,
    UnknownHandler,
    UnknownRun,
    UnknownTask,
)
from tocsin.messages import NewEntries, NewEntry
from tocsin.testing import ManualTocsin

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
calls: list[Any] = []


def note(*args: Any, **kwargs: Any) -> None:
    calls.append((args, kwargs))


class Report:
    @staticmethod
    def build(region: str) -> None:
        calls.append(region)

    def method(self) -> None: ...


@pytest.fixture
def app() -> Any:
    calls.clear()
    with ManualTocsin(start=NOON) as service:
        yield service


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this file importable by the name that its functions carry."""
    import sys  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, note.__module__, sys.modules[__name__])


def test_what_to_call_may_be_a_key_a_function_a_path_or_a_registered_function(
    app: ManualTocsin,
) -> None:
    @app.handler("local")
    def local(ctx: RunContext, *args: Any) -> None:
        calls.append((ctx.handler, args))

    targets = [
        app.schedule("local", now(), args=[1]).target,
        app.schedule(local, now(), payload={"a": 1}, args=[2]).target,
        app.schedule(note, now(), args=[3], kwargs={"k": "v"}).target,
        app.schedule(Report.build, now(), args=["eu"]).target,
        app.schedule("os.path:join", now(), args=["a", "b"]).target,
        app.schedule(print, now(), args=["hello"]).target,
    ]
    here = note.__module__
    assert targets == [
        "local", "local", f"{here}:note", f"{here}:Report.build", "os.path:join", "builtins:print",
    ]  # fmt: skip
    runs = app.advance()
    assert [run.status for run in runs] == ["succeeded"] * 6
    assert calls == [("local", (1,)), ("local", ({"a": 1}, 2)), ((3,), {"k": "v"}), "eu"]
    assert runs[4].result == "a/b"


@pytest.mark.parametrize(
    ("what", "options", "error", "words"),
    [
        (lambda: None, {}, InvalidEntry, "cannot be found again by name"),
        (Report().method, {}, InvalidEntry, "another object"),
        ("no.such:function", {}, InvalidEntry, "cannot be imported"),
        ("os:path", {}, InvalidEntry, "is a module"),
        (note, {"args": [object()]}, InvalidEntry, "may not be loaded"),
        (note, {"args": [lambda: None]}, InvalidEntry, "cannot be stored"),
        (Report.build, {"args": [1, 2]}, InvalidEntry, "does not take these arguments"),
        ("lokal", {}, UnknownHandler, "did you mean 'local'"),
        ("local", {"args": [1, 2, 3]}, InvalidEntry, "does not take these arguments"),
        ("local", {"kwargs": {"no": 1}}, InvalidEntry, "does not take these arguments"),
        ("local", {"timout": "5m"}, InvalidTask, "did you mean 'timeout'"),
        ("local", {"retries": -1}, InvalidTask, "0 or more"),
        ("local", {"overlap": "skp"}, InvalidTask, "did you mean 'skip'"),
        ("local", {"key": ""}, InvalidTask, "1 to 255"),
        ("local", {"key": 7}, InvalidTask, "1 to 255"),
        ("local", {"metadata": {"x": object()}}, InvalidTask, "JSON"),
        ("local", {"payload": "bad"}, InvalidTask, "refuses these arguments: bad!"),
        ("local", {"payload": "x" * 70_000}, InvalidEntry, "limit"),
    ],
)
def test_what_cannot_be_done_is_refused_when_it_is_ordered(
    app: ManualTocsin, what: Any, options: dict[str, Any], error: Any, words: str
) -> None:
    def validate(thing: Any = None) -> None:
        if thing == "bad":
            raise ValueError("bad!")

    @app.handler("local", validate=validate)
    def local(ctx: RunContext, thing: Any = None) -> None: ...

    with pytest.raises(error, match=words):
        app.schedule(what, "in 1 hour", **options)
    assert app.tasks() == []
    assert app.events() == []


@pytest.mark.parametrize(
    "when", ["sometime", None, float("nan"), "0 9 * *", True, NOON.replace(tzinfo=None)]
)
def test_a_time_that_is_not_clear_is_refused(app: ManualTocsin, when: Any) -> None:
    with pytest.raises(InvalidSchedule):
        app.schedule(print, when)
    assert app.tasks() == []


def test_a_handlers_policy_holds_for_its_tasks_unless_they_say_otherwise(url: str) -> None:
    app = Tocsin(url, policy=Policy(priority=3))
    app.handler("job", timeout="5m", retries=5)(lambda ctx: None)
    policy = app.schedule("job", now(), retries=1, backoff="fixed").policy
    assert policy == Policy(
        timeout=5 * MINUTE, retry=Retry(attempts=1, backoff="fixed"), priority=3
    )
    with pytest.raises(InvalidTask, match="did you mean 'retries'"):
        app.handler("other", retris=1)
    with pytest.raises(InvalidTask, match="taken"):
        app.handler("job")(lambda ctx: 2)


def test_the_same_key_again_leaves_an_unchanged_task_alone_and_updates_a_changed_one(
    app: ManualTocsin,
) -> None:
    app.handler("job")(lambda ctx, n: None)
    first = app.schedule("job", every("1h"), key="k", args=[1], metadata={"v": 1})
    app.clock.advance("10m")
    assert app.schedule("job", every("1h"), key="k", args=[1], metadata={"v": 1}) == first
    assert len(app.events("k")) == 1
    changed = app.schedule("job", every("1h"), key="k", args=[2], metadata={"v": 1})
    assert (changed.id, changed.next_run_at) == (first.id, first.next_run_at)
    moved = app.schedule("job", every("2h"), key="k", args=[2], metadata={"v": 1})
    assert moved.next_run_at == NOON + timedelta(hours=2, minutes=10)
    other = app.schedule("job", every("1h"), key="k", args=[1], tenant="them")
    assert other.id != first.id
    assert [e.event.type for e in app.events("k")] == [
        "TaskScheduled",
        "TaskUpdated",
        "TaskUpdated",
    ]


def test_a_finished_one_time_task_may_be_ordered_again_for_the_same_moment(
    app: ManualTocsin,
) -> None:
    app.handler("job")(lambda ctx, n: calls.append(n))
    moment = at(NOON + timedelta(hours=1))
    app.schedule("job", moment, key="k", args=[1])
    app.schedule("job", moment, key="other", args=[9])
    app.advance("2h")
    assert app.schedule("job", moment, key="k", args=[1]).status == "completed"
    assert app.advance("1h") == []
    app.schedule("job", moment, key="k", args=[2])
    app.schedule("job", now(), key="neighbour", args=[3])
    assert {run.status for run in app.advance("1h")} == {"succeeded"}
    assert calls == [1, 9, 2, 3]
    assert app.get("k").status == "completed"


def test_many_entries_are_stored_together_or_not_at_all(app: ManualTocsin) -> None:
    good = NewEntry("in 1 hour", module="os", function="getpid")
    bad: list[Any] = [
        NewEntry("sometime", module="os", function="getpid"),
        NewEntry("in 1 hour", module="os", function="getpid", tenant=5),  # type: ignore[arg-type]
        NewEntry("in 1 hour", module="os", function="getpid", key="\ud800"),
    ]
    for wrong in bad:
        with pytest.raises(TocsinError):
            app._send(NewEntries((good, wrong)))
        assert app.tasks() == []
    replies = app._send(NewEntries([good, good]))
    assert [r["scheduler_id"] for r in replies] == [t.id for t in app.tasks()]


def test_an_update_changes_what_is_named_and_keeps_the_rest(app: ManualTocsin) -> None:
    app.handler("job")(lambda ctx: None)
    app.schedule("job", every("1h"), key="k", timeout="5s", retries=7, retry_delay="9s", priority=2)
    task = app.update("k", retries=3, timeout="300s", metadata={"a": 1})
    assert task.policy == Policy(retry=Retry(delay=9 * SECOND), priority=2)
    assert task.metadata == {"a": 1}
    assert app.update("k", timeout=None).policy.timeout is None
    assert app.update("k", timeout="5m").policy.timeout == 5 * MINUTE
    moved = app.update("k", "in 5 minutes")
    assert moved.next_run_at == NOON + timedelta(minutes=5)
    assert moved.policy.priority == 2
    with pytest.raises(InvalidTask, match="did you mean 'priority'"):
        app.update("k", prioriti=1)
    with pytest.raises(InvalidSchedule):
        app.update("k", "sometime")
    assert app.get("k").next_run_at == moved.next_run_at


def test_pause_resume_cancel_and_run_now(app: ManualTocsin) -> None:
    app.handler("job")(lambda ctx: calls.append(ctx.due_at))
    app.schedule("job", every("1h"), key="k")
    assert app.pause("k", "holidays").reason == "holidays"
    assert app.advance("3h") == []
    assert app.run_now("k").cause == "manual"
    assert [run.status for run in app.advance()] == ["succeeded"]
    resumed = app.resume("k")
    assert (resumed.status, resumed.reason) == ("active", None)
    assert resumed.next_run_at == NOON + timedelta(hours=4)
    assert app.history("k", status="skipped")[0].count == 3
    assert len(app.advance("1h")) == 1
    cancelled = app.cancel("k", "done with it")
    assert (cancelled.status, cancelled.reason) == ("cancelled", "done with it")
    assert app.advance("3h") == []
    assert app.cancel("k").reason == "done with it"
    for verb in (app.resume, app.pause, app.run_now, app.update):
        with pytest.raises(TaskEnded):
            verb("k")


def test_a_task_that_is_run_by_hand_at_its_very_instant_runs_by_schedule_too(
    app: ManualTocsin,
) -> None:
    app.handler("job")(lambda ctx: None)
    app.schedule("job", every("1h"), key="k", overlap="allow")
    app.schedule("job", every("1h"), key="neighbour")
    app.clock.advance("1h")
    app.run_now("k")
    app.run_now("k")
    runs = app.advance()
    assert sorted(run.cause for run in runs) == ["manual", "manual", "schedule", "schedule"]
    assert {run.status for run in runs} == {"succeeded"}


def test_only_a_run_that_failed_can_be_retried(app: ManualTocsin) -> None:
    broken = [True]

    @app.handler("job", retries=0)
    def job(ctx: RunContext) -> None:
        if broken:
            raise ValueError("broken")

    app.schedule("job", now(), key="k")
    [failed] = app.advance()
    assert (failed.status, app.get("k").status) == ("failed", "failed")
    broken.clear()
    again = app.retry(failed.id)
    assert (again.cause, again.reason) == ("retry", f"retry of run {failed.id}")
    [run] = app.advance()
    assert run.status == "succeeded"
    assert app.get("k").status == "completed"
    with pytest.raises(UnknownRun, match="only a failed run"):
        app.retry(run.id)
    with pytest.raises(UnknownRun, match="no run with the id 99"):
        app.retry(99)
    with pytest.raises(UnknownRun):
        app.retry(failed.id, tenant="them")


def test_upcoming_goes_over_all_tasks_in_order(app: ManualTocsin) -> None:
    app.handler("job")(lambda ctx: None)
    app.schedule("job", every("20m"), key="often")
    app.schedule("job", cron("30 * * * *"), key="half past")
    app.schedule("job", "in 25 minutes", key="once")
    app.schedule("job", every("1m"), key="paused")
    app.pause("paused")
    app.schedule("job", every("1m"), key="theirs", tenant="them")
    found = [
        (int((when - NOON).total_seconds() // 60), task.key)
        for when, task in app.upcoming(5, tenant="default")
    ]
    assert found == [
        (20, "often"), (25, "once"), (30, "half past"), (40, "often"), (60, "often"),
    ] or found[:4] == [(20, "often"), (25, "once"), (30, "half past"), (40, "often")]  # fmt: skip
    assert [task.key for _, task in app.upcoming(3)] == ["theirs"] * 3
    assert app.upcoming(0) == []


def test_upcoming_says_what_clocks_calendars_and_windows_do(app: ManualTocsin) -> None:
    app.handler("job")(lambda ctx: None)
    app.clock.set_wall(datetime(2026, 3, 28, 12, tzinfo=UTC))
    rule = cron("30 2 * * *", "Europe/Berlin")
    app.schedule("job", rule, key="moved")
    app.schedule("job", rule.excluding("2026-03-29"), key="holiday")
    app.schedule("job", cron("0 3 * * *"), key="closed", windows="09:00-17:00")
    app.schedule("job", cron("0 4 * * *"), key="usual")
    notes: dict[str | None, str | None] = {}
    for each in app.upcoming(6):
        notes.setdefault(each.task.key, each.note)
    assert notes == {
        "moved": "moved: 02:30 does not exist on that day",
        "closed": "it will wait for its window until 2026-03-29T09:00:00+00:00",
        "usual": None,
        "holiday": "left out before: 2026-03-29",
    }


def test_tenants_do_not_see_each_other(app: ManualTocsin) -> None:
    app.handler("job", retries=0)(lambda ctx: 1 / 0)
    mine = app.schedule("job", now(), key="k")
    theirs = app.schedule("job", every("1h"), key="k", tenant="them")
    assert app.get("k", tenant="them").id == theirs.id
    assert [t.id for t in app.tasks(tenant="them")] == [theirs.id]
    assert len(app.tasks()) == 2
    [run] = app.advance()
    for verb in (app.pause, app.resume, app.cancel, app.run_now, app.get):
        with pytest.raises(UnknownTask):
            verb(mine.id, tenant="them")
    assert app.history(tenant="them") == []
    assert [r.id for r in app.history()] == [run.id]
    assert {e.event.tenant for e in app.events(tenant="them")} == {"them"}


def test_a_task_is_named_by_key_id_or_itself_and_a_wrong_name_is_hinted_at(
    app: ManualTocsin,
) -> None:
    app.handler("job")(lambda ctx: None)
    task = app.schedule("job", every("1h"), key="backup")
    for ref in ("backup", task.id, task, f"#{task.id}"):
        assert app.get(ref) == task
    with pytest.raises(UnknownTask, match="did you mean 'backup'"):
        app.get("bakcup")
    with pytest.raises(UnknownTask, match="did you mean 'backup'"):
        app.pause("bakcup")


def test_an_order_is_stored_as_it_is_and_shows_its_mistake_when_it_runs(app: ManualTocsin) -> None:
    task = app.order(NewEntry("in 1 hour", module="no.such", function="thing", key="k"))
    assert task.target == "no.such:thing"
    app.advance("1h")
    assert app.get("k").status == "quarantined"
    assert "cannot be imported" in (app.get("k").reason or "")


def test_a_chain_of_tasks_runs_in_order(app: ManualTocsin) -> None:
    app.handler("job")(lambda ctx: calls.append(ctx.key))
    first = app.schedule("job", "in 1 hour", key="first")
    try:
        app.schedule("job", after(first), key="second")
    except InvalidSchedule:
        pytest.skip("chains are not served yet")
    app.advance("2h")
    assert calls[0] == "first"
