"""The short look at a waiting run comes to the same as asking every rule whether it may start."""

from types import SimpleNamespace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.clock import SECOND
from tocsin.core.schedule import Once
from tocsin.core.state import RunState, RunStatus, TaskState, TaskStatus, to_json
from tocsin.storage import claims

NOW = 1_800_000_000 * SECOND
SCHEDULE = to_json(Once(NOW, tz="UTC").to_dict())
POLICIES = ("{}", '{"priority":3}', '{"overlap":"allow"}')

RUNS = st.builds(
    RunState,
    id=st.integers(1, 3),
    task_id=st.just(1),
    tenant=st.just("default"),
    due_at=st.integers(NOW - 2, NOW),
    ready_at=st.integers(NOW - 1, NOW + 1),
    status=st.sampled_from(get_args(RunStatus)[:2]),
    cause=st.sampled_from(["schedule", "manual"]),
    rank=st.none() | st.integers(0, 5),
)


def task(status: str, policy: str, runs: list[RunState]) -> TaskState:
    values: tuple[Any, ...] = (
        1, "default", None, "x", 1, "", SCHEDULE, policy, status, None,
        None, None, 0, NOW, None, None, 0, NOW, NOW, "embedded", {}, 0,
    )  # fmt: skip
    return TaskState(*values, {run.id: run for run in runs})


@given(
    status=st.sampled_from(get_args(TaskStatus)),
    policy=st.sampled_from(POLICIES),
    runs=st.lists(RUNS, max_size=2),
)
def test_a_run_has_the_same_place_by_the_short_look_and_by_all_rules(
    status: str, policy: str, runs: list[RunState]
) -> None:
    unit: Any = SimpleNamespace(now=NOW, record=lambda *_: None)
    state = task(status, policy, runs)
    short = claims._places(unit, state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "_usual", lambda *_: None)
        assert claims._places(unit, state) == short
