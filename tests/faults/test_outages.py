"""A service loses what it stands on for a while, and nobody helps it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fault_outages import OUTAGES, suffer

LASTS = {"locked": 4.5}
"""Seconds: a lock is waited for before it counts as an outage."""

WITHIN = 15.0
"""Seconds: the campaign asks for 5, on a machine that does nothing else."""


PAIRS = list(zip(list(OUTAGES)[::2], list(OUTAGES)[1::2], strict=True))
"""Two services suffer side by side: each of them mostly waits."""


@pytest.mark.slow
@pytest.mark.parametrize("names", PAIRS, ids=", ".join)
def test_an_outage_shows_stops_everything_loses_nothing_and_is_over_when_it_ends(
    tmp_path: Path, names: Sequence[str]
) -> None:
    lacking = {name: why for name in names if (why := OUTAGES[name].lacks()) is not None}
    tried = [name for name in names if name not in lacking]

    def suffered(name: str) -> dict[str, Any]:
        folder = tmp_path / name.replace(" ", "-")
        folder.mkdir()
        return suffer(folder, name, 1, seconds=LASTS.get(name, 2.5), within=WITHIN)

    with ThreadPoolExecutor(len(names)) as side_by_side:
        results = list(side_by_side.map(suffered, tried))
    for result in results:
        assert result["problems"] == [], result
        assert result["found"]["ack"] > 20
        assert result["found"]["effects"] > 20
    if lacking:
        pytest.skip(str(lacking))
