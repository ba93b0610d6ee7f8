"""How often at least one of several schedules fires."""

from collections.abc import Iterator, Sequence

from .cron import Cron
from .rule import MOST_WALKED, Count, Schedule
from .wallcount import count_on_wall


def earliest(parts: Sequence[Schedule], after: int) -> int | None:
    """The first instant after `after` at which one of the parts fires."""
    found = (part.next_instant(after) for part in parts)
    return min((instant for instant in found if instant is not None), default=None)


def count_union(parts: Sequence[Schedule], after: int, until: int) -> Count:
    """Count the instants in (after, until], each once, however many parts fire then.

    Cron expressions in one zone are counted together. Of all else, what fires rarely is walked and
    compared with what fires most; where too much would have to be walked, the latter is all that
    is known.
    """
    groups = _groups(parts)
    counts = [_count(group, after, until) for group in groups]
    most = max(range(len(groups)), key=lambda at: counts[at].number)
    rare = [at for at in range(len(groups)) if at != most]
    exact = all(each.exact for each in counts)
    if not exact or sum(counts[at].number for at in rare) > MOST_WALKED:
        return Count(counts[most].number, exact=exact and not rare)
    instants = {instant for at in rare for instant in _walk(groups[at], after, until)}
    alone = sum(earliest(groups[most], instant - 1) != instant for instant in instants)
    return Count(counts[most].number + alone)


def _groups(parts: Sequence[Schedule]) -> list[tuple[Schedule, ...]]:
    """What can be counted together; all else stands alone."""
    crons: dict[str, list[Schedule]] = {}
    for part in parts:
        if isinstance(part, Cron):
            crons.setdefault(part.zone.key or "", []).append(part)
    others = [(part,) for part in parts if not isinstance(part, Cron)]
    return [*map(tuple, crons.values()), *others]


def _count(group: Sequence[Schedule], after: int, until: int) -> Count:
    crons = [part for part in group if isinstance(part, Cron)]
    if not crons:
        return group[0].count(after, until)
    rules = [cron.wall_rule for cron in crons]
    return Count(count_on_wall(rules, crons[0].zone, after, until))


def _walk(group: Sequence[Schedule], after: int, until: int) -> Iterator[int]:
    at = earliest(group, after)
    while at is not None and at <= until:
        yield at
        at = earliest(group, at)
