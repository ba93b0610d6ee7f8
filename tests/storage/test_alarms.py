"""Raw alarms and the near-term window."""

from typing import Any

import pytest

from tocsin.core.clock import MINUTE, SECOND
from tocsin.storage.alarms import AlarmStore

pytestmark = pytest.mark.databases

NOW = 1_772_442_000 * SECOND


@pytest.fixture
def store(desk: Any) -> AlarmStore:
    return AlarmStore(desk.database)


def test_set_alarms_get_rising_ids_and_lie_in_the_window(store: AlarmStore) -> None:
    ids, gone = store.change([(NOW + 3, "a", "1"), (NOW + 1, "b", "2"), (NOW + 2, "c", "3")], [])
    assert (ids, gone) == ([1, 2, 3], set())
    assert [alarm.id for alarm in store.window(NOW + 10, 10)] == [2, 3, 1]
    assert [alarm.id for alarm in store.window(NOW + 3, 10)] == [2, 3], "until is not included"
    assert [alarm.id for alarm in store.window(NOW + 10, 2)] == [2, 3]


def test_overdue_alarms_are_always_in_the_window(store: AlarmStore) -> None:
    store.change([(1, "a", "0")], [])
    assert [alarm.due_at for alarm in store.window(NOW, 10)] == [1]


def test_a_cancelled_alarm_is_gone_and_its_id_is_not_used_again(store: AlarmStore) -> None:
    store.change([(NOW, "a", "0")], [])
    assert store.change([], [1, 99, 1 << 70]) == ([], {1})
    assert store.change([], [1]) == ([], set())
    assert store.change([(NOW, "a", "0")], []) == ([2], set())


def test_a_tasks_alarm_is_neither_cancelled_nor_claimed_as_a_raw_one(
    desk: Any, store: AlarmStore
) -> None:
    desk.order()
    ((alarm_id,),) = desk.rows("SELECT id FROM alarms")
    desk.clock.instant += 10 * MINUTE
    assert store.change([], [alarm_id]) == ([], set())
    assert store.claim([alarm_id], desk.clock.now(), "life 1") == []
    assert desk.alarms()
    (alarm,) = store.window(desk.clock.now() + 1, 10)
    assert (alarm.id, alarm.task_id) == (alarm_id, 1)


def test_a_claim_takes_what_is_due_and_counts_the_delivery(store: AlarmStore) -> None:
    store.change([(NOW, "a", '{"wake":"up"}'), (NOW + 1, "b", "null")], [])
    (raw,) = store.claim([1, 2, 99], NOW, "life 1")
    assert (raw.id, raw.due_at, raw.target, raw.message, raw.attempt) == (
        1, NOW, "a", {"wake": "up"}, 1,
    )  # fmt: skip
    (again,) = store.claim([1], NOW, "life 2")
    assert again.attempt == 2, "not settled: it is delivered again rather than never"


def test_settling_removes_what_was_delivered_and_moves_the_rest(store: AlarmStore) -> None:
    store.change([(NOW, "a", "0"), (NOW, "b", "0")], [])
    store.claim([1, 2], NOW, "life 1")
    store.settle([1], [(NOW + SECOND, 2)])
    assert [(alarm.id, alarm.due_at) for alarm in store.window(NOW + MINUTE, 9)] == [
        (2, NOW + SECOND)
    ]
    assert store.claim([2], NOW, "life 1") == [], "not due any more"


def test_a_message_that_cannot_be_read_stops_no_other(desk: Any, store: AlarmStore) -> None:
    store.change([(NOW, "a", "1"), (NOW, "b", "2")], [])
    desk.meddle("UPDATE alarms SET message = '{broken' WHERE id = 1")
    claimed = store.claim([1, 2], NOW, "life 1")
    assert [raw.id for raw in claimed] == [1, 2]
    assert claimed[1].message == 2


def test_thousands_of_ids_are_one_statement(store: AlarmStore) -> None:
    ids, _ = store.change([(NOW, "a", "0")] * 5_000, [])
    assert len(store.claim(ids, NOW, "life 1")) == 5_000
    store.settle(ids, [])
    assert store.window(NOW + 1, 10) == []
