"""Many entries with keys are looked up together, and mean what each of them would mean alone."""

from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.schedule import every

pytestmark = pytest.mark.databases

KEYS = [f"job-{number}" for number in range(200)]


def entries(interval: str, keys: list[str]) -> c.NewEntries:
    return c.NewEntries(
        [c.NewEntry(every(interval), handler="report.build", key=key) for key in keys]
    )


def ids(answer: list[dict[str, Any]]) -> list[int]:
    return [each["scheduler_id"] for each in answer]


def test_entries_with_known_keys_change_their_tasks_and_make_none(desk: Any) -> None:
    first = ids(desk.ask(entries("5m", KEYS)))
    again = ids(desk.ask(entries("7m", KEYS)))
    assert again == first
    assert desk.rows("SELECT count(*) FROM tasks") == [(len(KEYS),)]


def test_known_and_new_keys_may_come_together_and_twice(desk: Any) -> None:
    first = ids(desk.ask(entries("5m", KEYS[:3])))
    mixed = ids(desk.ask(entries("5m", [*KEYS[:5], *KEYS[3:5]])))
    assert mixed[:3] == first
    assert mixed[3:5] == mixed[5:7]
    assert len(set(mixed)) == 5


def test_the_same_key_of_two_tenants_is_two_tasks(desk: Any) -> None:
    ours, theirs = (
        c.NewEntry(every("5m"), handler="report.build", key="job", tenant=tenant)
        for tenant in ("ours", "theirs")
    )
    assert len(set(ids(desk.ask(c.NewEntries([ours, theirs]))))) == 2
    assert len(set(ids(desk.ask(c.NewEntries([ours, theirs, ours]))))) == 2


@pytest.mark.only_sqlite("counts its statements")
def test_a_hundred_keys_take_one_look(desk: Any) -> None:
    desk.ask(entries("5m", KEYS))
    said: list[str] = []
    desk.database.connect().set_trace_callback(said.append)
    desk.ask(entries("5m", KEYS))
    desk.database.connect().set_trace_callback(None)
    assert len([each for each in said if each.startswith("SELECT")]) < 12
