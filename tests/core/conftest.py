"""A task's life told as decisions, each folded into the task at once."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest

from tocsin.core import decide
from tocsin.core.clock import SECOND, to_instant
from tocsin.core.commands import BeginRun, RunFinished
from tocsin.core.events import Event
from tocsin.core.evolve import evolve
from tocsin.core.options import policy_with
from tocsin.core.outcomes import begin, finish, rescue
from tocsin.core.planning import plan
from tocsin.core.policy import Policy
from tocsin.core.schedule import Schedule
from tocsin.core.state import RunState, TaskState, to_json
from tocsin.core.when import to_schedule

NINE = to_instant(datetime.fromisoformat("2026-03-02T09:00:00+00:00"))


class Story:
    """One task and everything that was decided about it; `now` is moved by hand."""

    def __init__(self, now: int = NINE) -> None:
        self.now = now
        self.state: TaskState | None = None
        self.log: list[Event] = []
        self.runs: dict[int, RunState] = {}
        self.ids: Iterator[int] = itertools.count(1)

    @property
    def task(self) -> TaskState:
        assert self.state is not None
        return self.state

    def tell(self, events: Sequence[Event] | None) -> list[Event]:
        assert events is not None, "the decision was refused as stale"
        for event in events:
            self.state, run = evolve(self.state, event)
            self.log.append(event)
            if run is not None:
                self.runs[run.id] = run
        return list(events)

    def order(self, when: Any, *, digest: str = "d1", **changes: Any) -> list[Event]:
        """Schedule the task; `options` are those of its policy."""
        options = changes.pop("options", {})
        schedule: Schedule = to_schedule(when)
        new = decide.NewTask(
            tenant="default",
            key="report",
            target="report.build",
            entry_id=changes.pop("entry_id", 1),
            digest=digest,
            schedule=schedule,
            timezone="UTC",
            policy_json=to_json(policy_with(Policy(), options).to_dict()),
            created_by="embedded",
            **changes,
        )
        return self.tell(decide.schedule_task(new, self.state, self.now))

    def update(self, when: Any = None, **changes: Any) -> list[Event]:
        schedule = None if when is None else to_schedule(when).bind(self.now, "UTC")
        parts: dict[str, Any] = {"policy": None, "metadata": None, **changes}
        return self.tell(decide.update(self.task, self.now, schedule=schedule, **parts))

    def pause(self, reason: str | None = None) -> list[Event]:
        return self.tell(decide.pause(self.task, reason, self.now))

    def resume(self, *, catch_up: bool = False) -> list[Event]:
        return self.tell(decide.resume(self.task, self.now, self.ids, catch_up=catch_up))

    def delete(self, reason: str | None = None) -> list[Event]:
        return self.tell(decide.delete(self.task, reason, self.now))

    def cancel(self, reason: str | None = None) -> list[Event]:
        return self.tell(decide.cancel(self.task, reason, self.now))

    def run_now(self) -> RunState:
        (event,) = self.tell(decide.run_now(self.task, self.now, self.ids))
        return self.runs[event.run_id or 0]

    def ring(self, *, after: int = 0) -> list[Event]:
        """Let time pass and plan what is due."""
        self.now += after
        return self.tell(decide.trigger(self.task, self.now, self.ids))

    def plan(self) -> list[Event]:
        return self.tell(plan(self.task, self.now, self.ids))

    def claim(self, run: RunState | None = None) -> RunState:
        run = run or next(r for r in self.task.runs.values() if r.status == "pending")
        assert decide.claimable(self.task, run, self.now)
        self.tell([decide.claim(self.task, run, self.now, "life 1")])
        return run

    def claimable(self) -> list[RunState]:
        return [r for r in self.task.runs.values() if decide.claimable(self.task, r, self.now)]

    def done(self, run: RunState, outcome: Any = "succeeded", **details: Any) -> RunFinished:
        return RunFinished(
            run_id=run.id,
            task_id=self.task.id,
            fence=details.pop("fence", run.fence),
            outcome=outcome,
            started_at=self.now,
            finished_at=self.now,
            **details,
        )

    def finish(self, run: RunState, outcome: Any = "succeeded", **details: Any) -> list[Event]:
        return self.tell(finish(self.task, self.done(run, outcome, **details), self.now))

    def fail_for_good(self, run: RunState) -> None:
        """Use up every attempt of a run."""
        while run.status != "failed":
            self.now = max(self.now, run.ready_at)
            self.claim(run)
            self.finish(run, "failed", error="no")

    def begin(self, run: RunState) -> list[Event]:
        """The call of an attempt that must not be made twice begins."""
        events = begin(self.task, BeginRun(run.id, self.task.id, run.fence), self.now)
        assert events is not None
        return self.tell(events)

    def lose(self, run: RunState) -> list[Event]:
        """The process that works on the run dies."""
        assert run.status == "executing"
        return self.tell(rescue(self.task, set(), self.now))

    def statuses(self) -> list[str]:
        return [run.status for run in self.runs.values()]

    def dues(self) -> list[float]:
        """The planned instants of the runs, in seconds after nine."""
        return [(run.due_at - NINE) / SECOND for run in self.runs.values()]


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture(scope="session")
def stories() -> Callable[[], Story]:
    return Story
