"""The short way of planning comes to the same as asking every rule."""

import itertools

import pytest

from tocsin.core import planning
from tocsin.core.clock import SECOND
from tocsin.core.schedule import Every, Once, Schedule
from tocsin.core.state import TaskState, to_json

NOW = 1_800_000_000 * SECOND


def task(schedule: Schedule, next_at: int, rewinds: int) -> TaskState:
    return TaskState(
        1, "default", None, "x", 1, "", to_json(schedule.to_dict()), "{}", "active", None,
        next_at, None, rewinds, NOW, None, None, 0, NOW, NOW, "embedded", {},
    )  # fmt: skip


@pytest.mark.parametrize("late", [0, 1, 59 * SECOND])
@pytest.mark.parametrize("rewinds", [0, 2])
@pytest.mark.parametrize("recurring", [False, True])
def test_the_usual_occurrence_is_planned_as_the_rules_would_plan_it(
    monkeypatch: pytest.MonkeyPatch, *, late: int, rewinds: int, recurring: bool
) -> None:
    at = NOW - late
    schedule: Schedule = Every(60 * SECOND, 0, at) if recurring else Once(at, tz="UTC")
    state = task(schedule, at, rewinds)
    short = planning.plan(state, NOW, itertools.count(1))
    monkeypatch.setattr(planning, "is_usual", lambda *_: False)
    assert short == planning.plan(state, NOW, itertools.count(1))
    assert len(short) == 1
