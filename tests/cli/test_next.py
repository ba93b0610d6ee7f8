"""`tocsin next`: when would that be?"""

from pathlib import Path
from typing import Any

import pytest

AFTER = ["--after", "2026-03-01T00:00:00Z"]


def test_cron_in_a_zone(cli: Any) -> None:
    found = cli.json("next", "0 9 * * 1", "--tz", "Europe/Berlin", *AFTER, "-n", "3")
    assert found == [
        "2026-03-02T09:00:00+01:00",
        "2026-03-09T09:00:00+01:00",
        "2026-03-16T09:00:00+01:00",
    ]


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        ("every 5m", "2026-03-01T00:05:00+00:00"),
        ("@daily", "2026-03-02T00:00:00+00:00"),
        ("*/30 * * * * *", "2026-03-01T00:00:30+00:00"),
        ("10:30pm", "2026-03-01T22:30:00+00:00"),
        ("in 10 minutes", "2026-03-01T00:10:00+00:00"),
        ("mon 08:00", "2026-03-02T08:00:00+00:00"),
    ],
)
def test_every_kind_of_time_is_read(cli: Any, expression: str, first: str) -> None:
    assert cli.json("next", expression, *AFTER)[0] == first


def test_the_configured_zone_is_used_and_named(cli: Any, folder: Path) -> None:
    (folder / "config.toml").write_text('[scheduler]\ntimezone = "Asia/Tokyo"')
    text = cli.says("next", "0 9 * * *", *AFTER, "-n", "2")
    # 00:00 in UTC is 09:00 in Tokyo, and "after" means strictly later
    assert text.startswith("Mon 2026-03-02 09:00:00 (")
    assert cli.json("next", "0 9 * * *", *AFTER)[0] == "2026-03-02T09:00:00+09:00"
    assert "Times in Asia/Tokyo." in text


def test_nothing_is_stored(cli: Any, folder: Path) -> None:
    cli.run("next", "every 5m")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["61 * * * *"], 1, "minute"),
        (["every fortnight"], 1, "fortnight"),
        (["half past nine"], 1, "tomorrow 9am"),
        (["* * * * *", "--tz", "Europe/Berln"], 1, "did you mean 'Europe/Berlin'?"),
        (["* * * * *", "--after", "soon"], 2, "is no date and time"),
        (["* * * * *", "-n", "0"], 2, "0"),
    ],
)
def test_what_is_not_understood_is_explained(
    cli: Any, words: list[str], code: int, complaint: str
) -> None:
    assert complaint in cli.complains("next", *words, code=code)


def test_a_time_that_the_clock_moved_is_marked(cli: Any) -> None:
    words = [
        "next",
        "30 2 * * *",
        "--tz",
        "Europe/Berlin",
        "--after",
        "2026-03-28T12:00",
        "-n",
        "2",
    ]
    first, second, *_ = cli.says(*words).splitlines()
    assert first.endswith("  moved: 02:30 does not exist on that day")
    assert second.endswith(")")
    assert cli.json(*words) == ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    assert cli.json(*words, "--notes") == [
        {
            "at": "2026-03-29T03:00:00+02:00",
            "note": "moved: 02:30 does not exist on that day",
        },
        {"at": "2026-03-30T02:30:00+02:00", "note": None},
    ]
