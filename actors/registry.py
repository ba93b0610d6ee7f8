"""Names that outlive actors: who is `"alarm"` right now, and how to reach it.

One `Registry` serves one Tocsin; there are no globals. A name keeps its mailbox while its actor is
replaced, so an `Address` stays good for as long as the name is used.
"""

import itertools
import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

import pykka
from pykka import ActorRef

from ..core.errors import ActorTimeout, ActorUnavailable, InvalidMessage, NameTaken
from ..core.hints import did_you_mean
from .mailbox import Letter, Mailbox
from .messages import Down

WhenDown = Literal["wait", "fail"]


@dataclass(frozen=True, slots=True)
class _Entry:
    mailbox: Mailbox
    ref: ActorRef[Any]
    incarnation: int
    owner: str | None

    def may_become(self, mailbox: Mailbox, incarnation: int) -> bool:
        """Whether this is a later life of the same actor."""
        return mailbox is self.mailbox and incarnation >= self.incarnation


class Registry:
    """Names and the actors behind them. All methods may be called from every thread."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._owned: dict[str, dict[str, None]] = {}  # dicts as ordered sets
        self._watchers: dict[str, dict[str, None]] = {}
        self._incarnations = itertools.count(1)
        self._lock = threading.RLock()

    def next_incarnation(self) -> int:
        """A number that no other life of any actor has, greater than all before."""
        return next(self._incarnations)

    def register(
        self, name: str, ref: ActorRef[Any], incarnation: int, owner: str | None = None
    ) -> None:
        """Put an actor behind a name.

        Args:
            name: what others call it.
            ref: the actor; its inbox is the name's mailbox from now on.
            incarnation: which life of it this is.
            owner: the supervisor that answers for the name; when that one's name is forgotten,
                this one is too.

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
            self._entries[name] = _Entry(mailbox, ref, incarnation, owner)
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
        """
        known = self._entries.get(name)
        if known is None:
            hint = did_you_mean(name, self.names())
            raise ActorUnavailable(f"no actor is called {name!r}{hint}")
        if when_down == "fail" and not known.ref.is_alive():
            raise ActorUnavailable(f"{name!r} is being restarted: try again later")
        known.mailbox.put(letter, timeout)

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
        future: pykka.Future[Any] = pykka.ThreadingFuture()
        self.registry.deliver(self.name, Letter(message, future), self.when_down, timeout)
        return future
