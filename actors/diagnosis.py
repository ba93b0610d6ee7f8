"""Whether an actor gets on: judged from outside, by its signs of life alone."""

from typing import NamedTuple

from ..core.clock import SECOND
from .registry import Member
from .vitals import Vitals

WAITING = 60 * SECOND
"""How long letters may lie in the mailbox of an actor that does nothing."""

_WATCHED_BY_SUPERVISOR = "on_start"
"""How long a start may take is the supervisor's matter: `ChildSpec.start_timeout`."""


class _Wait(NamedTuple):
    incarnation: int
    handled: int
    since: int


class Diagnosis:
    """Finds the actors that hang. One look after the other; it remembers who left letters lying."""

    def __init__(self) -> None:
        self._waits: dict[str, _Wait] = {}

    def find(self, member: Member, trusted_since: int, now: int) -> str | None:
        """What is wrong with an actor, in words; None when it gets on, or is being replaced.

        Args:
            member: the actor.
            trusted_since: signs of life from before are worth nothing: nobody looked, or the
                whole process was held up.
            now: real monotonic microseconds.
        """
        vitals = member.vitals
        if vitals is None or vitals.thread is None:
            return None
        if not member.ref.is_alive() and vitals.busy_with != "on_stop":
            return None
        if not vitals.thread.is_alive():
            return "its thread has ended without a word" if member.ref.is_alive() else None
        return (
            _busy_too_long(vitals, trusted_since, now)
            or _stands_still(vitals, trusted_since, now)
            or self._leaves_letters(member, vitals, now)
        )

    def _leaves_letters(self, member: Member, vitals: Vitals, now: int) -> str | None:
        if vitals.busy_with is not None or member.mailbox.empty():
            self._waits.pop(member.name, None)
            return None
        wait = self._waits.get(member.name)
        if wait is None or wait[:2] != (member.incarnation, vitals.handled):
            self._waits[member.name] = _Wait(member.incarnation, vitals.handled, now)
            return None
        if now - wait.since <= WAITING:
            return None
        return f"letters wait for it, and it took none for {_seconds(now - wait.since)}"


def _busy_too_long(vitals: Vitals, trusted_since: int, now: int) -> str | None:
    what, limit = vitals.busy_with, vitals.patience()
    if what is None or what == _WATCHED_BY_SUPERVISOR or limit is None:
        return None
    if now - max(vitals.last_progress, trusted_since) <= limit:
        return None
    return f"it is busy with {what} for {_seconds(now - vitals.since)}"


def _stands_still(vitals: Vitals, trusted_since: int, now: int) -> str | None:
    for name, limit in vitals.limits.items():
        moved_at = vitals.marks.get(name, vitals.began_at)
        if now - max(moved_at, trusted_since) > limit * SECOND:
            return f"its watermark {name!r} has not moved for {_seconds(now - moved_at)}"
    return None


def _seconds(duration: int) -> str:
    return f"{duration / SECOND:.3g} s"
