"""What every test may use."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tocsin import Tocsin

# The suite says the same every time; `make fuzz` and `make simulation` look for what is new.
settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")

pytest_plugins = ["tocsin.fixtures"]

LIMIT = 15.0
"""Seconds that a test waits for an event before it fails."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that does not exist yet."""
    return f"sqlite:///{tmp_path}/tocsin.db"


@pytest.fixture
def app(url: str) -> Iterator[Tocsin]:
    """A service on a fresh database, not started; stopped at the end whatever happens."""
    service = Tocsin(url, grace=0.2)
    yield service
    service.stop()
