"""The base of every actor: its thread, its loop, and how it ends.

It is a `pykka.ThreadingActor` with a loop of its own, so that whatever happens in an actor ends
that actor only, and everybody who must know hears of it: the sender of the message, and the
supervisor, exactly once, from the end of the actor's thread.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import pykka
from loguru import logger

from ..core.clock import Clock, SystemClock
from ..core.errors import ActorCrashed, InvalidMessage, StartFailed
from .hand import Hand
from .mailbox import Letter, Mailbox, Overflow
from .messages import Reason
from .registry import Registry
from .vitals import Vitals

_FATAL = (MemoryError, RecursionError)
"""Exceptions after which an actor's state cannot be trusted, even if somebody asked."""


class Ignore(Exception):
    """Raised by `on_start`: this actor is not needed now, and that is no error."""


class Actor(pykka.ThreadingActor):
    """Handles one message, or one batch, at a time, in a thread of its own.

    Subclasses override `handle` (one message) or `receive` (a batch), and if they need them
    `on_start`, `on_stop`, `patience` and `idle`. An exception in an asked message goes to the
    asker; in a told one it kills the actor, and its supervisor decides what happens then.

    Args:
        clock: where time comes from; None for the supervisor's, or the system's.

    Attributes:
        batch: most letters given to one `receive`. Default 1.
        capacity: letters that may wait, None for no limit.
        overflow: what happens to more: see `Mailbox`.
        name: what it is registered under.
        forgives: errors in a told message that are the sender's mistake and kill nobody.
        busy_limit: seconds without a sign of life, in one message or one `idle`, after which
            the actor hangs and is replaced; None for never. Default 60.
        watermarks: what must keep moving (see `mark`), and the seconds it may stand still.
        info: anything to be shown in the supervisor's list of children.
        vitals: what it is doing.
    """

    use_daemon_thread = True
    batch: int = 1
    capacity: int | None = None
    overflow: Overflow = "block"
    forgives: tuple[type[Exception], ...] = (InvalidMessage,)
    busy_limit: float | None = 60.0
    watermarks: ClassVar[Mapping[str, float]] = {}
    info: Any = None

    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.clock: Clock = clock or SystemClock()
        self.registry = Registry()
        self.vitals = Vitals()
        self._has_own_clock = clock is not None
        self._report: Callable[[Reason], None] | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._started = False
        self._start_error: BaseException | None = None
        self._ending: Reason | None = None
        self._use(Mailbox(self.capacity, self.overflow))

    # ------------------------------------------------------------ what subclasses override

    def on_start(self) -> None:
        """Prepare, in the actor's thread. An exception is a failed start; `Ignore` is not."""

    def on_stop(self, reason: Reason = "normal") -> None:
        """Clean up, in the actor's thread, however it ended.

        Args:
            reason: `"normal"` by itself, `"shutdown"` when told to, or what killed it.
        """

    def on_fenced(self) -> None:
        """Let go of what belongs to this thread alone, when it was replaced; do nothing else."""

    def handle(self, message: Any) -> Any:
        """Act on one message; what is returned is the reply.

        Raises:
            InvalidMessage: the actor does not understand it. This never kills the actor.
        """
        raise InvalidMessage(f"{self.name!r} does not understand {type(message).__name__}")

    def receive(self, letters: Sequence[Letter]) -> None:
        """Act on a batch of letters; answer each one.

        Should the actor die meanwhile, letters that were not begun (see `begin`) are kept for
        its successor; if none was, the batch counts as a whole and all its senders are told.
        """
        for letter in letters:
            if not self.begin(letter):
                return
            self._handle_one(letter)

    def patience(self) -> float | None:
        """Seconds to wait for letters before `idle` is called; None to wait for ever."""
        return None

    def idle(self) -> None:
        """Do what is due. Called when the wait ended without letters or `patience()` is used up."""

    # ------------------------------------------------------------ for the actor itself

    def begin(self, letter: Letter) -> bool:
        """Note that a letter is being handled now; False when this incarnation was replaced."""
        may_begin = self._hand.begin(letter)
        self.vitals.busy(_what(letter))
        return may_begin

    def mark(self, name: str | None = None) -> None:
        """Give a sign of life: in the midst of what takes long, or for one of `watermarks`."""
        self.vitals.mark(name)

    @property
    def fenced(self) -> bool:
        """Whether this incarnation was given up: it must not act any more."""
        return self._hand.fenced

    # ------------------------------------------------------------ for its supervisor

    @property
    def mailbox(self) -> Mailbox:
        """The mailbox of the actor's name."""
        return self._hand.mailbox

    def adopt(
        self,
        *,
        name: str,
        incarnation: int,
        registry: Registry,
        clock: Clock,
        report: Callable[[Reason], None],
        mailbox: Mailbox | None = None,
    ) -> None:
        """Give an actor that has not been started its place under a supervisor.

        Args:
            name: what it is registered under.
            incarnation: which life of that name this is.
            registry: where it finds others.
            clock: used unless the actor was made with one.
            report: called once, from the actor's thread, when a started actor has ended.
            mailbox: the one its predecessor left; None to keep its own.
        """
        self.name = name
        self.vitals.incarnation = incarnation
        self.vitals.busy_limit, self.vitals.limits = self.busy_limit, self.watermarks
        self.registry = registry
        self._report = report
        if not self._has_own_clock:
            self.clock = clock
        if mailbox is not None:
            self._use(mailbox)

    def launch(self, timeout: float | None = 10.0) -> bool:
        """Start the thread and wait until `on_start` has finished.

        Args:
            timeout: seconds; after them the actor is fenced and its thread given up.

        Returns:
            False when the actor chose to be ignored.

        Raises:
            StartFailed: it did not start; the cause is attached.
        """
        try:
            self._start_actor_loop()
        except RuntimeError as error:
            raise StartFailed(f"no thread for {self.name!r}: {error}") from error
        if not self._ready.wait(timeout):
            self.fence()
            raise StartFailed(f"{self.name!r} was not ready within {timeout:g} s")
        if isinstance(self._start_error, Ignore):
            return False
        if self._start_error is not None:
            cause = describe(self._start_error)
            raise StartFailed(f"{self.name!r} could not start: {cause}") from self._start_error
        return True

    def stop(self, reason: Reason = "normal") -> None:
        """End after the letters in hand; the rest stays in the mailbox. Callable from anywhere."""
        with self.mailbox.condition:
            if self._ending is None:
                self._ending = reason
            self.mailbox.wake()

    def join(self, timeout: float | None = None) -> bool:
        """Wait up to `timeout` seconds for the thread's end; whether it has ended."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self.has_ended

    @property
    def has_been_started(self) -> bool:
        """Whether this actor has, or had, its thread: it cannot be started again."""
        return self._thread is not None

    @property
    def has_ended(self) -> bool:
        """Whether no thread of this actor exists."""
        return self._thread is None or not self._thread.is_alive()

    def fence(self) -> None:
        """Give this incarnation up: whenever it wakes, it ends without acting or reporting.

        Letters that it has taken but not begun go back; the senders of the others are told.
        """
        lost = self._hand.fence()
        self.actor_stopped.set()
        if self._thread is not None:
            self.registry.abandon(self._thread)
        for letter in lost:
            letter.fail(
                ActorCrashed(f"{self.name!r} was replaced while it handled {_what(letter)}")
            )

    # ------------------------------------------------------------ its life

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    def _use(self, mailbox: Mailbox) -> None:
        self._hand = Hand(mailbox)
        self.actor_inbox = mailbox
        self.actor_ref.actor_inbox = mailbox

    def _start_actor_loop(self) -> None:
        name = f"{self.name}-{self.vitals.incarnation}"
        self._thread = threading.Thread(target=self._live, name=name, daemon=self.use_daemon_thread)
        self._thread.start()

    def _live(self) -> None:
        self.mailbox.owner = threading.get_ident()
        self.vitals.begin()
        reason: Reason = "normal"
        try:
            if self._come_up():
                reason = self._wind_down(self._serve())
        except BaseException as error:  # noqa: BLE001 - out of memory between two steps, say
            reason = error
        finally:
            self._depart(reason)

    def _come_up(self) -> bool:
        self.vitals.busy("on_start")
        try:
            self._prepare()
        except BaseException as error:  # noqa: BLE001 - even SystemExit ends this actor only
            self._start_error = error
            self.actor_stopped.set()
            if self._report is None and not isinstance(error, Ignore):
                self._log_death("could not start", error)
        self.vitals.rest(0)
        self._started = self._start_error is None
        self._ready.set()
        return self._started

    def _prepare(self) -> None:
        if self.fenced:
            raise Ignore  # given up before it began
        self.on_start()

    def _serve(self) -> Reason:
        try:
            patience = self.patience()
            while not self._must_end():
                self._attend(patience)
                patience = self.patience()
        except BaseException as error:  # noqa: BLE001 - even SystemExit ends this actor only
            self._crash(error)
            return error
        return self._ending or "shutdown"

    def _must_end(self) -> bool:
        return self.fenced or self._ending is not None or self.mailbox.closed

    def _attend(self, patience: float | None) -> None:
        """Wait for letters, do what is due, act on the letters.

        In this order, so that what was due when a letter came is done before it.
        """
        found = self._hand.take(self.batch, patience, self.clock, self._must_end)
        if self._hand.stop_requests:
            self.stop()
        elif not self._must_end() and (not found or self._is_due()):
            self.vitals.busy("idle")
            self.idle()
            self.vitals.rest(0)
            if self._must_end():
                self._hand.release()
        letters = self._hand.open(as_a_whole=type(self).receive is not Actor.receive)
        if letters:
            self.vitals.busy(_what(letters[0]))
            self.receive(letters)
            self.vitals.rest(len(letters))
        self._hand.close()

    def _is_due(self) -> bool:
        patience = self.patience()
        return patience is not None and patience <= 0

    def _handle_one(self, letter: Letter) -> None:
        try:
            reply = self.handle(letter.message)
        except _FATAL:
            raise
        except Exception as error:
            if letter.reply_to is None and not isinstance(error, self.forgives):
                raise
            letter.fail(error)
            if letter.reply_to is None:
                logger.warning("{} was told something wrong: {}", self.name, describe(error))
        else:
            letter.answer(reply)

    def _crash(self, error: BaseException) -> None:
        for letter in self._hand.release():
            died = ActorCrashed(f"{self.name!r} died while it handled {_what(letter)}")
            died.__cause__ = error
            letter.fail(died)
        self._log_death("died", error)

    def _wind_down(self, reason: Reason) -> Reason:
        self.actor_stopped.set()
        if self.fenced:
            with suppress(BaseException):  # it was given up, with a report of its own
                self.on_fenced()
            return reason
        self.vitals.busy("on_stop")
        try:
            self.on_stop(reason)
        except BaseException as error:  # noqa: BLE001 - the end must be reported all the same
            self._log_death("died while it stopped", error)
            return reason if isinstance(reason, BaseException) else error
        return reason

    def _depart(self, reason: Reason) -> None:
        self.vitals.busy_with = None
        self.actor_stopped.set()
        with self.mailbox.condition:
            if self.mailbox.owner == threading.get_ident():
                self.mailbox.owner = None
            silent = self.fenced
        with suppress(BaseException):  # nobody is left to tell
            if self._report is None:
                self.mailbox.close(f"{self.name!r} has stopped")
                pykka.ActorRegistry.unregister(self.actor_ref)
            elif self._started and not silent:
                self._report(reason)
        for request in self._hand.stop_requests:
            request.answer()
        if not self._started:
            self._start_error = self._start_error or (None if isinstance(reason, str) else reason)
            self._ready.set()

    def _log_death(self, how: str, error: BaseException) -> None:
        if self.fenced:
            return  # it was given up, with a report of its own
        with suppress(BaseException):  # a broken log must not hide the death
            logger.opt(exception=error).error("{} {}: {}", self.name, how, describe(error))


def describe(reason: Reason) -> str:
    """A reason in one line, whatever its `__str__` does."""
    if isinstance(reason, str):
        return reason
    text = ""
    with suppress(BaseException):
        text = str(reason)
    name = type(reason).__name__
    return f"{name}: {text}" if text else name


def _what(letter: Letter) -> str:
    return type(letter.message).__name__
