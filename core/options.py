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
_SHORT = {
    "retries": "attempts",
    "retry_delay": "delay",
    "backoff": "backoff",
    "max_delay": "max_delay",
    "jitter": "jitter",
    "retry_on": "retry_on",
    "give_up_on": "give_up_on",
}
_DURATIONS = frozenset({"timeout", "catch_up_window", "catch_up_spacing", "delay", "max_delay"})
_LISTS = frozenset({"notify_failure", "windows", "retry_on", "give_up_on"})
_POLICY = {f.name for f in fields(Policy)}
_LARGEST = 1 << 62

LONGEST_LIMIT = 255
"""Characters of what runs wait for: an index must be able to hold them."""


def policy_with(base: Policy, options: Mapping[str, Any]) -> Policy:
    """A policy with some options changed.

    Args:
        base: what holds for everything that is not said.
        options: fields of `Policy` by name; durations as text ("5m"), seconds or timedelta;
            `retries=5`, `retry_delay="10s"`, `backoff="fixed"`, `max_delay`, `jitter`,
            `retry_on`, `give_up_on` (exception classes or their names) and `retry={...}` for
            retries, `retry=False` for none.

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
        "the longest retry delay": retry.max_delay or 0,
        "the timeout": policy.timeout or 0,
        "max_runs": policy.max_runs or 0,
        "catch_up_window": policy.catch_up_window or 0,
        "catch_up_max": policy.catch_up_max,
        "catch_up_spacing": policy.catch_up_spacing,
        "max_instances": policy.max_instances or 0,
        "queue_limit": policy.queue_limit,
        "concurrency": policy.concurrency or 0,
        "priority": policy.priority,
    }
    for name, value in whole.items():
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST:
            raise InvalidTask(f"{name} must be a whole number, not {value!r:.100}")
    names = {
        "notify_failure takes the names of notifiers": policy.notify_failure,
        "retry_on takes the names of exception classes": retry.retry_on,
        "give_up_on takes the names of exception classes": retry.give_up_on,
        "windows takes texts": policy.windows,
    }
    for rule, given in names.items():
        for name in given:
            if not isinstance(name, str):
                raise InvalidTask(f"{rule}, not {name!r}")
    for name in (policy.limit_key or "", *dict(policy.resources)):
        if not _is_name(name):
            raise InvalidTask(
                f"limit_key and resources are names of up to {LONGEST_LIMIT} printable characters,"
                f" not {name!r:.100}"
            )
    return policy


def _is_name(name: object) -> bool:
    """Whether runs can be written down, and found again, as waiting for it."""
    return isinstance(name, str) and len(name) <= LONGEST_LIMIT and name.isprintable()


def _set(values: dict[str, Any], name: str, value: Any) -> None:
    if name in _SHORT:
        _set_retry(values, {_SHORT[name]: value})
    elif name == "retry":
        _set_retry(values, _retry(value))
    elif name in _POLICY:
        values[name] = _value(name, value)
    else:
        raise InvalidTask(f"unknown option {name!r}{did_you_mean(name, [*_POLICY, *_SHORT])}")


def _value(name: str, value: Any) -> Any:
    """One option as it is stored: durations in microseconds, lists of texts."""
    if name in _DURATIONS:
        return None if value is None else parse_duration(value)
    if name in _LISTS:
        several = [value] if isinstance(value, str | type) else list(value)
        return [each.__name__ if isinstance(each, type) else each for each in several]
    if name == "resources":
        return _resources(value)
    return value


def _resources(value: Any) -> dict[str, Any]:
    """A name, several names, or names with amounts."""
    if isinstance(value, Mapping):
        return dict(value)
    pairs: list[Any] = [value] if isinstance(value, str) else list(value or ())
    return dict((pair, 1) if isinstance(pair, str) else pair for pair in pairs)


def _retry(value: Any) -> Mapping[str, Any]:
    if value is False:
        return {"attempts": 0}
    if isinstance(value, Retry):
        kept = {name: getattr(value, name) for name in _RETRY}
        lengths = {n: _length(kept[n]) for n in _DURATIONS & _RETRY}
        return {**kept, **lengths}
    if isinstance(value, Mapping):
        return value
    raise InvalidTask(f"retry is a table of attempts, delay and backoff, or False, not {value!r}")


def _length(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=microseconds)


def _set_retry(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    retry = dict(values.get("retry", {}))
    for name, value in changes.items():
        if name not in _RETRY:
            raise InvalidTask(f"retry has no {name!r}{did_you_mean(name, _RETRY)}")
        retry[name] = _value(name, value)
    values["retry"] = retry
