"""The mailbox of a name: it outlives the actors that empty it.

A `Mailbox` fulfils pykka's inbox protocol (`put`, `get`, `empty`), so any `ActorRef` can use it.
It belongs to a registered name and is handed from one incarnation of an actor to the next;
what was sent while nobody was there waits in it.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Literal, Protocol, get_args

from loguru import logger
from pykka import Future
from pykka.messages import _ActorStop

from ..core.clock import Clock, SystemClock
from ..core.errors import ActorUnavailable, MailboxFull

Overflow = Literal["block", "refuse", "drop_oldest"]

_SYSTEM_CLOCK = SystemClock()

TIME_TO_ASK = 0.0001
"""Seconds in which somebody who was answered asks again, if at all: to wake up and to write."""


class Mail(Protocol):
    """What may be put: a `Letter`, or the envelope that pykka's `tell` and `ask` make."""

    message: Any
    reply_to: Future[Any] | None


class Letter:
    """One message on its way, with the place where its sender waits for the reply.

    Attributes:
        message: what was sent.
        reply_to: the asker's future, None when it was told and nobody waits.
        begun: whether an actor has started to handle it; one that has is not handled again.
    """

    __slots__ = ("begun", "message", "reply_to")

    def __init__(self, message: Any, reply_to: Future[Any] | None = None) -> None:
        self.message = message
        self.reply_to = reply_to
        self.begun = False

    def __repr__(self) -> str:
        kind = "tell" if self.reply_to is None else "ask"
        return f"<Letter {kind} {type(self.message).__name__}>"

    @property
    def is_control(self) -> bool:
        """Whether this is pykka's request to stop, which no limit may hold up."""
        return type(self.message) is _ActorStop  # asks nothing of a hostile message

    def answer(self, value: Any = None) -> None:
        """Reply with `value`. Only the first answer or failure counts."""
        if self.reply_to is not None:
            with suppress(queue.Full):
                self.reply_to.set(value)

    def fail(self, error: BaseException) -> None:
        """Reply with an error, raised where the sender waits. Only the first reply counts."""
        if self.reply_to is None:
            with suppress(Exception):  # a broken log must not keep others from their replies
                logger.debug("nobody waits for {}, which failed: {}", self, type(error).__name__)
            return
        with suppress(queue.Full):
            self.reply_to.set_exception((type(error), error, error.__traceback__))


class Mailbox:
    """A queue of letters that one thread empties and everybody may fill.

    Args:
        capacity: letters that may wait, None for no limit.
        overflow: what `put` does when they do. `block` waits for room, `refuse` raises
            `MailboxFull`, `drop_oldest` fails the oldest letter with `MailboxFull`.

    Attributes:
        condition: held for every change; notified when there is something new to see.
        owner: the thread that empties the mailbox now, None between two incarnations.
        dropped: letters lost to `drop_oldest` so far.
    """

    def __init__(self, capacity: int | None = None, overflow: Overflow = "block") -> None:
        if capacity is not None and capacity < 1:
            raise ValueError(f"a mailbox holds 1 letter or more, not {capacity}")
        if overflow not in get_args(Overflow):
            raise ValueError(f"overflow is one of {get_args(Overflow)}, not {overflow!r}")
        self.capacity = capacity
        self.overflow = overflow
        self.condition = threading.Condition()
        self.owner: int | None = None
        self.dropped = 0
        self._letters: deque[Letter] = deque()
        self._awaited = 1
        self._woken = False
        self._closed: str | None = None

    def __len__(self) -> int:
        return len(self._letters)

    @property
    def closed(self) -> bool:
        """Whether nothing can be put any more."""
        return self._closed is not None

    def empty(self) -> bool:
        """Whether no letter waits."""
        return not self._letters

    def put(self, mail: Mail, /, timeout: float | None = None) -> None:
        """Add a letter at the end.

        Args:
            mail: a letter or a pykka envelope.
            timeout: seconds to wait for room when `overflow` is `block`, None for ever.

        Raises:
            ActorUnavailable: the mailbox is closed.
            MailboxFull: there is no room (in time), or the full mailbox is the sender's own.
        """
        letter = mail if isinstance(mail, Letter) else Letter(mail.message, mail.reply_to)
        with self.condition:
            dropped = None if self._has_room(letter) else self._make_room(timeout)
            self._refuse_when_closed()
            self._letters.append(letter)
            if len(self._letters) >= self._awaited or letter.reply_to is None:
                self.condition.notify_all()
        if dropped is not None:
            dropped.fail(MailboxFull("the mailbox ran over: the oldest message was dropped"))

    def put_back(self, letters: Iterable[Letter]) -> None:
        """Return letters, in their order, to the front: taken, but not begun."""
        letters = list(letters)
        if not letters:
            return
        with self.condition:
            if self._closed is None:
                self._letters.extendleft(reversed(letters))
                self.condition.notify_all()
                return
        self._fail_all(letters)

    def take(
        self,
        limit: int,
        timeout: float | None,
        clock: Clock,
        until: Callable[[], bool] | None = None,
        company: int = 0,
    ) -> list[Letter]:
        """Remove up to `limit` letters from the front, waiting once when there is none.

        Args:
            limit: most letters to take.
            timeout: seconds of the clock's time to wait for the first one, None for no limit.
            clock: what measures the wait.
            until: asked under the lock; once it is true, nothing is taken and nobody waits.
            company: so many may be about to ask; they are given a moment to do it together.

        Returns:
            The letters; none after a timeout, a `wake()` or a `close()`.
        """
        with self.condition:
            if self._may_wait(until) and (timeout is None or timeout > 0):
                clock.wait(self.condition, timeout)
            if 0 < len(self._letters) < company and not self._woken:
                self._gather(company)
            self._woken = False
            if until is not None and until():
                return []
            letters = [self._letters.popleft() for _ in range(min(limit, len(self._letters)))]
            if letters and self.capacity is not None:
                self.condition.notify_all()
            return letters

    def get(self) -> Any:
        """Remove the first letter, waiting for it, as pykka's protocol has it.

        Raises:
            ActorUnavailable: the mailbox is closed.
        """
        while not (letters := self.take(1, None, _SYSTEM_CLOCK)):
            self._refuse_when_closed()
        return letters[0]

    def wake(self) -> None:
        """Let a waiting `take`, or the next one, return at once."""
        with self.condition:
            self._woken = True
            self.condition.notify_all()

    def close(self, reason: str) -> None:
        """Refuse letters from now on, and fail those that wait with `ActorUnavailable`.

        Args:
            reason: a sentence for their senders. Closing twice keeps the first reason.
        """
        with self.condition:
            if self._closed is None:
                self._closed = reason
            letters = list(self._letters)
            self._letters.clear()
            self.condition.notify_all()
        self._fail_all(letters)

    def _gather(self, company: int) -> None:
        """Wait a moment, lock held, for so many letters; not when one was told, and is for nobody.

        Who asked together and was answered together will ask together again: in real time, for
        what they need is a turn of the interpreter each.
        """
        if all(letter.reply_to is not None for letter in self._letters):
            self._awaited = company
            self.condition.wait(TIME_TO_ASK * company)
            self._awaited = 1

    def _may_wait(self, until: Callable[[], bool] | None) -> bool:
        ended = until is not None and until()
        return not (self._letters or self._woken or self._closed is not None or ended)

    def _has_room(self, letter: Letter) -> bool:
        full = self.capacity is not None and len(self._letters) >= self.capacity
        return not full or letter.is_control  # a full mailbox can still be stopped

    def _make_room(self, timeout: float | None) -> Letter | None:
        """Apply the overflow rule, lock held; the letter to drop, if that is the rule."""
        if self.overflow == "drop_oldest":
            oldest = next((letter for letter in self._letters if not letter.is_control), None)
            if oldest is not None:
                self._letters.remove(oldest)
                self.dropped += 1
            return oldest
        if self.overflow == "block" and self.owner != threading.get_ident():
            assert self.capacity is not None  # noqa: S101 - or there would be room
            capacity = self.capacity
            if self.condition.wait_for(
                lambda: self.closed or len(self._letters) < capacity, timeout
            ):
                return None
        raise MailboxFull(f"{len(self._letters)} messages wait already; try again later")

    def _refuse_when_closed(self) -> None:
        if self._closed is not None:
            raise ActorUnavailable(self._closed)

    def _fail_all(self, letters: Iterable[Letter]) -> None:
        for letter in letters:
            letter.fail(ActorUnavailable(self._closed or "the mailbox is closed"))
