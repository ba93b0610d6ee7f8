"""Names that outlive actors: who is `"alarm"` right now, and how to reach it.

One `Registry` serves one Tocsin; there are no globals. A name keeps its mailbox while its actor is
replaced, so an `Address` stays good for as long as the name is used.
"""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pykka
from pykka import ActorRef

from ..core.errors import ActorTimeout, ActorUnavailable, Fenced, InvalidMessage, NameTaken
from ..core.hints import did_you_mean
from .mailbox import Letter, Mailbox
from .messages import Down, Reason
from .reply import Reply
from .vitals import Vitals

WhenDown = Literal["wait", "fail"]


@dataclass(frozen=True, slots=True)
class Member:
    """Who is behind a name, for those who watch.

    Attributes:
        name: what others call it.
        mailbox: what waits for it.
        ref: its last life.
        incarnation: the number of that life.
        owner: the name of its supervisor, None for the top of a tree.
        vitals: its signs of life; None when it was not registered with them.
        report: tells whoever answers for this life that it has ended, and why.
        lives: how many lives the name has had.
    """

    name: str
    mailbox: Mailbox
    ref: ActorRef[Any]
    incarnation: int
    owner: str | None
    vitals: Vitals | None
    report: Callable[[Reason], object] | None
    lives: int = 1

    def may_become(self, mailbox: Mailbox, incarnation: int) -> bool:
        """Whether this is a later life of the same actor."""
        return mailbox is self.mailbox and incarnation >= self.incarnation


class Registry:
    """Names and the actors behind them. All methods may be called from every thread."""

    def __init__(self) -> None:
        self._entries: dict[str, Member] = {}
        self._abandoned: dict[int, threading.Thread] = {}
        self._owned: dict[str, dict[str, None]] = {}  # dicts as ordered sets
        self._watchers: dict[str, dict[str, None]] = {}
        self._incarnations = itertools.count(1)
        self._lock = threading.RLock()

    def next_incarnation(self) -> int:
        """A number that no other life of any actor has, greater than all before."""
        return next(self._incarnations)

    def register(
        self,
        name: str,
        ref: ActorRef[Any],
        incarnation: int,
        owner: str | None = None,
        *,
        vitals: Vitals | None = None,
        report: Callable[[Reason], object] | None = None,
    ) -> None:
        """Put an actor behind a name.

        Args:
            name: what others call it.
            ref: the actor; its inbox is the name's mailbox from now on.
            incarnation: which life of it this is.
            owner: the supervisor that answers for the name; when that one's name is forgotten,
                this one is too.
            vitals: its signs of life.
            report: whom a watcher tells that this life is over: see `Member`.

        Raises:
            NameTaken: an actor with another mailbox has the name.
        """
        mailbox = ref.actor_inbox
        if not isinstance(mailbox, Mailbox):
            raise NameTaken(f"{name!r} can be given only to a tocsin.actors.base.Actor")
        with self._lock:
            known = self._entries.get(name)
            if known and not known.mailbox.closed and not known.may_become(mailbox, incarnation):
                raise NameTaken(f"the name {name!r} belongs to another actor: choose another")
            lives = known.lives + 1 if known and known.mailbox is mailbox else 1
            self._entries[name] = Member(
                name, mailbox, ref, incarnation, owner, vitals, report, lives
            )
            if owner is not None:
                self._owned.setdefault(owner, {})[name] = None

    def inheritance(self, name: str, owner: str) -> Mailbox | None:
        """The mailbox that a new incarnation takes over; None when the name is new.

        Raises:
            NameTaken: the name is used by a living actor, or by somebody else's.
        """
        with self._lock:
            known = self._entries.get(name)
            if known is None or known.mailbox.closed:
                return None
            if known.owner != owner or known.ref.is_alive():
                raise NameTaken(f"the name {name!r} belongs to another actor: choose another")
            return known.mailbox

    def whereis(self, name: str) -> ActorRef[Any] | None:
        """The living actor behind a name; None when there is none at the moment."""
        known = self._entries.get(name)
        return known.ref if known is not None and known.ref.is_alive() else None

    def address(self, name: str, when_down: WhenDown = "wait") -> "Address":
        """Where messages for `name` go, now and after every restart.

        Args:
            name: a registered name; it need not be registered yet.
            when_down: while the actor is being replaced, `wait` keeps messages in its mailbox,
                `fail` raises `ActorUnavailable`.
        """
        return Address(self, name, when_down)

    def names(self) -> list[str]:
        """All names in use, in the order in which they were first taken."""
        return list(self._entries)

    def members(self) -> list[Member]:
        """Who is behind each name now, or was last, in the order the names were first taken."""
        return list(self._entries.values())

    def member(self, name: str) -> Member | None:
        """Who is behind a name now, or was last; None when it is not in use."""
        return self._entries.get(name)

    def abandon(self, thread: threading.Thread) -> None:
        """Note that an actor's thread was given up: it sends nothing any more.

        Python cannot kill it; it counts as `abandoned` for as long as it exists.
        """
        with self._lock:
            if thread.ident is not None:
                self._abandoned[thread.ident] = thread

    @property
    def abandoned(self) -> int:
        """How many threads of actors were given up and still exist."""
        with self._lock:
            gone = [ident for ident, each in self._abandoned.items() if not each.is_alive()]
            for ident in gone:
                del self._abandoned[ident]
            return len(self._abandoned)

    def owned_by(self, owner: str) -> list[str]:
        """The names that a supervisor answers for."""
        with self._lock:
            return list(self._owned.get(owner, ()))

    def forget(self, name: str, reason: str | None = None, incarnation: int | None = None) -> None:
        """Free a name, with all that it owns: fail what waits there, tell those who watch.

        Args:
            name: nothing happens when it is unknown.
            reason: a sentence for those who write to it. Default: "'alarm' has stopped".
            incarnation: forget the name only if this life was the last one behind it.
        """
        with self._lock:
            known = self._entries.get(name)
            if known is None or incarnation not in (None, known.incarnation):
                return
            del self._entries[name]
            self._owned.get(known.owner or "", {}).pop(name, None)
            owned = self._owned.pop(name, {})
            watchers = self._watchers.pop(name, {})
        for inner in owned:
            self.forget(inner)
        reason = reason or f"{name!r} has stopped"
        known.mailbox.close(reason)
        for watcher in watchers:
            self._tell(watcher, Down(name, reason))

    def watch(self, name: str, watcher: str) -> None:
        """Tell `watcher` once, with `Down`, when nobody is behind `name` any more.

        A restart is not an end. When the name is unknown, the notice comes at once. Watching
        twice gives one notice.
        """
        with self._lock:
            if name in self._entries:
                self._watchers.setdefault(name, {})[watcher] = None
                return
        self._tell(watcher, Down(name, f"no actor is called {name!r}"))

    def unwatch(self, name: str, watcher: str) -> None:
        """Do not tell `watcher` about `name` after all."""
        with self._lock:
            self._watchers.get(name, {}).pop(watcher, None)

    def deliver(
        self, name: str, letter: Letter, when_down: WhenDown, timeout: float | None = None
    ) -> None:
        """Put a letter into the mailbox of a name, waiting up to `timeout` seconds for room.

        Raises:
            ActorUnavailable: nobody has this name, or `when_down` is `fail` and nobody is there.
            MailboxFull: there is no room.
            Fenced: the sender is an actor that was replaced.
        """
        if self._abandoned and self._is_abandoned(threading.current_thread()):
            raise Fenced(f"nothing is sent to {name!r}: the sender was replaced meanwhile")
        known = self._entries.get(name)
        if known is None:
            hint = did_you_mean(name, self.names())
            raise ActorUnavailable(f"no actor is called {name!r}{hint}")
        if when_down == "fail" and not known.ref.is_alive():
            raise ActorUnavailable(f"{name!r} is being restarted: try again later")
        known.mailbox.put(letter, timeout)

    def _is_abandoned(self, thread: threading.Thread) -> bool:
        return self._abandoned.get(thread.ident or 0) is thread

    def is_own_thread(self, name: str) -> bool:
        """Whether the caller is the actor behind `name` itself."""
        known = self._entries.get(name)
        return known is not None and known.mailbox.owner == threading.get_ident()

    def _tell(self, name: str, message: object) -> None:
        known = self._entries.get(name)
        if known is not None and not known.mailbox.closed:
            known.mailbox.put(Letter(message))


@dataclass(frozen=True, slots=True)
class Address:
    """Where to write to an actor by its name; good across restarts. Made by `Registry.address`."""

    registry: Registry
    name: str
    when_down: WhenDown = "wait"

    def __repr__(self) -> str:
        return f"<Address {self.name!r}>"

    def tell(self, message: Any) -> None:
        """Send a message and go on.

        Raises:
            ActorUnavailable: nobody has this name.
            MailboxFull: the mailbox is full and refuses.
        """
        self.registry.deliver(self.name, Letter(message), self.when_down)

    def ask(self, message: Any, timeout: float | None = 5.0) -> Any:
        """Send a message and wait for the reply.

        Args:
            message: what to send.
            timeout: seconds to wait, None for ever.

        Raises:
            ActorTimeout: no reply came in time; whether the actor acted is unknown.
            ActorUnavailable: nobody has this name, or it was given up while this waited.
            ActorCrashed: the actor died while it handled this message.
            MailboxFull: there was no room in time.
            InvalidMessage: an actor asks itself.
            TocsinError: whatever the actor replied with.
        """
        if self.registry.is_own_thread(self.name):
            raise InvalidMessage(
                f"{self.name!r} asks itself and would wait for ever: "
                "call the method, or send it with tell"
            )
        deadline = None if timeout is None else time.monotonic() + timeout
        future = self._send(message, timeout)
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            return future.get(timeout=left)
        except pykka.Timeout:
            raise ActorTimeout(
                f"{self.name!r} did not answer {type(message).__name__} within {timeout:g} s; "
                "whether it acted is unknown"
            ) from None

    def ask_later(self, message: Any) -> pykka.Future[Any]:
        """Send a message; the future's `get(timeout=...)` waits for the reply.

        Raises:
            ActorUnavailable: nobody has this name.
            MailboxFull: the mailbox is full and refuses.
        """
        return self._send(message, None)

    def _send(self, message: Any, timeout: float | None) -> pykka.Future[Any]:
        future = Reply()
        self.registry.deliver(self.name, Letter(message, future), self.when_down, timeout)
        return future
