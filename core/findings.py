"""What an examination of a database found."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

KEPT = 1_000
"""Findings that are kept for showing; all are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that somebody should know.

    Attributes:
        check: what was looked at: `integrity`, `entries`, `schedules`, `quarantine`, `alarms`,
            `ids`, `listeners` or `log`.
        text: what is so, and what to do.
        task_id: the task that it concerns, None for none.
        name: how people call that task.
        tenant: whose it is.
        level: a `problem`, or a `note` that needs no action.
    """

    check: str
    text: str
    task_id: int | None = None
    name: str | None = None
    tenant: str | None = None
    level: Literal["problem", "note"] = "problem"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "check": self.check,
            "level": self.level,
            "task_id": self.task_id,
            "task": self.name,
            "tenant": self.tenant,
            "text": self.text,
        }


@dataclass(slots=True)
class Findings:
    """All that was found, and how much was looked at.

    Attributes:
        looked_at: check -> how many things it looked at.
        problems: check -> how many problems it found.
        notes: how many notes there are.
        found: the first of both, in the order in which they were found.
    """

    looked_at: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    notes: int = 0
    found: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def add(self, finding: Finding) -> None:
        """Note one."""
        if finding.level == "note":
            self.notes += 1
        else:
            self.problems[finding.check] += 1
        if len(self.found) < KEPT:
            self.found.append(finding)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "ok": self.ok,
            "checks": {
                check: {"looked_at": number, "problems": self.problems[check]}
                for check, number in self.looked_at.items()
            },
            "findings": [each.to_dict() for each in self.found],
            "hidden": self.problems.total() + self.notes - len(self.found),
        }
