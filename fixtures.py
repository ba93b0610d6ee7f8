"""Pytest fixtures for programs that use Tocsin: `pytest_plugins = ["tocsin.fixtures"]`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .testing import ManualTocsin, SettableClock


@pytest.fixture
def settable_clock() -> SettableClock:
    """A clock that stands still until it is moved."""
    return SettableClock()


@pytest.fixture
def manual_tocsin(tmp_path: Path, settable_clock: SettableClock) -> Iterator[ManualTocsin]:
    """A started service on a fresh database that runs only when its time is advanced."""
    with ManualTocsin(f"sqlite:///{tmp_path}/tocsin.db", clock=settable_clock) as app:
        yield app
