"""What one transaction made durable."""

from dataclasses import dataclass, field
from typing import Any

from ..core.work import Alarm, Claim, Notice, Start

Answer = Any
"""What a command answers: its reply, or the TocsinError that it earned."""


@dataclass(slots=True)
class Commit:
    """What one transaction made durable, and what must follow it.

    Attributes:
        answers: one for each command, in order.
        armed: alarms that were set, moved or cleared.
        starts: attempts that were claimed and must be made.
        cancels: attempts that should stop.
        notices: what people should hear of.
        published: whether a handler published something.
    """

    answers: list[Answer] = field(default_factory=list)
    armed: list[Alarm] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    cancels: list[Claim] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    published: bool = False


@dataclass(frozen=True, slots=True)
class SetAside:
    """Quarantine a task whose run cannot be stored."""

    task_id: int
    reason: str
