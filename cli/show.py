"""`tocsin show`: everything about one task, and what to do about it."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from ..core.clock import from_instant
from ..core.durations import format_duration
from ..core.policy import Policy
from ..core.run import Run
from ..core.task import Task, iso
from .history import write_runs
from .moments import Moments
from .options import command
from .output import say, write_fields, write_json
from .settings import Settings, pass_settings
from .tasks import document, in_words

if TYPE_CHECKING:
    from ..service import Tocsin

TIMES, RUNS = 5, 5

ADVICE = {
    "quarantined": "repair what the reason names, then: tocsin resume {0}",
    "paused": "go on with: tocsin resume {0}",
    "failed": "try again with: tocsin trigger {0}",
}


@command("show")
@click.argument("key")
@pass_settings
def show(settings: Settings, key: str) -> None:
    """Show everything about the task KEY.

    Its rules, why it does not run and what to do, its next times, its last runs.
    """
    app = settings.open_existing()
    task = app.get(key, tenant=settings.tenant)
    runs = app.history(task.id, tenant=settings.tenant, limit=RUNS)
    times = _next_times(app, task)
    if settings.json:
        upcoming = [iso(moment) for moment in times]
        write_json(
            {**document(task), "upcoming": upcoming, "runs": [run.to_dict() for run in runs]}
        )
    else:
        _write(task, times, runs, Moments(app.clock.now(), app.timezone))


def _next_times(app: "Tocsin", task: Task) -> list[datetime]:
    """The next planned times, in UTC like all others."""
    if task.next_run_at is None:
        return []
    after = max(task.next_run_at, from_instant(app.clock.now()))
    later = task.schedule.upcoming(after, TIMES - 1)
    return [task.next_run_at, *(moment.astimezone(task.next_run_at.tzinfo) for moment in later)]


def _write(task: Task, times: list[datetime], runs: list[Run], moments: Moments) -> None:
    advice = ADVICE.get(task.status, "").format(task.name)
    fields = {
        "task": task.name,
        "id": str(task.id),
        "status": task.status,
        "reason": task.reason or "",
        "what to do": advice,
        "about": str(task.metadata.get("description", "")),
        "calls": task.target,
        "schedule": in_words(task, moments.tz),
        **_in_words(task.policy),
        "next": "\n".join(moments.noted(moment, task.schedule.note(moment)) for moment in times),
        "runs": str(task.run_count),
        "last": task.last_status or "",
        "last success": "" if task.last_run_at is None else moments.full(task.last_run_at),
        "tenant": task.tenant,
        "created": f"{moments.exact(task.created_at)} by {task.created_by}",
        "changed": moments.exact(task.updated_at),
    }
    write_fields({name: value for name, value in fields.items() if value})
    if runs:
        say()
        write_runs(runs, {task.id: task.name}, moments)
    say(f"\nTimes in {moments.tz}.")


def _in_words(policy: Policy) -> dict[str, str]:
    """The rules around the occurrences, for people."""
    retry = policy.retry
    limit = "none" if policy.timeout is None else format_duration(policy.timeout)
    delay = f"{retry.attempts} times, {format_duration(retry.delay)} apart, {retry.backoff}"
    return {
        "timeout": limit,
        "retries": delay if retry.attempts else "none",
        "overlap": policy.overlap,
        "catch up": policy.catch_up,
        "windows": f"{policy.execution_windows}, else {policy.outside_window}"
        if policy.windows
        else "",
        "delivery": "" if policy.delivery == Policy().delivery else policy.delivery,
        "on failure": "" if policy.on_exhausted == Policy().on_exhausted else policy.on_exhausted,
        "max runs": "" if policy.max_runs is None else str(policy.max_runs),
        "concurrency": "" if policy.concurrency is None else str(policy.concurrency),
        "rate": policy.rate or "",
        "limits shared by": policy.limit_key or "",
        "resources": ", ".join(f"{name} {amount}" for name, amount in policy.resources),
        "priority": str(policy.priority) if policy.priority else "",
        "tells": ", ".join(policy.notify_failure),
    }
