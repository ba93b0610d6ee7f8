"""W7: many tasks, each every second: does each occurrence run, once, in time, and on record?"""

import time
from collections import Counter

import recorder
from contender import SECOND, Contender
from figures import Figures, lateness, wait_until
from lead import lead_for
from recorder import UNKNOWN, Note
from sizes import Sizes

_SETTLE = 3 * SECOND


def measure(contender: Contender, sizes: Sizes) -> Figures:
    """The share of the occurrences of a stretch that ran, and how late they began."""
    contender.open()
    if contender.serves_to_schedule:
        contender.start()
    count = sizes.recurring
    firsts = contender.recur(count, time.time_ns() + lead_for(contender, count))
    if not contender.serves_to_schedule:
        contender.start()
    placed = time.time_ns()
    begin = max(firsts[0], placed) // SECOND * SECOND + _SETTLE
    end = begin + int(sizes.recurring_seconds * SECOND)
    time.sleep((end - time.time_ns()) / SECOND)
    due = {
        (n, first + k * SECOND)
        for n, first in enumerate(firsts)
        for k in range(-((first - begin) // SECOND), -((first - end) // SECOND))
    }
    wait_until(lambda: len(due & _slots(recorder.notes(), firsts).keys()) == len(due), 10, 1)
    recorded = contender.recorded(begin, end)
    contender.stop()
    ran = _slots(recorder.notes(), firsts)
    late = [began - slot[1] for slot, (_, began) in ran.items() if slot in due]
    return {
        "tasks": count,
        "seconds": sizes.recurring_seconds,
        "expected": len(due),
        "share_run": len(late) / len(due),
        "repeated": sum(times - 1 for slot, (times, _) in ran.items() if slot in due),
        "share_recorded": None if recorded is None else recorded / len(due),
        **lateness(late),
    }


def _slots(notes: list[Note], firsts: list[int]) -> dict[tuple[int, int], tuple[int, int]]:
    """Which occurrences began: (task, due) -> how often, and when first.

    Who is not told for when it was planned is taken to belong to the latest slot before it began.
    """
    times: Counter[tuple[int, int]] = Counter()
    first_began: dict[tuple[int, int], int] = {}
    for index, due, began in notes:
        slot = began - (began - firsts[index]) % SECOND if due == UNKNOWN else due
        times[index, slot] += 1
        first_began.setdefault((index, slot), began)
    return {key: (times[key], first_began[key]) for key in times}
