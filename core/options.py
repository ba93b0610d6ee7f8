"""The options that people write around a task, merged into a policy."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from .durations import parse_duration
from .errors import InvalidTask
from .hints import did_you_mean
from .policy import Policy, Retry

_RETRY = {f.name for f in fields(Retry)}
_SHORT = {"retries": "attempts", "retry_delay": "delay", "backoff": "backoff"}
_POLICY = {f.name for f in fields(Policy)}
_LARGEST = 1 << 62


def policy_with(base: Policy, options: Mapping[str, Any]) -> Policy:
    """A policy with some options changed.

    Args:
        base: what holds for everything that is not said.
        options: fields of `Policy` by name; durations as text ("5m"), seconds or timedelta;
            `retries=5`, `retry_delay="10s"`, `backoff="fixed"` and `retry={...}` for retries,
            `retry=False` for none.

    Raises:
        InvalidTask: an unknown option, or a value that makes no sense.
    """
    values = base.to_dict()
    try:
        for name, value in options.items():
            _set(values, name, value)
        return checked_policy(Policy.from_dict(values))
    except TypeError as error:
        raise InvalidTask(f"an option has a value of the wrong kind: {error}") from error


def checked_policy(policy: Policy) -> Policy:
    """The same policy, when all its values are of their kind.

    Raises:
        InvalidTask: with the first one that is not.
    """
    retry = policy.retry
    if not isinstance(retry, Retry):
        raise InvalidTask(f"retry is a Retry, not {retry!r}")
    whole: dict[str, object] = {
        "retry attempts": retry.attempts,
        "the retry delay": retry.delay,
        "the timeout": policy.timeout or 0,
        "max_runs": policy.max_runs or 0,
        "priority": policy.priority,
    }
    for name, value in whole.items():
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST:
            raise InvalidTask(f"{name} must be a whole number, not {value!r:.100}")
    for name in policy.notify_failure:
        if not isinstance(name, str):
            raise InvalidTask(f"notify_failure takes the names of notifiers, not {name!r}")
    return policy


def _set(values: dict[str, Any], name: str, value: Any) -> None:
    if name in _SHORT:
        _set_retry(values, {_SHORT[name]: value})
    elif name == "retry":
        _set_retry(values, _retry(value))
    elif name == "timeout":
        values["timeout"] = None if value is None else parse_duration(value)
    elif name == "notify_failure":
        values[name] = [value] if isinstance(value, str) else list(value)
    elif name in _POLICY:
        values[name] = value
    else:
        raise InvalidTask(f"unknown option {name!r}{did_you_mean(name, [*_POLICY, *_SHORT])}")


def _retry(value: Any) -> Mapping[str, Any]:
    if value is False:
        return {"attempts": 0}
    if isinstance(value, Retry):
        kept = {name: getattr(value, name) for name in _RETRY}
        return {**kept, "delay": timedelta(microseconds=value.delay)}
    if isinstance(value, Mapping):
        return value
    raise InvalidTask(f"retry is a table of attempts, delay and backoff, or False, not {value!r}")


def _set_retry(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    retry = dict(values.get("retry", {}))
    for name, value in changes.items():
        if name not in _RETRY:
            raise InvalidTask(f"retry has no {name!r}{did_you_mean(name, _RETRY)}")
        retry[name] = parse_duration(value) if name == "delay" else value
    values["retry"] = retry
