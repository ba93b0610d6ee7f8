"""A service loses what it stands on for a while, and nobody helps it."""

from pathlib import Path

import pytest
from fault_outages import OUTAGES, suffer

LASTS = {"locked": 4.5}
"""Seconds: a lock is waited for before it counts as an outage."""

WITHIN = 15.0
"""Seconds: the campaign asks for 5, on a machine that does nothing else."""


@pytest.mark.slow
@pytest.mark.parametrize("name", OUTAGES)
def test_an_outage_shows_stops_everything_loses_nothing_and_is_over_when_it_ends(
    tmp_path: Path, name: str
) -> None:
    lacks = OUTAGES[name].lacks()
    if lacks is not None:
        pytest.skip(lacks)
    result = suffer(tmp_path, name, 1, seconds=LASTS.get(name, 2.5), within=WITHIN)
    assert result["problems"] == [], result
    assert result["found"]["ack"] > 20
    assert result["found"]["effects"] > 20
