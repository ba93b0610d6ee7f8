"""How far apart a run is tried again, and after which errors it is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.clock import MINUTE, SECOND
from tocsin.core.errors import InvalidTask
from tocsin.core.options import policy_with
from tocsin.core.policy import Policy, Retry
from tocsin.core.retry import LONGEST_DELAY
from tocsin.core.schedule import every

CONNECTION = ("ConnectionResetError", "ConnectionError", "OSError", "Exception")


@pytest.mark.parametrize(
    ("retry", "minutes"),
    [
        (Retry(attempts=4), [1, 2, 4, 8, None]),
        (Retry(attempts=4, backoff="linear"), [1, 2, 3, 4, None]),
        (Retry(attempts=4, backoff="fixed"), [1, 1, 1, 1, None]),
        (Retry(attempts=4, max_delay=3 * MINUTE), [1, 2, 3, 3, None]),
        (Retry(attempts=0), [None]),
    ],
)
def test_the_delays_follow_the_backoff(retry: Retry, minutes: list[int | None]) -> None:
    delays = [retry.delay_before(attempt) for attempt in range(2, 2 + len(minutes))]
    assert delays == [None if m is None else m * MINUTE for m in minutes]


@given(
    jitter=st.floats(0, 1),
    seed=st.integers(0, 1 << 62),
    attempt=st.integers(2, 100),
    longest=st.none() | st.integers(0, LONGEST_DELAY),
)
def test_jitter_only_shortens_and_is_always_the_same(
    jitter: float, seed: int, attempt: int, longest: int | None
) -> None:
    retry = Retry(attempts=100, jitter=jitter, max_delay=longest)
    plain = Retry(attempts=100, max_delay=longest).delay_before(attempt)
    delay = retry.delay_before(attempt, seed)
    assert delay is not None
    assert plain is not None
    assert (1 - jitter) * plain - 1 <= delay <= plain
    assert delay == retry.delay_before(attempt, seed)


def test_jitter_spreads_runs_that_failed_together() -> None:
    retry = Retry(jitter=0.5, delay=100 * SECOND)
    delays = sorted(retry.delay_before(2, run_id) or 0 for run_id in range(1_000))
    assert 50 * SECOND < delays[0] < 52 * SECOND
    assert 98 * SECOND < delays[-1] <= 100 * SECOND
    assert 73 * SECOND < delays[500] < 77 * SECOND


@pytest.mark.parametrize(
    ("filters", "kinds", "objection"),
    [
        ({}, ("ValueError",), None),
        ({"retry_on": "ConnectionError"}, CONNECTION, None),
        ({"retry_on": ["OSError", "KeyError"]}, CONNECTION, None),
        ({"retry_on": ConnectionError}, ("ValueError", "Exception"),
         "ValueError is not in retry_on"),
        ({"retry_on": "ConnectionError"}, (), "the error is not in retry_on"),
        ({"give_up_on": "ValueError"}, ("ValueError", "Exception"), "ValueError is in give_up_on"),
        ({"give_up_on": [OSError]}, CONNECTION, "OSError is in give_up_on"),
        ({"give_up_on": "ValueError"}, CONNECTION, None),
        ({"retry_on": "Exception", "give_up_on": "OSError"}, CONNECTION,
         "OSError is in give_up_on"),
    ],
)  # fmt: skip
def test_some_errors_are_not_worth_another_try(
    filters: dict[str, Any], kinds: tuple[str, ...], objection: str | None
) -> None:
    assert policy_with(Policy(), filters).retry.objection(kinds) == objection


def test_why_a_run_was_not_tried_again_is_recorded(story: Any) -> None:
    story.order(every("5m"), options={"give_up_on": "ValueError"})
    story.ring(after=5 * MINUTE)
    run = story.claim()
    story.finish(run, "failed", error="ValueError: no", kinds=("ValueError", "Exception"))
    assert (run.status, run.attempt) == ("failed", 1)
    assert run.reason == "not tried again: ValueError is in give_up_on"


def test_an_error_that_is_worth_it_is_tried_again(story: Any) -> None:
    story.order(every("5m"), options={"retry_on": "OSError", "retry_delay": "10s", "jitter": 1})
    story.ring(after=5 * MINUTE)
    run = story.claim()
    story.finish(run, "failed", kinds=CONNECTION)
    assert run.status == "pending"
    assert story.now <= run.ready_at <= story.now + 10 * SECOND
    assert run.reason is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"delay": -1}, "delay cannot be negative"),
        ({"jitter": 1.5}, "share from 0 to 1"),
        ({"jitter": -0.1}, "share from 0 to 1"),
        ({"max_delay": -1}, "max_delay cannot be negative"),
        ({"retry_on": ("A",), "give_up_on": ("B", "A")}, "A stands in retry_on and in give_up_on"),
    ],
)
def test_a_retry_rule_that_cannot_be_meant_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidTask, match=words):
        Retry(**changes)
