"""The contract of every executor: a `Call` goes in, exactly one `Report` comes out.

An executor only runs what it is given. Whether, when and in which order calls run, and what an
outcome means for the run, is decided elsewhere; storage is never touched here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from ..core.entry import Cancellation

Claim: TypeAlias = tuple[int, int]
"""Run id and fence: the name of one attempt."""


class Call(Struct, frozen=True, gc=False):
    """One attempt to run something.

    Attributes:
        run_id: the run.
        fence: the token of this attempt; with the run id it names the attempt.
        function: does everything: it verifies, imports, binds and calls, and returns the result.
            Its argument tells it when to stop.
        timeout: microseconds the attempt may take, None for no limit. Whoever submits the call
            watches the time and says `expire`.
        label: what is called, for thread names and log lines; never arguments.
        rank: its place among the calls that wait, lower is first.
    """

    run_id: int
    fence: int
    function: Callable[[Cancellation], Any]
    timeout: int | None
    label: str
    rank: int = 0

    @property
    def claim(self) -> Claim:
        """The name of this attempt."""
        return (self.run_id, self.fence)


class Succeeded(Struct, frozen=True, gc=False):
    """The call returned.

    Attributes:
        result: what it returned when that is small JSON, otherwise the beginning of its repr.
    """

    result: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The call raised, or its process ended badly.

    Attributes:
        error: what went wrong, at most 2 KiB.
        kind: the name of the exception's class.
        retryable: whether another attempt can help.
        traceback: where it went wrong (for a command: the end of its output), at most 8 KiB.
        retry_after: microseconds to wait before the next attempt, when the error said so.
        progress: what was done before it failed, when the error said so: small JSON.
        kinds: the names of the exception's class and of that one's bases, the nearest first.
    """

    error: str
    kind: str
    retryable: bool
    traceback: str
    retry_after: int | None = None
    progress: Any = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The call was expired before it ended."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The call was cancelled before it began, or ended because it was told to."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The call never began: its entry does not verify, resolve or bind.

    Attributes:
        reason: what is wrong with the entry, at most 2 KiB.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Load:
    """What an executor has to do.

    Attributes:
        running: calls that have started and not ended.
        queued: calls that wait.
        free: calls that could start right now.
        abandoned: threads that are given up and still stuck in their call.
        stalled: seconds for which calls wait although there is room for them; 0 normally.
    """

    running: int
    queued: int
    free: int
    abandoned: int
    stalled: float = 0.0


Outcome: TypeAlias = Succeeded | Failed | TimedOut | Cancelled | Rejected


class Report(Struct, frozen=True, gc=False):
    """How one attempt ended.

    Attributes:
        claim: the attempt.
        outcome: how it ended.
        started_at: when it started, None when it never did.
        finished_at: when it ended.
    """

    claim: Claim
    outcome: Outcome
    started_at: int | None
    finished_at: int


class Executor(Protocol):
    """Something that runs calls. All methods may be called from any thread; only `stop` waits.

    Every submitted claim ends exactly once: in one report, or in the list that `stop` returns.
    """

    def submit(self, call: Call, report: Callable[[Report], None]) -> None:
        """Queue a call, first come, first served. A claim that is still held is not run twice.

        Args:
            call: what to run.
            report: told how it ended, exactly once, from whichever thread ended it. It must be
                quick; what it raises is logged and ignored.

        Raises:
            ExecutorStopped: nothing new is started any more.
        """
        ...

    def submit_all(self, calls: Sequence[Call], report: Callable[[Report], None]) -> None:
        """Queue many calls at once, in order; see `submit`.

        Raises:
            ExecutorStopped: nothing new is started any more; none of them was taken.
        """
        ...

    def expire(self, claim: Claim) -> bool:
        """End a running call whose time is up; it is reported as timed out.

        What can be killed is killed and reported when it is dead. A thread is abandoned: it is
        reported at once, its slot is served again, and whatever it still returns is dropped.

        Returns:
            False when the claim is not running: unknown, ended, or still queued.
        """
        ...

    def cancel(self, claim: Claim) -> bool:
        """Ask a call to end; a queued one is removed and reported as cancelled at once.

        A running one is told through its `Cancellation`, and killed where that is possible. When
        it ends by itself without ever having noticed, it is reported as it ended.

        Returns:
            False when the claim is not held: unknown or ended.
        """
        ...

    def holding(self) -> dict[Claim, int | None]:
        """Every claim that is not reported yet: monotonic start, or None while it is queued."""
        ...

    def overdue(self) -> list[Claim]:
        """The running calls whose time is up: `expire` them."""
        ...

    def next_deadline(self) -> int | None:
        """When the next time limit is reached, in monotonic microseconds; None for never."""
        ...

    def free(self) -> int:
        """How many calls could start right now."""
        ...

    def stop(self, grace: float) -> list[Claim]:
        """Start nothing more and wait for what runs; calling it again returns the same list.

        Running calls are told through their `Cancellation` and have `grace` seconds to end; then
        they are killed, or left behind when they cannot be.

        Returns:
            The claims that never started, ended early because of this, or did not end. None of
            them is reported.
        """
        ...

    @property
    def abandoned(self) -> int:
        """How many threads are given up and still stuck in their call."""
        ...

    def load(self) -> Load:
        """What there is to do, at a glance."""
        ...

    def nudge(self) -> None:
        """Look again for somebody who takes what is queued; harmless when all is well."""
        ...
