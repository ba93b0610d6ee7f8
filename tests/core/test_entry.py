"""What to call, and when people mean it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin.core.entry import Entry, parse_target
from tocsin.core.errors import InvalidEntry, InvalidSchedule
from tocsin.core.schedule import Once, cron, every
from tocsin.core.when import to_schedule


def test_the_map_of_the_prototype_goes_both_ways() -> None:
    data = {"module": "myapp", "function": "ring", "args": [1, "a"], "kwargs": {"x": 2}}
    assert Entry.from_map(data).to_map() == data
    assert Entry.from_map({"handler": "h"}).to_map() == {"handler": "h", "args": []}


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_no_arguments_are_written_in_many_ways(nothing: Any) -> None:
    assert Entry.from_map({"handler": "h", "args": nothing, "kwargs": None}).args == ()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"module": "m"},
        {"function": "f"},
        {"module": "", "function": "f"},
        {"handler": ""},
        {"handler": "h", "module": "m", "function": "f"},
        {"handler": "h", "arguments": []},
        {"handler": "h", "args": "text"},
        {"handler": "h", "args": b"bytes"},
        {"handler": "h", "args": 0},
        {"handler": "h", "args": {"a": 1}},
        {"handler": "h", "args": {1, 2}},
        {"handler": "h", "args": iter([1])},
        {"handler": "h", "kwargs": []},
        {"handler": "h", "kwargs": {1: 2}},
        {"handler": 5},
        {"handler": "a\0b"},
        {"handler": "\ud800"},
        {"handler": "a\nb"},
        {"handler": "x" * 2_000},
        {"module": "m", "function": 5},
    ],
)
def test_an_entry_that_names_no_call_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidEntry):
        Entry.from_map(data)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("myapp.reports:nightly", ("myapp.reports", "nightly")),
        ("m:A.b", ("m", "A.b")),
        ("report.build", None),
        (":f", None),
        ("m:", None),
    ],
)
def test_a_target_is_a_path_or_a_handlers_key(text: str, path: Any) -> None:
    assert parse_target(text) == path


def test_people_write_times_in_many_ways() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    assert to_schedule(moment) == to_schedule(moment.timestamp()) == to_schedule(1_772_323_200)
    assert to_schedule("10:30pm") == Once(phrase="10:30pm")
    assert to_schedule({"kind": "every", "interval": 5_000_000}) == every("5s")
    rule = cron("0 9 * * *")
    assert to_schedule(rule) is rule


@pytest.mark.parametrize(
    "nonsense",
    [None, True, [], object(), {"kind": "lunar"}, {}, float("nan"), datetime(2026, 3, 1), "soon"],  # noqa: DTZ001 - that is the mistake
)
def test_what_is_no_time_is_refused(nonsense: Any) -> None:
    with pytest.raises(InvalidSchedule):
        to_schedule(nonsense)
