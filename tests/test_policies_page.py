"""The page about policies shows what its examples really print."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "policies.md").read_text(encoding="utf-8")
SETUP, *_ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = re.findall(r"```python\n([^`]*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


def test_every_rule_has_its_example() -> None:
    assert len(EXAMPLES) == PAGE.count("\n## ")


@pytest.mark.parametrize(("code", "shown"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_prints_what_the_page_shows(code: str, shown: str) -> None:
    names: dict[str, Any] = {"__name__": "page"}
    printed = io.StringIO()
    exec(compile(SETUP, "setup", "exec"), names)
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "example", "exec"), names)
    finally:
        names["app"].stop()
    lines = [line.rstrip() for line in printed.getvalue().splitlines()]
    assert lines == [line.rstrip() for line in shown.splitlines()]
