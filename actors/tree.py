"""A whole supervision tree, seen from outside: started, watched and stopped as one thing."""

import threading
from collections.abc import Iterable

from ..core.clock import Clock
from ..core.errors import StartFailed
from .child import ChildSpec
from .messages import Reason
from .registry import Registry
from .strategies import Flags
from .supervisor import Supervisor

_AFTER_INTERRUPT = 5.0

TOP = "tocsin"
"""What the top supervisor of a service is registered under."""


class Tree:
    """A running tree. Made by `start_tree`.

    Attributes:
        name: what the top supervisor is registered under.
        supervisor: the top supervisor itself.
    """

    def __init__(self, name: str, registry: Registry, supervisor: Supervisor) -> None:
        self.name = name
        self.supervisor = supervisor
        self._registry = registry
        self._ended = threading.Event()
        self._reason: Reason = "normal"

    @property
    def alive(self) -> bool:
        """Whether the top supervisor runs."""
        return not self._ended.is_set()

    @property
    def failure(self) -> BaseException | None:
        """Why the tree ended although nobody asked it to; None while it runs or when it is fine."""
        if self.alive:
            return None
        if isinstance(self._reason, BaseException):
            return self._reason
        return self.supervisor.failure

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to `timeout` seconds (None: for ever) for the end; whether it has come."""
        return self._ended.wait(timeout)

    def stop(self, timeout: float | None = None) -> bool:
        """Stop all actors, the last started first, and wait for it.

        Args:
            timeout: seconds, None for the sum of what each child may take. After them the whole
                tree is given up: its threads are fenced and act no more.

        Returns:
            Whether everything had stopped in time.
        """
        self.supervisor.stop("shutdown")
        if self._ended.wait(timeout):
            return True
        self.supervisor.fence()
        self._end("shutdown")
        return False

    def fail(self, reason: Reason) -> None:
        """Give the whole tree up at once: nothing of it acts any more, and it has failed.

        Args:
            reason: why; what `failure` is from now on.
        """
        if self.alive:
            self.supervisor.fence()
            self._end(reason)

    def _end(self, reason: Reason) -> None:
        if not self._ended.is_set():
            self._reason = reason
            self._registry.forget(self.name)
            self._ended.set()


def start_tree(
    registry: Registry,
    clock: Clock,
    name: str,
    specs: Iterable[ChildSpec],
    flags: Flags | None = None,
) -> Tree:
    """Start a supervisor with its children, and wait until all of them run.

    Args:
        registry: where the actors find each other.
        clock: where their time comes from.
        name: what the supervisor is registered under.
        specs: its children, in start order.
        flags: how it treats them. Default: OTP's.

    Raises:
        StartFailed: a child did not start; those before it were stopped. `__cause__` leads to
            the exception that it died of.
        InvalidChild: the specifications contradict each other or the flags.
        NameTaken: somebody in this registry has the supervisor's name.
    """
    top = Supervisor(specs, flags, clock=clock)
    tree = Tree(name, registry, top)
    incarnation = registry.next_incarnation()
    top.adopt(name=name, incarnation=incarnation, registry=registry, clock=clock, report=tree._end)  # noqa: SLF001 - the two are one
    registry.register(name, top.actor_ref, incarnation, vitals=top.vitals, report=tree.fail)
    try:
        top.launch(None)
    except StartFailed:
        registry.forget(name)
        raise
    except BaseException:  # the keyboard, say: leave nothing behind that runs
        tree.stop(_AFTER_INTERRUPT)
        raise
    return tree
