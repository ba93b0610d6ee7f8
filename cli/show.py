"""`tocsin show`: everything about one task, and what to do about it."""

from collections.abc import Sequence

import click

from ..core.durations import format_duration
from ..core.policy import Policy
from ..core.run import Run
from ..core.task import Task, iso
from ..core.upcoming import Upcoming, upcoming
from .history import write_runs
from .moments import Moments
from .options import command
from .output import say, write_fields, write_json
from .settings import Settings, pass_settings
from .tasks import document, in_words

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
    times = upcoming(task, app.clock.now(), TIMES)
    if settings.json:
        planned = [iso(each.moment) for each in times]
        write_json({**document(task), "upcoming": planned, "runs": [run.to_dict() for run in runs]})
    else:
        _write(task, times, runs, Moments(app.clock.now(), app.timezone))


def _write(task: Task, times: Sequence[Upcoming], runs: list[Run], moments: Moments) -> None:
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
        "next": "\n".join(moments.noted(each.moment, each.note) for each in times),
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
