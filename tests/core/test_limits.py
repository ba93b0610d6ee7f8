"""What a run has to wait for: rates, concurrency, resources, and its rank among others."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.clock import HOUR, MINUTE, SECOND
from tocsin.core.errors import InvalidTask
from tocsin.core.limits import Limit, Usage, check_resources, limits_of, rank
from tocsin.core.options import policy_with
from tocsin.core.policy import Policy
from tocsin.core.rate import Rate, parse_rate


@pytest.mark.parametrize(
    ("text", "amount", "period"),
    [
        ("10/minute", 10, MINUTE),
        ("10/m", 10, MINUTE),
        (" 10 / minute ", 10, MINUTE),
        ("1/10s", 1, 10 * SECOND),
        ("5 per 2 hours", 5, 2 * HOUR),
        ("100/day", 100, 24 * HOUR),
        ("3/1h30m", 3, 90 * MINUTE),
    ],
)
def test_a_rate_is_read_as_people_write_it(text: str, amount: int, period: int) -> None:
    assert parse_rate(text) == Rate(amount, period)


@pytest.mark.parametrize(
    "text", ["", "10", "ten/minute", "0/minute", "10/0s", "10/fortnight", "-1/s", "1/month", 10]
)
def test_what_is_no_rate_is_refused(text: Any) -> None:
    with pytest.raises(InvalidTask, match="rate"):
        parse_rate(text)


@given(
    rate=st.builds(Rate, st.integers(1, 5), st.integers(1, 50)),
    waits=st.lists(st.integers(0, 40), max_size=60),
)
def test_no_stretch_of_time_ever_sees_more_starts_than_the_rate(
    rate: Rate, waits: list[int]
) -> None:
    now, starts = 0, list[int]()
    for wait in waits:
        now = rate.next_start(starts, now + wait)
        starts.append(now)
    for first in starts:
        assert sum(first <= at < first + rate.period for at in starts) <= rate.amount


@given(
    rate=st.builds(Rate, st.integers(1, 5), st.integers(1, 50)),
    starts=st.lists(st.integers(0, 99), max_size=10).map(sorted),
    now=st.integers(0, 200),
)
def test_the_next_start_is_the_earliest_that_is_allowed(
    rate: Rate, starts: list[int], now: int
) -> None:
    def allowed(at: int) -> bool:
        return sum(min(start, now) > at - rate.period for start in starts) < rate.amount

    found = rate.next_start(starts, now)
    assert allowed(found)
    assert found == now or not allowed(found - 1)


def test_a_clock_set_back_delays_no_longer_than_one_period() -> None:
    assert Rate(1, MINUTE).next_start([100 * HOUR], now=HOUR) == HOUR + MINUTE


def _limits(capacities: dict[str, int] | None = None, **options: Any) -> tuple[Limit, ...]:
    return limits_of(policy_with(Policy(), options), "mail.send", capacities or {})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, []),
        ({"concurrency": 2}, ["concurrency limit of mail.send"]),
        ({"rate": "10/minute"}, ["rate limit 10/minute of mail.send"]),
        ({"rate": "1/s", "limit_key": "api"}, ["rate limit 1/s of api"]),
        ({"resources": "gpu"}, ["resource gpu"]),
        ({"resources": {"gpu": 2}}, ["resource gpu"]),
        ({"resources": ["gpu"], "concurrency": 1}, 2),
    ],
)
def test_a_task_needs_what_its_policy_says(options: dict[str, Any], words: Any) -> None:
    found = [limit.name for limit in _limits({"gpu": 2}, **options)]
    assert (len(found) if isinstance(words, int) else found) == words


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concurrency": 0}, "1 or more"),
        ({"concurrency": "2"}, "whole number|wrong kind"),
        ({"rate": "often"}, "10/minute"),
        ({"resources": {"gpu": 0}}, "1 or more"),
        ({"resources": {"": 1}}, "names with amounts"),
        ({"resources": {"gpu": 3}}, "3 of gpu are needed, there are 2"),
        ({"resources": "gqu"}, "did you mean 'gpu'"),
    ],
)
def test_what_can_never_be_met_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidTask, match=message):
        check_resources(policy_with(Policy(), options), {"gpu": 2})


def test_a_policy_with_limits_survives_json() -> None:
    policy = policy_with(Policy(), {"resources": {"b": 2, "a": 1}, "rate": "1/s", "concurrency": 3})
    assert policy.to_dict()["resources"] == {"a": 1, "b": 2}
    assert Policy.from_dict(policy.to_dict()) == policy


def test_who_needs_much_is_not_overtaken_by_those_who_need_little() -> None:
    usage = Usage()
    one, two = (_limits({"gpu": 2}, resources={"gpu": n}) for n in (1, 2))
    usage.take(one, 0)
    assert usage.wait(two, 0) is not None
    assert usage.wait(one, 0) is not None, "one is free, but it is kept for who waited longer"


def test_who_can_never_start_keeps_nothing_from_others() -> None:
    usage = Usage()
    never, one = (_limits({"gpu": 2}, resources={"gpu": n}) for n in (3, 1))
    assert usage.wait(never, 0) is not None
    assert usage.wait(one, 0) is None


@given(
    low=st.integers(-20, 20),
    step=st.integers(1, 20),
    waited=st.integers(0, 40 * MINUTE),
)
def test_what_waits_is_overtaken_for_no_longer_than_a_minute_a_step(
    low: int, step: int, waited: int
) -> None:
    overtaken = rank(low + step, waited) < rank(low, 0)
    assert overtaken == (waited < step * MINUTE)
