import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.errors import NotificationDelayed, NotificationRefused
from tocsin.executors.describe import clip, describe_error, describe_result

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


class Hostile:
    def __repr__(self) -> str:
        raise SystemExit("gotcha")


def raised(error: Exception) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from strings([*value.keys(), *value.values()])
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


@given(JSON)
@example(r"\u0000")
@example("\\\0")
def test_every_result_becomes_small_storable_json(value: Any) -> None:
    described = describe_result(value)
    text = json.dumps(described, allow_nan=False, ensure_ascii=False)
    assert len(text.encode()) < 10_000
    assert not any("\0" in found for found in strings(described))


@given(st.text(), st.integers(min_value=20, max_value=100))
def test_clipped_text_is_short_and_clean(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert len(clipped.encode()) <= limit
    assert "\0" not in clipped


@pytest.mark.parametrize(
    "value", [None, True, 0, 1.5, "text", r"\u0000", [1, [2]], {"a": {"b": None}}]
)
def test_small_json_is_kept_as_it_is(value: Any) -> None:
    assert describe_result(value) == value


def test_a_result_is_a_copy() -> None:
    value = [1]
    described = describe_result(value)
    value.append(2)
    assert described == [1]


def test_a_tuple_becomes_a_list_and_a_number_as_key_a_string() -> None:
    assert describe_result({1: (2, 3)}) == {"1": [2, 3]}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (object, "<class 'object'>"),
        ({1, 2}, "{1, 2}"),
        (math.nan, "nan"),
        (b"bytes", "b'bytes'"),
        ("nul \0", r"'nul \x00'"),
        ("lone \ud800", r"'lone \ud800'"),
        (Hostile(), "<Hostile without a repr>"),
        ([Hostile()], "<list without a repr>"),
    ],
)
def test_what_is_not_json_becomes_its_repr(value: Any, shown: str) -> None:
    assert describe_result(value) == shown


def test_large_results_are_cut() -> None:
    assert describe_result("x" * 4000) == "x" * 4000
    assert len(describe_result("x" * 5000)) <= 4096
    assert describe_result(list(range(10**6))).endswith("99, ...]")
    assert len(describe_result(10**4500)) <= 4096


def test_a_result_that_contains_itself_or_is_too_deep_is_described() -> None:
    loop: list[Any] = []
    loop.append(loop)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert describe_result(loop).startswith("[[")
    assert describe_result(deep).startswith("[[")


def test_an_error_is_text_kind_and_a_traceback_without_local_values() -> None:
    secret = "hunter" + "2"

    def leaf(password: str) -> None:
        raise ValueError("wrong")

    try:
        leaf(secret)
    except ValueError as error:
        failed = describe_error(error)
    assert (failed.error, failed.kind, failed.retryable) == ("wrong", "ValueError", True)
    assert "in leaf" in failed.traceback
    assert secret not in failed.traceback


def test_an_error_without_a_message_shows_its_kind() -> None:
    assert describe_error(KeyboardInterrupt()).error == "KeyboardInterrupt"


def test_huge_messages_are_cut_and_the_traceback_still_shows_where() -> None:
    failed = describe_error(raised(ValueError("x" * 10**6)))
    assert len(failed.error.encode()) <= 2048
    assert len(failed.traceback.encode()) <= 8192
    assert "test_describe.py" in failed.traceback


def test_an_error_that_forbids_another_attempt_is_not_retryable() -> None:
    assert not describe_error(NotificationRefused("invalid token")).retryable
    assert describe_error(NotificationDelayed("busy")).retryable


@pytest.mark.parametrize(
    ("seconds", "microseconds"),
    [(None, None), (1.5, 1_500_000), (0, 0), (-1, None), (math.inf, None), (math.nan, None)],
)
def test_the_seconds_to_wait_become_microseconds(
    seconds: float | None, microseconds: int | None
) -> None:
    error = NotificationDelayed("busy", retry_after=seconds)
    assert describe_error(error).retry_after == microseconds


@pytest.mark.parametrize("value", ["5", True, [5]])
def test_a_time_to_wait_that_is_no_number_is_ignored(value: Any) -> None:
    error = ValueError("x")
    error.retry_after = value  # type: ignore[attr-defined]
    assert describe_error(error).retry_after is None


def test_a_long_chain_of_errors_is_described() -> None:
    error: BaseException = ValueError("first")
    for number in range(2000):
        following = ValueError(number)
        following.__cause__ = error
        error = following
    assert len(describe_error(error).traceback.encode()) <= 8192
