"""Events are kept for ever: older versions are lifted, and what is newer says what to do."""

import json
from typing import Any, ClassVar

import pytest

from tocsin.core import commands as c
from tocsin.core import events as e
from tocsin.core.errors import UnknownEvent

pytestmark = pytest.mark.databases


@pytest.fixture
def third_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the meaning of TaskPaused had changed twice since the first version.

    It called its reason `why` at first, and then had it in capitals.
    """
    monkeypatch.setattr(e.TaskPaused, "version", 3)
    monkeypatch.setattr(
        e,
        "UPCASTERS",
        {
            ("TaskPaused", 1): lambda data: {"reason": data["why"]},
            ("TaskPaused", 2): lambda data: {"reason": data["reason"].lower()},
        },
    )


def paused(desk: Any) -> int:
    task_id = desk.order(key="a")
    desk.ask(c.PauseTask("a", "x"))
    return int(task_id)


def store(desk: Any, version: int, data: object, kind: str = "TaskPaused") -> None:
    """Put something else in the place of the latest event."""
    text = data if isinstance(data, str) else json.dumps(data)
    desk.meddle(
        "UPDATE events SET type = ?, version = ?, data = ? WHERE id = (SELECT max(id) FROM events)",
        kind,
        version,
        text,
    )


@pytest.mark.usefixtures("third_version")
@pytest.mark.parametrize(
    ("version", "data"),
    [(1, {"why": "HOLIDAYS"}), (2, {"reason": "HOLIDAYS"}), (3, {"reason": "holidays"})],
)
def test_a_stored_older_event_is_read_as_todays(desk: Any, version: int, data: object) -> None:
    task_id = paused(desk)
    store(desk, version, data)
    latest = desk.queries.events(task_id=task_id)[-1].event
    assert latest == e.TaskPaused(
        at=desk.clock.now(), tenant="default", task_id=task_id, reason="holidays"
    )


def test_each_type_is_written_with_its_own_version(desk: Any, third_version: None) -> None:
    paused(desk)
    rows = desk.rows("SELECT type, version FROM events ORDER BY id")
    assert rows == [("TaskScheduled", 1), ("TaskPaused", 3)]


@pytest.mark.parametrize(
    ("kind", "version", "data", "says"),
    [
        (
            "TaskPaused",
            9,
            {},
            "event 2 .* TaskPaused of version 9, and this Tocsin knows 1: upgrade",
        ),
        ("TaskPainted", 1, {}, "event 2 .* knows no TaskPainted: upgrade"),
        ("TaskCancelled", 0, {}, "event 2 .* version 0 cannot be read .*restore"),
        ("RunStarted", 1, {}, "event 2 .* cannot be read .*attempt.*restore"),
        ("TaskPaused", 1, "{", "event 2 .* damaged .*restore"),
        ("TaskPaused", 1, [1], "event 2 .* cannot be read .*restore"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(
    desk: Any, kind: str, version: int, data: object, says: str
) -> None:
    paused(desk)
    store(desk, version, data, kind)
    with pytest.raises(UnknownEvent, match=says):
        desk.queries.events()


def test_fields_that_a_newer_one_added_do_not_matter(desk: Any) -> None:
    paused(desk)
    store(desk, 1, {"reason": "why", "colour": "red"})
    assert desk.queries.events()[-1].event.reason == "why"


def test_every_old_version_has_its_upcaster() -> None:
    missing = [
        (kind, older)
        for kind, event in e.TYPES.items()
        for older in range(1, event.version)
        if (kind, older) not in e.UPCASTERS
    ]
    assert missing == []


def test_a_type_of_events_that_lacks_an_upcaster_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Renamed(e.Event, frozen=True, kw_only=True):
        type: ClassVar[str] = "Renamed"
        version: ClassVar[int] = 2

    monkeypatch.setitem(e.TYPES, "Renamed", Renamed)
    with pytest.raises(AssertionError):
        test_every_old_version_has_its_upcaster()
