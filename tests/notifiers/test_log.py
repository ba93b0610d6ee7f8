"""The notifier that writes to the log."""

from collections.abc import Iterator

import pytest
from loguru import logger

from tocsin.core.notification import Notification
from tocsin.notifiers.base import Receipt, build


@pytest.fixture
def lines() -> Iterator[list[str]]:
    found: list[str] = []
    sink = logger.add(
        lambda line: found.append(line.rstrip("\n")), format="{level} {message}", level=0
    )
    yield found
    logger.remove(sink)


def test_a_notification_is_one_visible_line(lines: list[str]) -> None:
    receipt = build("log", "log", {}).send(Notification("Take the bread out", title="Kitchen"))
    assert lines == ["INFO 🔔 Kitchen: Take the bread out"]
    assert receipt == Receipt()


def test_it_is_heard_although_the_library_keeps_quiet(lines: list[str]) -> None:
    logger.disable("tocsin")
    build("log", "log", {}).send(Notification("Fire"))
    assert lines == ["INFO 🔔 Fire"]


def test_what_stands_out_is_shown(lines: list[str]) -> None:
    note = Notification("Fire", priority="emergency", url="https://example.org")
    build("log", "log", {"level": "critical"}).send(note)
    assert lines == ["CRITICAL 🔔 [emergency] Fire (https://example.org)"]


def test_no_message_can_forge_a_second_line_or_colour_the_terminal(lines: list[str]) -> None:
    build("log", "log", {}).send(Notification("a\r\nERROR b\x1b[31m\u2028c\ud800", title="x\ny"))
    assert lines == ["INFO 🔔 x y: a ERROR b [31m c "]


def test_braces_and_markup_are_shown_as_they_are(lines: list[str]) -> None:
    build("log", "log", {}).send(Notification("{0} {x} <red>y</red>"))
    assert lines == ["INFO 🔔 {0} {x} <red>y</red>"]
