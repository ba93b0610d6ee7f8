"""The planned moments of a task, each with what is odd about it."""

from datetime import datetime
from typing import NamedTuple

from .clock import from_instant, to_instant
from .explain import window_note
from .task import Task


class Upcoming(NamedTuple):
    """One planned occurrence: `for moment, task in app.upcoming()`, or with its `note`.

    Attributes:
        moment: when, an aware datetime.
        task: what.
    """

    moment: datetime
    task: Task

    @property
    def note(self) -> str | None:
        """What clocks, calendars, jitter or windows do to it; None for a usual one."""
        odd = self.task.schedule.note(self.moment)
        window = window_note(self.task.policy, to_instant(self.moment))
        return "; ".join(note for note in (odd, window) if note) or None


def upcoming(task: Task, now: int, n: int) -> list[Upcoming]:
    """The next `n` planned occurrences of a task, in UTC.

    Args:
        task: the task.
        now: the present, in microseconds.
        n: how many at most, 1 or more.
    """
    if task.next_run_at is None:
        return []
    after = max(task.next_run_at, from_instant(now))
    later = task.schedule.upcoming(after, n - 1)
    moments = [task.next_run_at, *(each.astimezone(task.next_run_at.tzinfo) for each in later)]
    return [Upcoming(moment, task) for moment in moments]
