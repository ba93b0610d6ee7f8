"""A short version of a minute of restarts."""

from pathlib import Path

import pytest
from fault_postgres import campaign


@pytest.mark.slow
def test_a_service_lives_on_while_its_server_goes_and_comes(tmp_path: Path) -> None:
    result = campaign(tmp_path, 1, lambda _: None, seconds=8.0, every=2.0)
    slow = [problem for problem in result["problems"] if "after a restart took" in problem]
    assert result["problems"] == slow, "on a busy machine only time may be lost"
    assert result["restarts"] >= 3
    assert result["found"]["ack"] > 20
    assert result["found"]["effects"] > 20
