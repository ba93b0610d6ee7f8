"""What the tests of PostgreSQL share: servers that may be stopped, and a service on one."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import Server


@pytest.fixture(scope="module")
def _own_server() -> Iterator[Server]:
    server = Server(Path(tempfile.mkdtemp(prefix="frail-", dir=os.environ["TOCSIN_TEST_POSTGRES"])))
    server.make()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def frail(_own_server: Server) -> Iterator[Server]:
    """A server that only this test uses at this moment: it may be stopped and killed."""
    yield _own_server
    if not _own_server.running:
        _own_server.start()


@pytest.fixture
def frail_url(
    frail: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> str:
    """A fresh schema on it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return frail.new_schema(f"t{abs(hash(request.node.nodeid))}")
