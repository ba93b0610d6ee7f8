"""What becomes of each planned instant, said in a few rules of its own.

The model knows when the service was down and how long each call takes; it says which instants run
and which ranges of them are left out, and why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

GRACE = 60_000_000
MOST_CAUGHT_UP = 100
MOST_LOST = 5  # attempts; then the run is given up
OVERLAP = "overlap: the previous run is not finished"


@dataclass(frozen=True)
class Downtime:
    """Nobody is there after `since` and before `until`, in microseconds."""

    since: int
    until: int


@dataclass(frozen=True)
class Rules:
    """How one task is treated.

    Attributes:
        catch_up: "one", "skip" or "all".
        alone: whether an occurrence is left out while an earlier run is not finished.
        takes: how long a call takes, in microseconds; 0 where several runs may wait.
        limit: runs after which the task is over, None for none.
        recurring: False for a single moment.
    """

    catch_up: str = "one"
    alone: bool = True
    takes: int = 0
    limit: int | None = None
    recurring: bool = True


@dataclass
class Fate:
    """What became of a task's instants.

    Attributes:
        ran: the instants that ran.
        left_out: ranges that did not: first, last, how many, why.
        again: the instants whose call was lost in a crash and made again.
    """

    ran: list[int] = field(default_factory=list)
    left_out: list[tuple[int, int, int, str]] = field(default_factory=list)
    again: list[int] = field(default_factory=list)


def fate(planned: Sequence[int], rules: Rules, downtimes: Sequence[Downtime], end: int) -> Fate:
    """Go through a task's planned instants, all of them before `end`, as they are noticed."""
    found, started, lost = Fate(), -rules.takes, 0
    for noticed, down, batch in _noticed(planned, downtimes, end):
        if down is not None and started <= down.since < started + rules.takes:
            lost += 1
            again = lost < MOST_LOST
            started = noticed + _pause(lost) if again else -rules.takes
            found.again += found.ran[-1:] if again else []
        elif down is not None and down.since < started:  # it waited for another try
            started = max(started, noticed)
        run, rest, why = _choose(batch, rules, noticed)
        busy = rules.alone and noticed < started + rules.takes
        if busy and why == "coalesced":  # the one that stands for the others is left out itself
            rest, run = [], rest + run
        if rest:
            found.left_out.append((rest[0], rest[-1], len(rest), why))
        if run and busy:
            found.left_out.append((run[0], run[-1], len(run), OVERLAP))
            run = []
        if rules.limit is not None:
            run = run[: rules.limit - len(found.ran)]
        if run:
            found.ran += run
            started, lost = noticed, 0
        if rules.limit is not None and len(found.ran) >= rules.limit:
            break
    return found


def _pause(lost: int) -> int:
    """What is lost once is made again at once; then after one minute, two, four."""
    return 0 if lost == 1 else GRACE << (lost - 2)


def _noticed(
    planned: Sequence[int], downtimes: Sequence[Downtime], end: int
) -> list[tuple[int, Downtime | None, list[int]]]:
    """When somebody looks, and what has come by then: each instant in time, or after a downtime."""
    batches: dict[int, tuple[Downtime | None, list[int]]]
    batches = {down.until: (down, []) for down in downtimes if down.until < end}
    for instant in planned:
        down = next((d for d in downtimes if d.since < instant <= d.until), None)
        _, batch = batches.setdefault(instant if down is None else down.until, (None, []))
        batch.append(instant)
    return [(at, *batches[at]) for at in sorted(batches)]


def _choose(batch: list[int], rules: Rules, now: int) -> tuple[list[int], list[int], str]:
    if not rules.recurring:
        return batch, [], ""
    if rules.catch_up == "all":
        cut = max(0, len(batch) - MOST_CAUGHT_UP)
        return batch[cut:], batch[:cut], "missed: too many to catch up"
    if rules.catch_up == "skip":
        fresh = [instant for instant in batch[-1:] if now - instant <= GRACE]
        return fresh, batch[: len(batch) - len(fresh)], "missed"
    return batch[-1:], batch[:-1], "coalesced"
