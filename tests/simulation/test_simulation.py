"""The simulation, short: a few weeks around the changes of the clocks, and a tenth of the day."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sim_policy
from sim_cron import cron_instants
from sim_policy import Downtime, Rules, fate
from sim_tasks import DAY, HOUR, SECOND, year_of_fifty
from sim_world import random_downtimes
from simulate import MEMORY, NEW_YEAR, Story, day, outage, simulate, year

MARCH = NEW_YEAR + 85 * DAY
"""27 March: Berlin's clocks go forward two days later, the southern ones back a week after that."""

OCTOBER = NEW_YEAR + 296 * DAY
"""24 October: Berlin's clocks go back a day later, New York's a week after that."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a database is quick."""
    with tempfile.TemporaryDirectory(prefix="tocsin-simulation-", dir=MEMORY) as name:
        yield Path(name)


@pytest.mark.parametrize(
    "story",
    [year(11, MARCH, 10), year(12, OCTOBER, 9), day(13, 60), outage(14)],
    ids=["spring", "autumn", "a day", "an outage"],
)
def test_every_occurrence_is_accounted_for_once_as_the_model_says(
    story: Story, folder: Path
) -> None:
    assert simulate(story, folder) == []


def test_a_model_with_another_rule_finds_the_difference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, end = NEW_YEAR, NEW_YEAR + 6 * DAY
    downtimes = random_downtimes(start, end, 4, 2 * DAY, 5)
    story = Story("a test", year_of_fifty(start, 5, 50), downtimes, start, end)
    monkeypatch.setattr(sim_policy, "MOST_CAUGHT_UP", 1)
    assert any("ran" in line for line in simulate(story, folder))


# ---------------------------------------------------------------- the model itself is right


def hours(instants: list[int], since: int) -> list[float]:
    return [(instant - since) / HOUR for instant in instants]


SPRING, AUTUMN = NEW_YEAR + 87 * DAY, NEW_YEAR + 297 * DAY
"""The days in UTC on which Berlin skips 02:00 to 03:00, at 01:00, and shows it twice."""


@pytest.mark.parametrize(
    ("expr", "dst", "spring", "autumn"),
    [
        ("30 2 * * *", "debian", [1.0], [0.5]),
        ("30 2 * * *", "skip", [], [0.5]),
        ("30 2 * * *", "both", [1.0], [0.5, 1.5]),
        ("*/30 2 * * *", "debian", [], [0.0, 0.5, 1.0, 1.5]),
        ("0 1-3 * * *", "debian", [0.0, 1.0], [0.0, 2.0]),
    ],
)
def test_the_model_knows_what_clocks_do(
    expr: str, dst: str, spring: list[float], autumn: list[float]
) -> None:
    for day_, expected in ((SPRING, spring), (AUTUMN, autumn)):
        found = cron_instants(expr, "Europe/Berlin", day_ - HOUR, day_ + 4 * HOUR, dst)
        assert [hour for hour in hours(found, day_) if hour >= 0] == expected


def test_the_model_knows_what_a_downtime_does() -> None:
    planned = [n * HOUR for n in range(1, 8)]
    down = [Downtime(2 * HOUR + 1, 5 * HOUR + 30 * SECOND)]
    missed = [3 * HOUR, 4 * HOUR, 5 * HOUR]
    one, skip, every = (
        fate(planned, Rules(catch_up=name), down, DAY) for name in ("one", "skip", "all")
    )
    assert one.left_out == [(missed[0], missed[1], 2, "coalesced")]
    assert skip.left_out == [(missed[0], missed[1], 2, "missed")]
    assert one.ran == skip.ran == [each for each in planned if each not in missed[:2]]
    assert (every.ran, every.left_out) == (planned, [])


def test_the_model_knows_that_a_lost_call_is_made_again() -> None:
    planned = [HOUR, 2 * HOUR]
    slow = fate(planned, Rules(takes=30 * 60 * SECOND), [Downtime(HOUR + 1, 2 * HOUR)], DAY)
    assert slow.again == [HOUR]
    assert slow.ran == [HOUR]
    assert [each[3].partition(":")[0] for each in slow.left_out] == ["overlap"]


def test_the_model_knows_that_a_call_that_is_lost_five_times_is_given_up() -> None:
    downtimes = [Downtime(n * HOUR + 1, n * HOUR + HOUR // 2) for n in range(1, 7)]
    slow = fate([HOUR, 8 * HOUR], Rules(takes=2 * HOUR), downtimes, DAY)
    assert slow.again == [HOUR] * 4
    assert slow.ran == [HOUR, 8 * HOUR]
