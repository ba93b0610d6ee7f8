"""What an actor is doing right now, for those who watch over it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Vitals:
    """Signs of life, written by the actor alone and read by everybody without a lock.

    Attributes:
        incarnation: which life of the name this is.
        busy_with: the type of the message being handled, None when the actor waits.
        since: monotonic microseconds at which that began.
        last_progress: monotonic microseconds of the last sign of life.
        handled: messages so far, in this life.
    """

    incarnation: int = 0
    busy_with: str | None = None
    since: int = 0
    last_progress: int = 0
    handled: int = 0

    def busy(self, what: str, now: int) -> None:
        """Note that something begins."""
        self.since = self.last_progress = now
        self.busy_with = what

    def rest(self, handled: int, now: int) -> None:
        """Note that it is over."""
        self.busy_with = None
        self.handled += handled
        self.last_progress = now
