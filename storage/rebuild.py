"""`rebuild`: the tables of tasks, runs and dependencies, folded from the log once more."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .database import Database
from .folding import fold
from .horizons import EVENTS, horizon
from .projections import PROJECTIONS, Difference, Fresh
from .rearming import rearm

SHOWN = 100
"""Differences that are kept for showing; all are counted."""


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild found.

    Attributes:
        events: how many it read.
        rows: table -> how many rows the log makes.
        differing: table -> how many of its rows were not what the log says.
        differences: the first of them.
        swapped: whether the fresh tables are live now.
        rearmed: how many alarms did not agree with the tasks, and were set.
    """

    events: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    differing: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    swapped: bool = False
    rearmed: int = 0

    @property
    def ok(self) -> bool:
        """Whether the tables were what the log says."""
        return not self.differing

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "ok": self.ok,
            "events": self.events,
            "rows": self.rows,
            "differing": {name: self.differing[name] for name in self.rows},
            "differences": [each.to_dict() for each in self.differences],
            "swapped": self.swapped,
            "rearmed": self.rearmed,
        }


Progress = Callable[[str, int, int], object]
"""Told what is done now, how much of it is done, and how much there is."""


def rebuild(
    database: Database, *, check: bool, now: int = 0, progress: Progress = lambda *_: None
) -> Rebuilt:
    """Fold the log into fresh tables and compare them with the live ones; then swap them in.

    Args:
        database: migrated already. Nobody else may serve it, unless `check`.
        check: compare only. What is compared is one state of the database, whoever writes
            meanwhile.
        now: the present instant; what the tasks wait for after it gets its alarm.
        progress: told how far it is.

    Raises:
        UnknownEvent: the log cannot be read or folded; nothing was changed.
    """
    found = Rebuilt()
    with database.snapshot() if check else database.transaction() as connection:
        fresh = Fresh(database, connection, temporary=check)
        after = horizon(connection, EVENTS)
        row = connection.execute("SELECT max(id) FROM events").fetchone()
        total = max(0, (row[0] or 0) - after)  # as a measure: ids have few gaps

        def seen(count: int) -> None:
            found.events += count
            progress("fold", found.events, total)

        fresh.fill(fold(connection, seen))
        for projection in PROJECTIONS:
            name = projection.name
            found.rows[name] = fresh.count(projection)
            progress(f"compare {name}", 0, found.rows[name])
            for each in fresh.differences(projection):
                found.differing[name] += 1
                if len(found.differences) < SHOWN:
                    found.differences.append(each)
        if check:
            for projection in PROJECTIONS:
                fresh.drop(projection)
        else:
            progress("swap", 0, 0)
            fresh.swap_in()
            found.swapped = True
            found.rearmed = rearm(connection, now)
    return found
