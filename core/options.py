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
    for name, value in options.items():
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
            hint = did_you_mean(name, [*_POLICY, *_SHORT])
            raise InvalidTask(f"unknown option {name!r}{hint}")
    try:
        return Policy.from_dict(values)
    except TypeError as error:
        raise InvalidTask(f"an option has a value of the wrong kind: {error}") from error


def _retry(value: Any) -> Mapping[str, Any]:
    if value is False:
        return {"attempts": 0}
    if isinstance(value, Retry):
        return {name: getattr(value, name) for name in _RETRY}
    if isinstance(value, Mapping):
        return value
    raise InvalidTask(f"retry is a table of attempts, delay and backoff, or False, not {value!r}")


def _set_retry(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    retry = dict(values.get("retry", {}))
    for name, value in changes.items():
        if name not in _RETRY:
            raise InvalidTask(f"retry has no {name!r}{did_you_mean(name, _RETRY)}")
        is_text = isinstance(value, str | timedelta)
        retry[name] = parse_duration(value) if name == "delay" and is_text else value
    values["retry"] = retry
