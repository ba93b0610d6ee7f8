"""What must change so that the stored tasks are those of the configuration."""

from dataclasses import replace
from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.entry import Entry
from tocsin.core.jobs import Job
from tocsin.core.policy import Policy
from tocsin.core.reconcile import DISABLED, FINGERPRINT, REMOVED, Step, reconcile
from tocsin.core.schedule import every
from tocsin.core.task import Task

JOB = Job(key="backup", schedule=every("6h"), entry=Entry(handler="backup.run"), policy=Policy())


def stored(story: Any, job: Job = JOB, **changes: Any) -> Task:
    """The task that an earlier start made of the job."""
    story.order(job.schedule, metadata={FINGERPRINT: job.fingerprint()})
    task = Task.from_state(story.task)
    return replace(task, **{"key": job.key, "created_by": "config", **changes})


def only(steps: list[Step]) -> Step:
    (step,) = steps
    return step


def test_a_new_job_is_created_as_configured() -> None:
    step = only(reconcile({"backup": replace(JOB, description="of everything")}, []))
    assert (step.verb, step.reason) == ("create", "new")
    (order,) = step.commands
    assert isinstance(order, c.NewEntry)
    assert (order.key, order.handler, order.codec) == ("backup", "backup.run", "json")
    assert order.created_by == "config"
    assert order.metadata["description"] == "of everything"
    assert not order.paused


def test_an_unchanged_job_is_kept(story: Any) -> None:
    step = only(reconcile({"backup": JOB}, [stored(story)]))
    assert (step.verb, step.reason, step.commands) == ("keep", "unchanged", ())


@pytest.mark.parametrize("status", ["paused", "quarantined", "completed", "failed", "cancelled"])
def test_an_unchanged_job_is_left_as_people_made_it(story: Any, status: Any) -> None:
    task = stored(story, status=status, reason="by hand")
    step = only(reconcile({"backup": JOB}, [task]))
    assert (step.verb, step.commands) == ("keep", ())
    assert step.reason == f"unchanged, {status}"


def test_a_changed_job_is_ordered_again(story: Any) -> None:
    changed = replace(JOB, schedule=every("7h"))
    step = only(reconcile({"backup": changed}, [stored(story)]))
    assert (step.verb, step.reason) == ("update", "changed")
    assert [type(command) for command in step.commands] == [c.NewEntry]


def test_a_job_that_is_gone_is_cancelled_once(story: Any) -> None:
    step = only(reconcile({}, [stored(story)]))
    assert (step.verb, step.commands) == ("cancel", (c.CancelTask("backup", REMOVED),))
    assert reconcile({}, [stored(story, status="cancelled")]) == []


def test_a_job_that_is_back_is_ordered_again_but_not_one_that_people_cancelled(story: Any) -> None:
    back = only(reconcile({"backup": JOB}, [stored(story, status="cancelled", reason=REMOVED)]))
    assert (back.verb, back.reason) == ("update", "back again")
    assert isinstance(back.commands[0], c.NewEntry)
    by_hand = only(reconcile({"backup": JOB}, [stored(story, status="cancelled", reason="no")]))
    assert by_hand.verb == "keep"


def test_the_task_of_somebody_else_is_never_touched(story: Any) -> None:
    theirs = stored(story, created_by="embedded")
    step = only(reconcile({"backup": JOB}, [theirs]))
    assert (step.verb, step.commands) == ("conflict", ())
    assert "made by embedded: rename the job" in step.reason
    assert reconcile({}, [theirs]) == []


def test_a_job_that_is_new_and_disabled_says_so() -> None:
    step = only(reconcile({"backup": replace(JOB, enabled=False)}, []))
    order, pause = step.commands
    assert isinstance(order, c.NewEntry)
    assert order.paused, "not one occurrence may slip through"
    assert pause == c.PauseTask("backup", DISABLED)


def test_disabling_a_job_pauses_it(story: Any) -> None:
    step = only(reconcile({"backup": replace(JOB, enabled=False)}, [stored(story)]))
    assert step.commands[-1] == c.PauseTask("backup", DISABLED)


def test_enabling_a_job_resumes_what_disabling_paused(story: Any) -> None:
    disabled = replace(JOB, enabled=False)
    task = stored(story, disabled, status="paused", reason=DISABLED)
    step = only(reconcile({"backup": JOB}, [task]))
    assert step.commands[-1] == c.ResumeTask("backup")
    by_hand = stored(story, disabled, status="paused", reason="holiday")
    assert [type(x) for x in only(reconcile({"backup": JOB}, [by_hand])).commands] == [c.NewEntry]


def test_the_steps_come_in_the_order_of_the_file_then_what_is_gone(story: Any) -> None:
    jobs = {key: replace(JOB, key=key) for key in ("b", "a", "c")}
    steps = reconcile(jobs, [stored(story, key="z"), stored(story, key="a")])
    assert [step.key for step in steps] == ["b", "a", "c", "z"]
