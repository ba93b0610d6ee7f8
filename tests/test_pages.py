"""The page about schedules cannot rot: its examples are run, and they print what it says."""

import runpy
from pathlib import Path

from tocsin.core.config import parse_config

HERE = Path(__file__).parent
PAGE = (HERE.parent / "docs" / "schedules.md").read_text()
PAGES = runpy.run_path(str(HERE / "pages.py"))
VECTORS = runpy.run_path(str(HERE / "vectors.py"))


def test_every_example_prints_what_the_page_says() -> None:
    assert PAGES["fresh"](PAGE) == PAGE, "write it anew: python tests/pages.py docs/schedules.md"


def test_a_wrong_output_in_a_page_is_found() -> None:
    block = '```console\n$ tocsin next "@daily" --after 2026-03-01T12:00 -n 1\n{}\n```'
    right = block.format("Mon 2026-03-02 00:00:00\n\nTimes in UTC.")
    assert PAGES["fresh"](right) == right
    assert PAGES["fresh"](block.format("Tue 2026-03-03 00:00:00\n\nTimes in UTC.")) == right
    assert PAGES["fresh"]("```pycon\n>>> 1 + 1\n3\n```") == "```pycon\n>>> 1 + 1\n2\n```"


def test_the_first_configuration_of_the_page_is_sound() -> None:
    table = PAGE.split("```toml\n")[1].split("```")[0]
    job = parse_config(table, environ={}).jobs["stand-up"]
    assert job.schedule.kind == "excluding"


def test_every_exception_to_the_vectors_is_in_the_page() -> None:
    for name, reason in VECTORS["EXCEPTIONS"].items():
        assert name in PAGE
        assert reason in PAGE
