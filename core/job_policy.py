"""The keys of a `[jobs.*]` table that say how: retries, limits, overlap, catch-up, windows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from .clock import SECOND
from .config_fields import Attempts, Count, Duration, NameOrNames, Names, Text, TimeLimit, TimeZone
from .config_notify import NotifyConfig, check_known
from .config_sections import SchedulerConfig
from .config_toml import KeyPath
from .errors import InvalidTask
from .policy import (
    MOST_CAUGHT_UP,
    REMINDER_RETRY,
    Backoff,
    CatchUp,
    Delivery,
    OnDependencyFailure,
    OnExhausted,
    OutsideWindow,
    Overlap,
    Policy,
    Retry,
)
from .problems import Problems, Table, show


def _limit(value: Any) -> Any:
    """Read `timeout = false` as no limit."""
    return None if value is False else value


class _How(Table):
    timeout: Annotated[TimeLimit | None, BeforeValidator(_limit)] = None
    retry: Any = None
    overlap: Overlap = "skip"
    catch_up: CatchUp = "one"
    catch_up_window: Duration | None = None
    catch_up_max: Annotated[int, Field(ge=1, le=MOST_CAUGHT_UP)] = 100
    catch_up_spacing: Duration = SECOND
    max_instances: Count | None = None
    queue_limit: Attempts = 100
    windows: NameOrNames = ()
    window_timezone: TimeZone | None = None
    outside_window: OutsideWindow = "defer"
    max_runs: Count | None = None
    on_exhausted: OnExhausted = "continue"
    delivery: Delivery = "at_least_once"
    on_dependency_failure: OnDependencyFailure = "wait"
    concurrency: Count | None = None
    rate: Text | None = None
    limit_key: Text | None = None
    resources: dict[Text, Count] = Field(default_factory=dict)
    priority: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)] = 0
    notify_failure: Names = ()


class _Again(Table):
    attempts: Attempts = 0
    delay: Duration = 0
    backoff: Backoff = "exponential"
    max_delay: Duration | None = None
    jitter: Annotated[float, Field(ge=0, le=1, strict=False)] = 0
    retry_on: NameOrNames = ()
    give_up_on: NameOrNames = ()


POLICY_KEYS = frozenset(_How.model_fields)


def default_policy(scheduler: SchedulerConfig, *, reminder: bool) -> Policy:
    """Return the rules of a job that says nothing about them."""
    retry = Retry(attempts=scheduler.retry_attempts, delay=scheduler.retry_delay)
    return Policy(retry=REMINDER_RETRY if reminder else retry, timeout=scheduler.default_timeout)


def read_policy(
    table: dict[str, Any],
    path: KeyPath,
    default: Policy,
    notifiers: Mapping[str, NotifyConfig],
    problems: Problems,
) -> Policy | None:
    """Read how a job is run.

    Args:
        table: the job's keys that say how.
        path: where the job is.
        default: what holds for keys that are not there.
        notifiers: the channels that may hear of failures.
        problems: takes the mistakes.

    Returns:
        The policy, or None when there are mistakes.
    """
    how = problems.read(_How, path, table)
    retry: Retry | None = default.retry
    if "retry" in table:
        retry = _retry(table["retry"], (*path, "retry"), default.retry, problems)
    if how is None or retry is None:
        return None
    check_known(how.notify_failure, (*path, "notify_failure"), notifiers, problems)
    given = how.model_dump(include=how.model_fields_set)
    if "resources" in given:
        given["resources"] = tuple(sorted(given["resources"].items()))
    try:
        return replace(default, **{**given, "retry": retry})
    except InvalidTask as error:
        problems.add(path, str(error))
        return None


def _retry(value: object, path: KeyPath, default: Retry, problems: Problems) -> Retry | None:
    if value is False:
        return replace(default, attempts=0)
    if not isinstance(value, dict):
        problems.add(path, f'must be false or {{ attempts = 3, delay = "1m" }}, not {show(value)}')
        return None
    again = problems.read(_Again, path, value)
    if again is None:
        return None
    try:
        return replace(default, **again.model_dump(include=again.model_fields_set))
    except InvalidTask as error:
        problems.add(path, str(error))
        return None
