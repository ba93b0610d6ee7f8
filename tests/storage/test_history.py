"""The log is the truth: whatever is done in whatever order, the tables are its fold."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tocsin.core import commands as c
from tocsin.core.clock import DAY, HOUR, MINUTE, SECOND
from tocsin.core.errors import TocsinError
from tocsin.core.events import Event
from tocsin.core.evolve import evolve
from tocsin.core.policy import Policy, Retry
from tocsin.core.schedule import after, at, cron, every, now
from tocsin.core.state import RunState, TaskState, wake_at
from tocsin.core.work import Start
from tocsin.storage.rows import SELECT_EVENTS, event_of, run_row, task_row

pytestmark = pytest.mark.databases

ENDED = {"succeeded", "failed", "timed_out", "cancelled", "skipped"}
KEYS = st.sampled_from(["a", "b", "c", None])
WHEN = st.sampled_from(
    [
        every("5m"),
        every("1s"),
        cron("*/5 * * * *"),
        cron("0 0 1 * *"),
        at("in 5 minutes"),
        at("2026-03-02T09:30Z"),
        at("12:00"),
        now(),
        after("x"),
    ]
)
POLICIES = st.builds(
    Policy,
    retry=st.builds(Retry, attempts=st.integers(0, 2), delay=st.sampled_from([0, SECOND, MINUTE])),
    max_runs=st.sampled_from([None, 1, 3]),
    catch_up=st.sampled_from(["skip", "one", "all"]),
    overlap=st.sampled_from(["skip", "allow"]),
    on_exhausted=st.sampled_from(["continue", "disable"]),
    delivery=st.sampled_from(["at_least_once", "at_most_once"]),
    priority=st.integers(-2, 2),
)
SLOTS = st.integers(0, 3)
USUAL = {
    "TaskScheduled", "TaskUpdated", "TaskPaused", "TaskResumed", "TaskCancelled", "RunPlanned",
    "OccurrenceSkipped", "RunStarted", "TaskExecuted", "RunReturned",
}  # fmt: skip
"""What must have happened in all stories together."""


def fold(rows: list[tuple[Any, ...]]) -> tuple[dict[int, TaskState], dict[int, RunState]]:
    """The tasks and runs that the whole log makes, from nothing."""
    tasks: dict[int, TaskState] = {}
    runs: dict[int, RunState] = {}
    for row in rows:
        event: Event = event_of(row)
        tasks[event.task_id], run = evolve(tasks.get(event.task_id), event)
        tasks[event.task_id].last_event = row[0]
        if run is not None:
            runs[run.id] = run
    return tasks, runs


class Service(RuleBasedStateMachine):
    """Any commands in any order, time in both directions, and a service that may die."""

    make_desk: Callable[..., Any]
    happened: ClassVar[set[str]] = set()
    attempts: Bundle[Start] = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.desk = type(self).make_desk(self.folder / "tocsin.db")
        self.clock = self.desk.clock
        self.ended: dict[int, tuple[Any, ...]] = {}
        self.fences: dict[int, int] = {}
        self.tasks: dict[int, TaskState] = {}

    def teardown(self) -> None:
        self.happened.update(kind for (kind,) in self.desk.rows("SELECT DISTINCT type FROM events"))
        self.desk.close()
        shutil.rmtree(self.folder)

    def do(self, *commands: Any, slots: int = 0) -> Any:
        """Carry out a batch; what it starts becomes a target, its refusals are typed."""
        commit = self.desk.execute(*commands, slots=slots)
        assert len(commit.answers) == len(commands)
        assert len(commit.starts) <= slots
        for start in commit.starts:
            assert start.fence > self.fences.get(start.run_id, 0), "a fence did not rise"
            self.fences[start.run_id] = start.fence
        executing = self.desk.rows("SELECT id, fence FROM runs WHERE status = 'executing'")
        assert all(self.fences[run_id] == fence for run_id, fence in executing), "not granted"
        return commit

    @rule(seconds=st.sampled_from([0, 1, 60, 299, 301, 3600, 90_000, -1, -600]))
    def time_passes(self, seconds: int) -> None:
        self.clock.instant += seconds * SECOND

    @rule(
        target=attempts,
        new=st.builds(
            c.NewEntry,
            WHEN,
            handler=st.just("h"),
            args=st.sampled_from([(1,), ({"x", "y"},)]),
            key=KEYS,
            policy=POLICIES,
            metadata=st.sampled_from([{}, {"n": (1, 2)}]),
            paused=st.booleans(),
            revive=st.booleans(),
        ),
        slots=SLOTS,
    )
    def order(self, new: c.NewEntry, slots: int) -> Any:
        return multiple(*self.do(new, slots=slots).starts)

    @rule(target=attempts, slots=SLOTS)
    def alarms_ring(self, slots: int) -> Any:
        due = [t for t, at_ in self.desk.alarms().items() if at_ <= self.clock.now()]
        commit = self.do(c.AlarmsTriggered(tuple(due)), slots=slots)
        return multiple(*commit.starts)

    @rule(target=attempts, task=st.integers(1, 6), slots=SLOTS)
    def a_wrong_alarm_rings(self, task: int, slots: int) -> Any:
        return multiple(*self.do(c.AlarmTriggered(task), slots=slots).starts)

    @rule(
        target=attempts,
        commands=st.lists(
            st.one_of(
                st.builds(c.PauseTask, st.integers(1, 6), st.sampled_from([None, "why"])),
                st.builds(c.ResumeTask, st.integers(1, 6)),
                st.builds(c.CancelTask, st.integers(1, 6), st.sampled_from([None, "why"])),
                st.builds(c.RunNow, st.integers(1, 6)),
                st.builds(c.RetryRun, st.integers(1, 9)),
                st.builds(
                    c.UpdateTask,
                    st.integers(1, 6),
                    st.one_of(st.none(), WHEN),
                    st.sampled_from([None, {"max_runs": 2}, {"overlap": "allow"}, {"x": 1}]),
                    st.sampled_from([None, {}, {"a": [1]}]),
                ),
            ),
            max_size=4,
        ),
        slots=SLOTS,
    )
    def people_meddle(self, commands: list[Any], slots: int) -> Any:
        return multiple(*self.do(*commands, slots=slots).starts)

    @rule(
        target=attempts,
        start=consumes(attempts),
        outcome=st.sampled_from(
            ["succeeded", "failed", "timed_out", "cancelled", "rejected", "interrupted"]
        ),
        retryable=st.booleans(),
        twice=st.booleans(),
        slots=SLOTS,
    )
    def an_attempt_ends(
        self, start: Start, outcome: Any, retryable: bool, twice: bool, slots: int
    ) -> Any:
        instant = self.clock.now()
        done = c.RunFinished(
            start.run_id, start.task_id, start.fence, outcome, instant, instant,
            result={"a": (1, "ä")}, error="no", retryable=retryable, retry_after=7,
        )  # fmt: skip
        commit = self.do(*[done] * (1 + twice), slots=slots)
        assert commit.answers[1:] in ([], [False])
        return multiple(*commit.starts)

    @rule(start=attempts)
    def a_call_begins(self, start: Start) -> None:
        [may] = self.do(c.BeginRun(start.run_id, start.task_id, start.fence)).answers
        executing = self.desk.rows(
            "SELECT started_at FROM runs WHERE id = ? AND fence = ? AND status = 'executing'",
            *start.claim,
        )
        assert may is bool(executing)
        assert not executing or executing[0][0] is not None

    @rule(target=attempts, held=attempts, slots=SLOTS)
    def the_service_dies(self, held: Start, slots: int) -> Any:
        self.desk.close()
        return multiple(*self.do(c.RescueRuns(frozenset({held.claim})), slots=slots).starts)

    @rule(broken=st.sampled_from([c.NewEntry("?", handler="h"), c.RunNow("nobody"), "hello"]))
    def somebody_errs(self, broken: Any) -> None:
        (answer,) = self.do(broken).answers
        assert isinstance(answer, TocsinError)

    @invariant()
    def the_tables_are_the_fold_of_the_log(self) -> None:
        tasks, runs = fold(self.desk.rows(f"{SELECT_EVENTS} ORDER BY id"))
        assert [task_row(tasks[i]) for i in sorted(tasks)] == self.desk.task_rows()
        assert [run_row(runs[i]) for i in sorted(runs)] == [
            run_row(run) for run in self.desk.run_states()
        ]

    @invariant()
    def every_occurrence_has_one_record(self) -> None:
        runs = self.desk.run_states()
        assert len({(run.task_id, run.due_at) for run in runs}) == len(runs)

    @invariant()
    def no_run_leaves_its_disposition(self) -> None:
        for run in self.desk.run_states():
            if run.status in ENDED:
                assert self.ended.setdefault(run.id, run_row(run)) == run_row(run)
            else:
                assert run.id not in self.ended

    @invariant()
    def each_alarm_is_what_its_task_waits_for(self) -> None:
        alarms, instant = self.desk.alarms(), self.clock.now()
        self.tasks, _ = fold(self.desk.rows(f"{SELECT_EVENTS} ORDER BY id"))
        assert set(alarms) <= set(self.tasks)
        for task in self.tasks.values():
            # ready runs wait for a slot and need no alarm; what was to come when the task was
            # last looked at must still ring
            waits = wake_at(task, instant)
            if waits is not None and waits > instant:
                rings = task.id in alarms and alarms[task.id] <= waits
                # behind a run that executes: its end looks at the task again
                queued = any(run.status == "executing" for run in task.runs.values())
                assert rings or queued or self.desk.claims.backlog, "it would sleep through it"
            if task.id in alarms:
                to_come = {run.ready_at for run in task.runs.values()} | {task.next_at}
                assert alarms[task.id] in to_come, "it would ring for nothing"

    @invariant()
    def ended_tasks_hold_nothing_back(self) -> None:
        for task in self.tasks.values():
            if task.status == "cancelled":
                assert all(run.status == "executing" for run in task.runs.values())
            if task.status in {"completed", "failed"}:
                waiting = [r for r in task.runs.values() if r.status == "pending"]
                assert all(run.cause != "schedule" for run in waiting)


def test_any_history_leaves_the_tables_as_the_log_says(make_desk: Any) -> None:
    Service.make_desk = staticmethod(make_desk)
    run_state_machine_as_test(
        Service,
        settings=settings(
            max_examples=60,
            phases=(Phase.explicit, Phase.generate),  # no shrinking: these stories are long
            derandomize=True,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Service.happened >= USUAL, "the stories were about something else"


def test_the_log_survives_json_and_folds_into_the_same_rows(desk: Any) -> None:
    desk.order(key="a", metadata={"deep": {"x": [1, "ä", None]}}, policy=Policy(catch_up="all"))
    starts = desk.ring(1, after=2 * HOUR)
    desk.finish(starts[0], "failed", error="nö", result={"k": [1]})
    desk.ask(c.PauseTask("a", "wait"))
    desk.clock.instant += DAY
    desk.ask(c.ResumeTask("a"))
    tasks, runs = fold(desk.rows(f"{SELECT_EVENTS} ORDER BY id"))
    assert [task_row(task) for task in tasks.values()] == desk.task_rows()
    assert [run_row(runs[i]) for i in sorted(runs)] == [run_row(r) for r in desk.run_states()]
