"""The lines of the table: which figure, what is to be reached, and what it is compared to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from results import Book

Reading: TypeAlias = Callable[[Book], float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        workload: "W1" to "W8".
        what: in words.
        read: finds the figure.
        unit: of the figure.
        target: what is to be reached.
        higher: whether more is better.
        limit: what the machine can do, in the same unit; None where there is no such thing.
        of_limit: the target is this share of the limit instead.
        peers: whether peers can be compared in it.
    """

    workload: str
    what: str
    read: Reading
    unit: str
    target: float
    higher: bool = False
    limit: Reading | None = None
    of_limit: bool = False
    peers: bool = True

    def met(self, book: Book) -> bool | None:
        """Whether the target is reached; None when it was not measured."""
        value = self.read(book)
        if value is None:
            return None
        compared = self.share(book) if self.of_limit else value
        if compared is None:
            return None
        return compared >= self.target if self.higher else compared <= self.target

    def share(self, book: Book) -> float | None:
        """The figure as a multiple of the machine's limit."""
        value, limit = self.read(book), self.limit(book) if self.limit else None
        return None if value is None or not limit else value / limit

    @property
    def goal(self) -> str:
        """The target in words."""
        sign = "≥" if self.higher else "≤"
        return f"{sign} {self.target:g} x raw" if self.of_limit else f"{sign} {self.target:,g}"


def figure(workload: str, case: str, name: str) -> Reading:
    """Reads one figure."""
    return lambda book: book.figure(workload, case, name)


def around(workload: str, case: str, name: str) -> Reading:
    """Reads a limit that was measured right before."""
    return lambda book: book.around(workload, case, name)


def quotient(over: Reading, under: Reading) -> Reading:
    """One figure as a share of another."""

    def read(book: Book) -> float | None:
        above, below = over(book), under(book)
        return None if above is None or not below else above / below

    return read


def difference(more: Reading, less: Reading) -> Reading:
    """By how much one figure is greater than another."""

    def read(book: Book) -> float | None:
        high, low = more(book), less(book)
        return None if high is None or low is None else high - low

    return read


def _flat(name: str) -> Reading:
    """Whether a rate of W1 stays the same beside many pending."""
    return quotient(figure("W1", "full", name), figure("W1", "empty", name))


def _start_and_commit(book: Book) -> float | None:
    """The least lateness there can be: a thread wakes up, and a claim is committed."""
    return book.limits["wake_p99_ms"] + 1e3 / book.limits["commits_s"]


_RAW = "commits_s"
_BULK = "bulk_rows_s"

LINES = (
    Line("W1", "one caller", figure("W1", "empty", "single_s"), "/s", 0.7, higher=True,
         limit=around("W1", "empty", _RAW), of_limit=True),
    Line("W1", "one caller, many pending", figure("W1", "full", "single_s"), "/s", 0.7,
         higher=True, limit=around("W1", "full", _RAW), of_limit=True),
    Line("W1", "64 callers", figure("W1", "empty", "callers_64_s"), "/s", 10_000, higher=True,
         limit=around("W1", "empty", _RAW)),
    Line("W1", "64 callers, many pending", figure("W1", "full", "callers_64_s"), "/s", 10_000,
         higher=True, limit=around("W1", "full", _RAW)),
    Line("W1", "bulk of 1,000", figure("W1", "empty", "bulk_s"), "/s", 50_000, higher=True,
         limit=around("W1", "empty", _BULK)),
    Line("W1", "bulk of 1,000, many pending", figure("W1", "full", "bulk_s"), "/s", 50_000,
         higher=True, limit=around("W1", "full", _BULK)),
    Line("W1", "one caller: many pending as a share of none", _flat("single_s"), "x", 0.8,
         higher=True, peers=False),
    Line("W1", "64 callers: the same", _flat("callers_64_s"), "x", 0.8, higher=True, peers=False),
    Line("W1", "bulk of 1,000: the same", _flat("bulk_s"), "x", 0.8, higher=True, peers=False),
    Line("W2", "lateness p50", figure("W2", "empty", "p50_ms"), "ms", 1.5,
         limit=_start_and_commit),
    Line("W2", "lateness p99", figure("W2", "empty", "p99_ms"), "ms", 4, limit=_start_and_commit),
    Line("W2", "lateness p50, many pending", figure("W2", "full", "p50_ms"), "ms", 1.5,
         limit=_start_and_commit),
    Line("W2", "lateness p99, many pending", figure("W2", "full", "p99_ms"), "ms", 4,
         limit=_start_and_commit),
    Line("W3", "burst: finished and durable", figure("W3", "burst", "finished_s"), "/s", 15_000,
         higher=True, limit=around("W3", "burst", _BULK)),
    Line("W3", "1,000 at one instant: lateness p99", figure("W3", "small", "p99_ms"), "ms", 60,
         limit=_start_and_commit),
    Line("W4", "memory: more than empty", difference(figure("W4", "full", "rss_mb"),
         figure("W4", "empty", "rss_mb")), "MB", 15),
    Line("W5", "process start to first ring", figure("W5", "full", "first_ring_s"), "s", 0.4,
         limit=lambda book: book.limits["python_start_s"]),
    Line("W6", "idle: statements that read tables",
         figure("W6", "full", "table_reads_a_minute"), "/min", 3),
    Line("W6", "idle: CPU", figure("W6", "full", "cpu_s_a_minute"), "s/min", 0.2),
    Line("W7", "occurrences run, each once", figure("W7", "beat", "share_run"), "x", 1.0,
         higher=True),
    Line("W7", "occurrences recorded", figure("W7", "beat", "share_recorded"), "x", 1.0,
         higher=True),
    Line("W7", "lateness p99", figure("W7", "beat", "p99_ms"), "ms", 20, limit=_start_and_commit),
    Line("W8", "beside a busy callback: lateness p99",
         figure("W8", "one-shots", "p99_ms"), "ms", 20, limit=_start_and_commit),
    Line("W8", "beside a busy callback: finished and durable",
         figure("W8", "burst", "finished_s"), "/s", 8_000, higher=True,
         limit=around("W8", "burst", _BULK)),
)  # fmt: skip


def shown(value: float | None) -> str:
    """A figure with three digits that count."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
