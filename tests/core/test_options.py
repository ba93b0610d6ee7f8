"""The options that people write around a task."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tocsin.core.clock import MINUTE, SECOND
from tocsin.core.errors import InvalidSchedule, InvalidTask
from tocsin.core.options import checked_policy, policy_with
from tocsin.core.policy import Policy, Retry

BASE = Policy(timeout=7 * SECOND, retry=Retry(attempts=9, delay=2 * SECOND, backoff="fixed"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"timeout": "5m"}, {"timeout": 5 * MINUTE}),
        ({"timeout": 1.5}, {"timeout": 1_500_000}),
        ({"timeout": timedelta(minutes=1)}, {"timeout": MINUTE}),
        ({"timeout": None}, {"timeout": None}),
        ({"max_runs": 3, "priority": -1}, {"max_runs": 3, "priority": -1}),
        ({"notify_failure": "phone"}, {"notify_failure": ("phone",)}),
        ({"notify_failure": ["a", "b"]}, {"notify_failure": ("a", "b")}),
    ],
)
def test_options_change_what_they_name_and_nothing_else(
    options: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = policy_with(BASE, options)
    for name in ("timeout", "max_runs", "priority", "notify_failure", "retry"):
        assert getattr(found, name) == expected.get(name, getattr(BASE, name))


@pytest.mark.parametrize(
    ("options", "attempts", "delay", "backoff"),
    [
        ({"retries": 5}, 5, 2, "fixed"),
        ({"retry_delay": "10s"}, 9, 10, "fixed"),
        ({"retry_delay": 10}, 9, 10, "fixed"),
        ({"retry_delay": timedelta(seconds=10)}, 9, 10, "fixed"),
        ({"backoff": "linear"}, 9, 2, "linear"),
        ({"retry": False}, 0, 2, "fixed"),
        ({"retry": {"attempts": 1, "delay": "1m"}}, 1, 60, "fixed"),
        ({"retry": {"delay": 60}}, 9, 60, "fixed"),
        ({"retry": Retry(attempts=2, delay=SECOND)}, 2, 1, "exponential"),
        ({"retry": Retry()}, 3, 60, "exponential"),
    ],
)
def test_retries_are_written_in_many_ways(
    options: dict[str, Any], attempts: int, delay: int, backoff: Any
) -> None:
    assert policy_with(BASE, options).retry == Retry(attempts, delay * SECOND, backoff)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tiemout": 5}, "unknown option 'tiemout'; did you mean 'timeout'"),
        ({"retry": {"atempts": 5}}, "retry has no 'atempts'; did you mean 'attempts'"),
        ({"retry": True}, "retry is a table of attempts, delay and backoff, or False"),
        ({"retry": 3}, "retry is a table"),
        ({"retries": "3"}, "wrong kind"),
        ({"retries": True}, "must be a whole number, not True"),
        ({"retries": 1.5}, "must be a whole number"),
        ({"retries": -1}, "0 or more"),
        ({"backoff": "expnential"}, "did you mean 'exponential'"),
        ({"overlap": "skp"}, "did you mean 'skip'"),
        ({"overlap": None}, "overlap must be one of"),
        ({"max_runs": 0}, "1 or more"),
        ({"max_runs": "3"}, "wrong kind"),
        ({"priority": "high"}, "priority must be a whole number, not 'high'"),
        ({"priority": None}, "priority must be a whole number"),
        ({"priority": 1 << 63}, "priority must be a whole number"),
        ({"timeout": 0}, "longer than nothing"),
        ({"notify_failure": None}, "wrong kind"),
        ({"notify_failure": [5]}, "names of notifiers, not 5"),
        ({"give_up_on": [5]}, "names of exception classes, not 5"),
        ({"windows": "sat 5"}, "not understood|no day"),
        ({"catch_up": "al"}, "did you mean 'all'"),
        ({"catch_up_max": 0}, "from 1 to 1000, not 0"),
        ({"catch_up_max": 2.5}, "catch_up_max must be a whole number"),
        ({"outside_window": "later"}, "must be one of defer, skip"),
        ({"max_instances": 0, "overlap": "allow"}, "1 or more"),
        ({"max_instances": 2}, 'needs overlap = "allow"'),
        ({"queue_limit": -1}, "0 or more"),
        ({"jitter": "much"}, "wrong kind"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidTask, match=words):
        policy_with(BASE, options)


@pytest.mark.parametrize("duration", ["soon", -1, float("nan"), True])
def test_a_duration_that_is_none_is_refused(duration: Any) -> None:
    for option in ("timeout", "retry_delay"):
        with pytest.raises((InvalidSchedule, InvalidTask)):
            policy_with(BASE, {option: duration})


def test_a_checked_policy_is_the_same_policy() -> None:
    assert checked_policy(BASE) is BASE


def test_a_policy_comes_back_from_its_json_form() -> None:
    policy = policy_with(BASE, {"notify_failure": "x", "overlap": "allow", "max_runs": 2})
    assert Policy.from_dict(policy.to_dict()) == policy


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"catch_up_window": -1}, "catch_up_window cannot be negative"),
        ({"catch_up_spacing": -1}, "catch_up_spacing cannot be negative"),
        ({"timeout": -1}, "longer than nothing"),
    ],
)
def test_a_policy_refuses_what_no_duration_can_be(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidTask, match=words):
        Policy(**changes)


def test_windows_get_a_zone_once() -> None:
    plain = policy_with(BASE, {"windows": "sat"})
    assert BASE.bound("Asia/Tokyo") is BASE
    bound = plain.bound("Asia/Tokyo")
    assert bound.window_timezone == "Asia/Tokyo"
    assert bound.bound("UTC") is bound
    with pytest.raises(InvalidSchedule, match="unknown time zone"):
        policy_with(BASE, {"window_timezone": "Europe/Berln"})


def test_every_option_comes_back_from_its_json_form() -> None:
    policy = policy_with(
        BASE,
        {
            "windows": ["sat", "09:00-17:00"], "window_timezone": "UTC", "catch_up_window": "1h",
            "overlap": "allow", "max_instances": 2, "retry_on": [ValueError], "jitter": 0.5,
            "max_delay": "1h", "give_up_on": "OSError", "outside_window": "skip",
        },
    )  # fmt: skip
    stored = json.loads(json.dumps(policy.to_dict()))
    assert Policy.from_dict(stored) == policy
    again = policy_with(BASE, {"retry": policy.retry})
    assert again.retry == policy.retry
