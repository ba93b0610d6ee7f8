"""The post: all configured notifiers, and the handler behind every reminder."""

from collections.abc import Iterable, Mapping
from typing import Any

from loguru import logger

from ..core.entry import RunContext
from ..core.errors import NotificationDelayed, NotificationError, NotificationRefused
from ..core.hints import did_you_mean
from ..core.notification import Notification
from .base import Notifier, build


class Post:
    """Notifiers by name.

    Args:
        notifiers: name -> notifier, as configured.
    """

    def __init__(self, notifiers: Mapping[str, Notifier]) -> None:
        self._notifiers = dict(notifiers)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that can be written to."""
        return tuple(self._notifiers)

    def knows(self, name: str) -> bool:
        """Whether a message to this name reaches somebody; without notifiers, the log takes all."""
        return not self._notifiers or name in self._notifiers

    def replace(self, notifiers: Mapping[str, Notifier]) -> None:
        """Use these notifiers from now on; close those that are gone."""
        old, self._notifiers = self._notifiers, dict(notifiers)
        _close(old)

    def send(self, name: str, note: Notification) -> dict[str, Any]:
        """Send to one channel, in the caller's thread.

        Returns:
            What the channel said, JSON-able.

        Raises:
            NotificationRefused: it cannot be sent this way, or no channel has this name.
            NotificationDelayed: sending it again may help.
        """
        notifier = self._notifiers.get(name) if self._notifiers else build("log", "log", {})
        if notifier is None:
            hint = did_you_mean(name, self._notifiers)
            raise NotificationRefused(f"no notifier is called {name!r}{hint}")
        receipt = notifier.send(note)
        return {"id": receipt.id, **receipt.details}

    def remind(self, context: RunContext, to: Iterable[str], **note: Any) -> dict[str, Any]:
        """The handler of reminders: send to every channel that has not had it yet.

        A retry only goes to the channels that failed; what was delivered is kept in the run's
        result.

        Raises:
            NotificationDelayed: some channel may take it later.
            NotificationRefused: every channel that is left refused it.
        """
        what = Notification.from_dict(note)
        before = context.previous if isinstance(context.previous, dict) else {}
        delivered: dict[str, Any] = dict(before.get("delivered", {}))
        refused: dict[str, str] = dict(before.get("refused", {}))
        delayed: list[NotificationDelayed] = []
        for name in to:
            if name in delivered or name in refused:
                continue
            try:
                delivered[name] = self.send(name, what)
            except NotificationDelayed as error:
                delayed.append(error)
            except NotificationError as error:
                refused[name] = str(error)
            except BaseException as error:  # noqa: BLE001 - a broken channel must not lose what others took
                delayed.append(NotificationDelayed(f"{name}: {_in_words(error)}"))
        progress = {"delivered": delivered, **({"refused": refused} if refused else {})}
        if delayed:
            waits = [e.retry_after for e in delayed if e.retry_after is not None]
            text = "; ".join(map(str, delayed))
            later = NotificationDelayed(text, retry_after=max(waits) if waits else None)
            later.progress = progress
            raise later
        if refused:
            final = NotificationRefused("; ".join(f"{n}: {why}" for n, why in refused.items()))
            final.progress = progress
            raise final
        return progress

    def close(self) -> None:
        """Let all notifiers release their connections; sending opens them again."""
        _close(self._notifiers)


def _in_words(error: BaseException) -> str:
    """What went wrong, as far as it can be said."""
    try:
        return f"{type(error).__name__}: {error}"
    except BaseException:  # noqa: BLE001 - it cannot even be shown
        return type(error).__name__


def _close(notifiers: Mapping[str, Notifier]) -> None:
    """Close each once; what one of them raises is nobody else's matter."""
    for name, notifier in {id(n): (name, n) for name, n in notifiers.items()}.values():
        try:
            notifier.close()
        except BaseException as error:  # noqa: BLE001 - even SystemExit ends no service
            logger.warning("notifier {!r} could not be closed: {}", name, type(error).__name__)
