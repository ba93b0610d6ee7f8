"""The plan for the configuration, carried out on a real database."""

from dataclasses import replace
from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import HOUR
from tocsin.core.entry import Entry
from tocsin.core.jobs import Job
from tocsin.core.policy import Policy
from tocsin.core.reconcile import reconcile
from tocsin.core.schedule import every

pytestmark = pytest.mark.databases

JOB = Job(key="backup", schedule=every("6h"), entry=Entry(handler="backup.run"), policy=Policy())


def apply(desk: Any, **jobs: Job) -> list[str]:
    """Start with this configuration."""
    steps = reconcile(jobs, desk.queries.tasks())
    for step in steps:
        for command in step.commands:
            desk.ask(command)
    return [step.verb for step in steps]


def test_a_second_start_changes_nothing(desk: Any) -> None:
    assert apply(desk, backup=JOB) == ["create"]
    before = desk.rows("SELECT count(*) FROM events")
    desk.clock.instant += HOUR
    assert apply(desk, backup=JOB) == ["keep"]
    assert desk.rows("SELECT count(*) FROM events") == before


@pytest.mark.parametrize("first", [True, False])
def test_a_job_follows_its_switch_wherever_it_began(desk: Any, first: bool) -> None:
    for enabled in (first, not first, first, not first, first):
        apply(desk, backup=replace(JOB, enabled=enabled))
        assert desk.task("backup").status == ("active" if enabled else "paused")


def test_a_job_that_comes_back_disabled_can_be_enabled(desk: Any) -> None:
    apply(desk, backup=JOB)
    assert apply(desk) == ["cancel"]
    apply(desk, backup=replace(JOB, enabled=False))
    assert desk.task("backup").status == "paused"
    apply(desk, backup=JOB)
    assert desk.task("backup").status == "active"


def test_a_pause_by_hand_outlives_the_configuration(desk: Any) -> None:
    apply(desk, backup=JOB)
    desk.ask(c.PauseTask("backup", "holiday"))
    for enabled in (False, True):
        apply(desk, backup=replace(JOB, enabled=enabled))
        assert desk.task("backup").reason == "holiday"
