"""Handlers that publish events, and the functions that hear of them."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tocsin import Published, RunContext, TaskEvent, Tocsin, after, every, now
from tocsin.core.errors import InvalidTask
from tocsin.testing import ManualTocsin

LIMIT = 20.0


class Report:
    """A handler as a class."""

    task_type = "generate_report"

    def validate(self, payload: dict[str, Any]) -> None:
        if "region" not in payload:
            raise ValueError("region is missing")

    def execute(self, ctx: RunContext, payload: dict[str, Any]) -> TaskEvent:
        return TaskEvent("report_generated", {"region": payload["region"], "run": ctx.run_id})


def _order(app: Tocsin, when: Any, *regions: str) -> None:
    for region in regions:
        app.schedule("generate_report", when, key=region, payload={"region": region})


def test_the_service_tells_what_a_handler_published(tmp_path: Path) -> None:
    heard, done = list[Published](), threading.Event()
    app = Tocsin(f"sqlite:///{tmp_path}/t.db")
    app.register(Report())

    @app.on("report_generated")
    def listen(event: Published) -> None:
        heard.append(event)
        done.set()

    with app:
        _order(app, now(), "eu")
        assert done.wait(LIMIT)
        run = app.history("eu")[0]
    (event,) = heard
    assert (event.payload["region"], event.run_id, event.attempt) == ("eu", run.id, 1)
    assert run.result["event_type"] == "report_generated"


def test_a_payload_that_the_handler_refuses_is_not_scheduled() -> None:
    with ManualTocsin() as app:
        app.register(Report())
        with pytest.raises(InvalidTask, match="region is missing"):
            app.schedule("generate_report", now(), payload={})


def test_a_failing_listener_is_told_again_in_order_and_blocks_no_other_task() -> None:
    app, heard, failures = ManualTocsin(), list[tuple[str, int]](), ["eu"] * 2
    app.register(Report())

    @app.on("report_generated", name="mailer")
    def listen(event: Published) -> None:
        region = event.payload["region"]
        if region in failures:
            failures.remove(region)
            raise ValueError("not now")
        heard.append((region, event.id))

    with app:
        _order(app, every("1s"), "eu", "us")
        app.advance("2s")
        assert {region for region, _ in heard} == {"us"}
        app.advance("10s")
        for region in ("eu", "us"):
            mine = [event_id for name, event_id in heard if name == region]
            assert mine == sorted(mine)
            assert len(mine) == 12


def test_s19_a_listener_is_told_again_although_the_clock_was_set_back_by_years() -> None:
    app, heard, failures = ManualTocsin(start="2030-01-01T00:00:00Z"), list[int](), [1]
    app.register(Report())

    @app.on("report_generated", name="mailer")
    def listen(event: Published) -> None:
        if failures:
            failures.clear()
            raise ValueError("not now")
        heard.append(event.attempt)

    with app:
        _order(app, now(), "eu")
        app.advance()
        app.clock.set_wall(datetime(2026, 1, 1, tzinfo=UTC))
        app.advance()
    assert heard == [2]


def test_what_was_published_is_heard_once_across_restarts(tmp_path: Path) -> None:
    heard = list[int]()
    for _ in range(2):
        app = ManualTocsin(f"sqlite:///{tmp_path}/t.db")
        app.register(Report())
        app.on("report_generated", name="mailer")(lambda event: heard.append(event.run_id))
        with app:
            _order(app, every("1m"), "eu")
            app.advance("1m")
    assert heard == sorted(set(heard))
    assert heard


@pytest.mark.parametrize(("replay", "expected"), [(False, 0), (True, 3)])
def test_a_new_listener_hears_of_the_past_only_if_it_wants(
    tmp_path: Path, replay: bool, expected: int
) -> None:
    heard = list[int]()
    url = f"sqlite:///{tmp_path}/t.db"
    with ManualTocsin(url) as first:
        first.register(Report())
        _order(first, every("1s"), "eu")
        first.advance("3s")
    later = ManualTocsin(url)
    later.on("report_generated", name="late", replay=replay)(lambda event: heard.append(event.id))
    with later:
        later.advance(0)
    assert len(heard) == expected


def test_nothing_is_published_by_a_run_that_fails() -> None:
    with ManualTocsin() as app:

        @app.handler("big", retries=0)
        def big(_: RunContext) -> TaskEvent:
            return TaskEvent("too_big", "x" * 100_000)

        app.schedule("big", now(), key="big")
        (run,) = app.advance()
        assert run.status == "failed"
        assert "65536" in (run.error or "")


def test_a_listener_may_schedule_more_work() -> None:
    app, done = ManualTocsin(), list[str]()
    app.register(Report())

    @app.handler("send")
    def send(_: RunContext, region: str) -> None:
        done.append(region)

    @app.on("report_generated", name="sender")
    def listen(event: Published) -> None:
        app.schedule("send", now(), kwargs={"region": event.payload["region"]})

    with app:
        _order(app, now(), "eu")
        app.advance()
    assert done == ["eu"]


@pytest.mark.parametrize("what", [Report, object(), "generate_report"])
def test_what_is_no_handler_is_refused(what: Any) -> None:
    with pytest.raises(InvalidTask, match="is no handler"):
        Tocsin("sqlite:///never-opened.db").register(what)


def test_a_chain_runs_in_order_on_the_real_service(tmp_path: Path) -> None:
    ran, done = list[str](), threading.Event()
    app = Tocsin(f"sqlite:///{tmp_path}/t.db")

    @app.handler("step")
    def step(ctx: RunContext) -> None:
        ran.append(ctx.key or "")
        if ctx.key == "load":
            done.set()

    with app:
        app.schedule("step", every("1h"), key="extract")
        app.schedule("step", after("extract"), key="transform")
        app.schedule("step", after("extract", "transform"), key="load")
        app.run_now("extract")
        assert done.wait(LIMIT)
    assert ran == ["extract", "transform", "load"]


def test_no_more_than_allowed_execute_at_once_on_the_real_service(tmp_path: Path) -> None:
    lock, state, done = threading.Lock(), {"now": 0, "most": 0, "left": 12}, threading.Event()
    app = Tocsin(f"sqlite:///{tmp_path}/t.db", resources={"gpu": 3})

    @app.handler("train", concurrency=2, resources="gpu")
    def train(_: RunContext) -> None:
        with lock:
            state["now"] += 1
            state["most"] = max(state["most"], state["now"])
        with lock:
            state["now"] -= 1
            state["left"] -= 1
            if not state["left"]:
                done.set()

    with app:
        for _ in range(12):
            app.schedule("train", now())
        assert done.wait(LIMIT)
    assert state["most"] <= 2
