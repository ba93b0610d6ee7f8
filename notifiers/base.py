"""The contract of a notifier, and the table of the kinds there are.

A notifier takes one `Notification` to one channel: a phone, a web hook, the log. To add a kind to
Tocsin, write `notifiers/<kind>.py` with a class that fulfils `Notifier`, give it a classmethod
`from_options(name, options)` that validates with `read_options` of `options.py`, and add a line to
`_KINDS`. A program adds its own without touching Tocsin, before it starts the service:

    register("pager", lambda name, options: Pager(number=options["number"]))

and then says `kind = "pager"` under `[notify.<name>]`. Modules of kinds are imported when the first
notifier of that kind is built, so that nobody pays for channels that they do not use.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Protocol, cast

from ..core.errors import InvalidConfig
from ..core.hints import did_you_mean
from ..core.notification import Notification


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the channel said when it took a notification.

    Attributes:
        id: the channel's own name for the delivery, None when it has none.
        details: what else is worth keeping, JSON-able and free of secrets.
    """

    id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


class Notifier(Protocol):
    """One channel to a person. Safe to use from several threads at once.

    Attributes:
        kind: the word in the configuration.
    """

    kind: ClassVar[str]

    def send(self, note: Notification) -> Receipt:
        """Deliver one notification; returns when the channel has taken it.

        Blocks, within time limits of its own.

        Raises:
            NotificationRefused: the channel will never take this one.
            NotificationDelayed: it may take it later.
        """
        ...

    def close(self) -> None:
        """Release connections, within time limits of its own.

        Called when the service stops, and when a new configuration has replaced the notifier. A
        service that starts again sends again.
        """
        ...


Factory = Callable[[str, Mapping[str, Any]], Notifier]
"""Makes a notifier of its name and options; raises InvalidConfig with all that is wrong."""

_KINDS = {
    "log": "log:LogNotifier",
    "pushover": "pushover:PushoverNotifier",
    "webhook": "webhook:WebhookNotifier",
}
_registered: dict[str, Factory] = {}


def register(kind: str, factory: Factory) -> None:
    """Add a kind of notifier; one of the same name is replaced.

    Args:
        kind: the word for `kind = "..."` in the configuration.
        factory: called with the notifier's name and its options, without `kind`.
    """
    _registered[kind] = factory


def kinds() -> tuple[str, ...]:
    """Every kind that `build` knows, sorted."""
    return tuple(sorted({*_KINDS, *_registered}))


def build(name: str, kind: str, options: Mapping[str, Any]) -> Notifier:
    """Make the notifier `name` of the configuration.

    Args:
        name: what it is called, as in `[notify.<name>]`.
        kind: one of `kinds()`.
        options: the rest of its table. Secrets may be strings or pydantic's `SecretStr`.

    Raises:
        InvalidConfig: the kind is unknown or options are wrong; `problems` lists every mistake.
    """
    return _factory(name, kind)(name, options)


def _factory(name: str, kind: str) -> Factory:
    if kind in _registered:
        return _registered[kind]
    if kind in _KINDS:
        module, _, cls = _KINDS[kind].partition(":")
        found = getattr(import_module(f".{module}", __package__), cls)
        return cast("Factory", found.from_options)
    known = kinds()
    problem = f"notify.{name}.kind: must be one of {', '.join(known)}, not {kind!r}"
    problem += did_you_mean(kind, known)
    raise InvalidConfig(problem, (problem,))
