"""Lets a year pass for fifty tasks, a day for a thousand, days of outage: `make simulation`.

    python tests/simulation/simulate.py [SEED]

The product runs on a moved clock with random downtimes; an independent model says what should have
happened. Exits with 1 when an occurrence is missing, doubled or treated differently.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim_policy import Downtime
from sim_tasks import DAY, HOUR, MINUTE, SECOND, Spec, always_busy, day_of_many, year_of_fifty
from sim_world import World, differences, random_downtimes

NEW_YEAR = 1_767_225_600 * SECOND
"""2026-01-01 00:00 UTC."""

AUTUMN = 1_792_886_400 * SECOND
"""2026-10-25 00:00 UTC: clocks are set back in Berlin an hour later."""


MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where a database is quick: no power fails here."""


@dataclass(frozen=True)
class Story:
    """What is simulated."""

    name: str
    specs: Sequence[Spec]
    downtimes: Sequence[Downtime]
    start: int
    end: int


def year(seed: int, start: int = NEW_YEAR, days: int = 366, count: int = 50) -> Story:
    """Weeks or months of tasks of many kinds."""
    end = start + days * DAY
    downtimes = random_downtimes(start, end, max(3, days // 12), 5 * DAY, seed)
    specs = year_of_fifty(start, seed, count)
    return Story(f"{days} days of {count} tasks", specs, downtimes, start, end)


def day(seed: int, count: int = 1_000) -> Story:
    """The long day of the autumn, crowded."""
    end = AUTUMN + DAY
    downtimes = random_downtimes(AUTUMN, end, 6, 3 * HOUR, seed)
    specs = day_of_many(AUTUMN, seed, count)
    return Story(f"24 hours of {count} tasks", specs, downtimes, AUTUMN, end)


def outage(seed: int) -> Story:
    """Long downtimes of tasks that never rest, one of them over a change of the clock."""
    start, end = AUTUMN - DAY, AUTUMN + 4 * DAY
    downtimes = [
        Downtime(start + 30 * MINUTE, start + 2 * DAY + 50 * SECOND),
        Downtime(start + 2 * DAY + HOUR, end - HOUR + 7),
    ]
    return Story("5 days of outages", always_busy(start, seed), downtimes, start, end)


def simulate(story: Story, folder: Path, say: Callable[[str], None] = print) -> list[str]:
    """Live through a story and compare; the differences."""
    began = time.perf_counter()
    world = World(folder / "tocsin.db", story.start)
    try:
        world.order(story.specs)
        world.live(story.downtimes, story.end)
        lived = time.perf_counter()
        wrong, counted = differences(world, story.specs, story.downtimes, story.end)
    finally:
        world.close()
    said = ", ".join(f"{count:,} {name}" for name, count in counted.most_common())
    say(f"{story.name}, {len(story.downtimes)} downtimes: {said}")
    took = f"{lived - began:.0f} s for the product, {time.perf_counter() - lived:.0f} s the model"
    say(f"  {world.transactions:,} transactions; {took}; {len(wrong)} differences")
    for line in wrong[:20]:
        say(f"  {line}")
    return wrong


def main(arguments: list[str]) -> int:
    """All stories; 1 when product and model differ."""
    seed = int(arguments[0]) if arguments else 1
    wrong = []
    for story in (year(seed), day(seed), outage(seed)):
        with tempfile.TemporaryDirectory(prefix="tocsin-simulation-", dir=MEMORY) as folder:
            wrong += simulate(story, Path(folder))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
