"""How a job of the configuration runs: its rules, and what is told about bad ones."""

import pytest
from job_tables import CALL, DAILY, load, mistakes

from tocsin.core.clock import MINUTE, SECOND
from tocsin.core.config import parse_config
from tocsin.core.errors import InvalidConfig
from tocsin.core.policy import Policy, Retry


def test_a_job_that_says_nothing_follows_the_scheduler() -> None:
    top = '[scheduler]\ndefault_timeout = "7m"\nretry_attempts = 2\nretry_delay = "9s"\n'
    assert load(DAILY + CALL, top).policy == Policy(
        retry=Retry(attempts=2, delay=9 * SECOND), timeout=7 * MINUTE
    )


def test_a_reminder_is_tried_again_within_seconds() -> None:
    top = '[scheduler]\nretry_attempts = 0\nretry_delay = "1h"\n'
    retry = load(DAILY + 'remind = "Hi"', top).policy.retry
    assert retry == Retry(attempts=8, delay=5 * SECOND, backoff="exponential")


def test_every_rule_can_be_written() -> None:
    assert load(f"""{DAILY}{CALL}
        timeout = "15m"
        retry = {{ attempts = 1, delay = "10s", backoff = "linear" }}
        overlap = "allow"
        catch_up = "all"
        max_runs = 5
        on_exhausted = "disable"
        delivery = "at_most_once"
        priority = -3
        notify_failure = ["phone", "log"]
    """).policy == Policy(
        retry=Retry(1, 10 * SECOND, "linear"),
        timeout=15 * MINUTE,
        max_runs=5,
        catch_up="all",
        overlap="allow",
        on_exhausted="disable",
        delivery="at_most_once",
        priority=-3,
        notify_failure=("phone", "log"),
    )


def test_a_part_of_a_retry_leaves_the_rest_to_the_defaults() -> None:
    top = '[scheduler]\nretry_attempts = 2\nretry_delay = "9s"\n'
    assert load(DAILY + CALL + "retry.attempts = 7", top).policy.retry == Retry(7, 9 * SECOND)
    assert load(DAILY + "remind = 'x'\nretry = { delay = 0 }").policy.retry == Retry(8, 0)


def test_retries_and_time_limits_can_be_switched_off() -> None:
    policy = load(DAILY + CALL + "retry = false\ntimeout = false").policy
    assert (policy.retry.attempts, policy.timeout) == (0, None)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ('timeout = "0s"', ["timeout: must be longer than nothing"]),
        ("timeout = true", ["timeout: the duration "]),
        ("retry = true", ["retry: must be false or { attempts = 3, "]),
        ("retry = 3", ["retry: must be false or { attempts = 3, "]),
        (
            'retry = { attempts = -1, dely = "1m" }',
            [
                "retry.attempts: must be 0 or more, not -1",
                "retry.dely: unknown key; did you mean 'delay'?",
            ],
        ),
        ('retry = { delay = "x" }', ["retry.delay: the duration 'x' is not a number with a unit"]),
        ("max_runs = 0", ["max_runs: must be 1 or more, not 0"]),
        (
            'overlap = "skpi"',
            [
                (
                    "overlap: must be 'skip', 'queue', 'allow' or 'cancel_running', not 'skpi';"
                    " did you mean"
                ),
            ],
        ),
        ('priority = "high"', ["priority: must be a whole number, not 'high'"]),
        (
            'notify_failure = ["phoen"]',
            ["notify_failure: there is no notifier 'phoen'; did you mean 'phone'?"],
        ),
        ('enabled = "no"', ["enabled: must be true or false, not 'no'"]),
        ("descripton = 'x'", ["descripton: unknown key; did you mean 'description'?"]),
    ],
)
def test_a_bad_rule_is_told_at_its_key(table: str, expected: list[str]) -> None:
    found = mistakes(DAILY + CALL + table)
    assert len(found) == len(expected)
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)


def test_no_mistake_in_a_table_hides_another() -> None:
    table = 'cron = "x"\ncall = "x"\nretry = 3\noverlap = "x"\nenabled = 3\nnope = 1\nend = 3'
    keys = [line.partition(":")[0] for line in mistakes(table)]
    assert keys == ["cron", "call", "retry", "overlap", "enabled", "nope", "end"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jobs = 3", "config.toml:1: jobs: must be a table; write [jobs.hello] and its schedule"),
        (
            "[jobs]\nx = 3",
            "config.toml:2: jobs.x: must be a table; write [jobs.x] and its schedule",
        ),
        ('[jobs.""]', 'config.toml:1: jobs."": a job needs a name; write [jobs.hello]'),
    ],
)
def test_what_is_no_job_is_told_so(text: str, expected: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_config(text, environ={})
    assert caught.value.problems == (expected,)
