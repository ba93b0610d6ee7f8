"""The page about storage names every table, every check and every setting that there is."""

import re
from pathlib import Path

from tocsin.core.config import parse_config
from tocsin.core.findings import Finding
from tocsin.core.retention import EVENTS, HISTORY, parse_keep
from tocsin.storage.models import TABLES

PAGE = (Path(__file__).parent.parent / "docs" / "storage.md").read_text(encoding="utf-8")


def test_every_table_is_explained() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`([a-z_]+)`", " ".join(row.split("|")[1] for row in rows)))
    assert {table._meta.table_name for table in TABLES} <= named


def test_every_check_of_the_doctor_is_explained() -> None:
    checks = re.findall(r"`([a-z]+)`", str(Finding.__doc__).partition("text:")[0])
    assert len(checks) == 8
    for check in checks:
        assert f"| `{check}` |" in PAGE


def test_what_the_page_calls_the_defaults_are_the_defaults() -> None:
    retention, job = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    storage = parse_config(retention, environ={}).storage
    default = parse_config("", environ={}).storage
    assert (storage.history, storage.events) == (default.history, default.events)
    assert storage.history == parse_keep(HISTORY)
    assert storage.events == parse_keep(EVENTS)
    assert "backup" in parse_config(job, environ={}).jobs
