"""The figures of a run: what was measured, of whom, and how to look one up."""

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

WORST: dict[str, Callable[[Iterable[float]], float]] = {
    "all_durable": min,
    "lost": max,
    "ordered_in_time": min,
    "repeated": max,
    "share_recorded": min,
    "share_run": min,
}
"""Of what must never go wrong the worst round counts, of everything else the median."""


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement that was carried out, or why it was not.

    Attributes:
        entrant: whose.
        workload: "W1" to "W8".
        case: which of its cases.
        pending: how many other tasks were pending.
        figures: by name; empty when it failed.
        around: the machine's limits right before it.
        versions: of the packages that were measured.
        error: why there are no figures, empty otherwise.
        seconds: how long the measurement took.
    """

    entrant: str
    workload: str
    case: str
    pending: int
    figures: dict[str, float | None] = field(default_factory=dict)
    around: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0

    @property
    def told(self) -> str:
        """In one line."""
        figures = ((name, value) for name, value in self.figures.items() if value is not None)
        outcome = self.error or "  ".join(f"{name} {value:,.4g}" for name, value in figures)
        return (
            f"{self.entrant}  {self.workload} {self.case}, {self.pending:,} pending,"
            f" {self.seconds:.0f} s:  {outcome}"
        )


@dataclass(slots=True)
class Run:
    """Everything that one call of the benchmark found.

    Attributes:
        machine: what it ran on.
        limits: what that machine can do.
        results: in the order in which they came.
        skipped: entrant -> why it did not take part.
    """

    machine: dict[str, Any]
    limits: dict[str, float]
    results: list[Result] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def book(self, entrant: str) -> "Book":
        """The results of one entrant."""
        return Book([r for r in self.results if r.entrant == entrant], self.limits)

    def save(self, path: Path) -> None:
        """Write it down as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Run":
        """Read what `save` wrote."""
        stored = json.loads(path.read_text())
        return cls(**{**stored, "results": [Result(**result) for result in stored["results"]]})


class Book:
    """The results of one entrant, by workload and case; those of several rounds as one.

    Attributes:
        limits: what the machine can do.
        rounds: how often each was measured, or the most often measured one.
    """

    def __init__(self, results: Sequence[Result], limits: dict[str, float]) -> None:
        rounds: dict[tuple[str, str], list[Result]] = {}
        for result in results:
            rounds.setdefault((result.workload, result.case), []).append(result)
        self._results = {case: _together(several) for case, several in rounds.items()}
        self.rounds = max(map(len, rounds.values()), default=0)
        self.limits = limits

    def __bool__(self) -> bool:
        return bool(self._results)

    def result(self, workload: str, case: str) -> Result | None:
        """One measurement, None when it was not carried out."""
        return self._results.get((workload, case))

    def figure(self, workload: str, case: str, name: str) -> float | None:
        """One figure, None when there is none."""
        result = self.result(workload, case)
        return None if result is None else result.figures.get(name)

    def around(self, workload: str, case: str, name: str) -> float | None:
        """What the machine could do right before that measurement."""
        result = self.result(workload, case)
        return None if result is None else result.around.get(name)


def _together(rounds: Sequence[Result]) -> Result:
    """Several measurements of one case as one."""
    return replace(
        rounds[0],
        figures=_joined([r.figures for r in rounds if r.figures]),
        around=_joined([r.around for r in rounds if r.around]),
        error=next((r.error for r in rounds if r.error), ""),
    )


def _joined(rounds: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
    names = dict.fromkeys(name for figures in rounds for name in figures)
    return {name: _joined_figure(name, [r.get(name) for r in rounds]) for name in names}


def _joined_figure(name: str, values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return WORST.get(name, statistics.median)(known) if known else None
