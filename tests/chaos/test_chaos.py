"""Short versions of the campaigns and of the restart benchmark; the long ones are for release."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CAMPAIGN = Path(__file__).with_name("campaign.py")
JUMPS = Path(__file__).with_name("jumps.py")
STOPS = Path(__file__).with_name("stops.py")
RESTARTS = Path(__file__).resolve().parents[2] / "benchmarks" / "restarts.py"


def run(script: Path, *words: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), *words],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    result: dict[str, object] = json.loads(done.stdout)
    return result


@pytest.mark.slow
def test_a_service_in_which_everything_is_crashed_and_hung_accounts_for_every_slot() -> None:
    result = run(CAMPAIGN, "--seconds", "8", "--tasks", "150")
    assert result["problems"] == []
    assert isinstance(result["restarts"], int)
    assert result["restarts"] > 5, "it was attacked"
    assert isinstance(result["slots"], int)
    assert result["slots"] > 500, "there was something to lose"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler for wallclock.c")
@pytest.mark.skipif(sys.platform != "linux", reason="the loader cannot be asked to preload here")
def test_a_service_whose_clock_jumps_and_which_is_stopped_runs_nothing_twice_and_goes_on() -> None:
    result = run(JUMPS, "--jumps", "8", "--stops", "2", "--seed", "1", "--within", "15")
    assert result["problems"] == []
    assert result["steps_recorded"] == 8
    assert isinstance(result["calls"], int)
    assert result["calls"] > 60, "there was something to get wrong"


@pytest.mark.slow
def test_a_service_stopped_from_eight_threads_under_load_loses_nothing_that_it_accepted() -> None:
    result = run(STOPS, "--rounds", "3", "--seed", "2")
    assert result["problems"] == []
    assert isinstance(result["interrupted"], int)
    assert result["interrupted"] > 0, "something was in the midst of its work"


@pytest.mark.slow
def test_two_thousand_restarts_leave_nothing_behind() -> None:
    result = run(RESTARTS, "--restarts", "2000")
    assert result["restarts"] == 2000
