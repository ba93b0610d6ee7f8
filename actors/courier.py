"""Courier: tells people, in its own lane, and tries again where that can help.

A notification that could not be sent now becomes a raw alarm to the Courier itself, so it
survives a crash; what a channel refuses for good is only logged.
"""

import itertools
from typing import Any

from loguru import logger

from ..core.clock import SECOND
from ..core.errors import InvalidMessage, InvalidTask, TocsinError
from ..core.notification import Notification
from ..executors.base import Call, Executor, Failed, Report, Succeeded
from ..notifiers.post import Post
from .base import Actor
from .messages import Notify, SetAlarm

ATTEMPTS = 8
FIRST_DELAY = 5
TIMEOUT = 60 * SECOND


class Courier(Actor):
    """Sends notifications that belong to no run.

    Args:
        post: the notifiers by name.
        lane: the executor that the sending runs in.
    """

    def __init__(self, post: Post, lane: Executor) -> None:
        super().__init__()
        self._post = post
        self._lane = lane
        self._numbers = itertools.count(1)

    def handle(self, message: Any) -> None:
        """Take a notification on; the answer means that it is on its way, not that it arrived."""
        notify = accept(message)
        try:
            note = Notification.from_dict(notify.note)
        except (InvalidTask, TypeError) as error:
            raise InvalidMessage(f"not a notification: {error}") from error
        for name in notify.to:
            self._submit(name, note, notify.attempt)

    def _submit(self, name: str, note: Notification, attempt: int) -> None:
        call = Call(
            run_id=-next(self._numbers),
            fence=self.vitals.incarnation,
            function=lambda _: self._post.send(name, note),
            timeout=TIMEOUT,
            label=f"notify {name}",
        )
        again, courier = Notify((name,), note.to_dict(), attempt + 1), self.registry

        def report(ended: Report) -> None:
            if isinstance(ended.outcome, Succeeded):
                return
            failed = ended.outcome if isinstance(ended.outcome, Failed) else None
            why = failed.error if failed else type(ended.outcome).__name__
            if (failed is not None and not failed.retryable) or attempt >= ATTEMPTS:
                logger.error("the notification {!r} to {} is lost: {}", note.title, name, why)
                return
            delay = max(
                FIRST_DELAY * 2 ** (attempt - 1), ((failed and failed.retry_after) or 0) / SECOND
            )
            logger.warning("{} did not take a notification, again in {} s: {}", name, delay, why)
            later = self.clock.now() / SECOND + delay
            order = SetAlarm(later, "courier", {"notify": _plain(again)})
            courier.address("alarm").tell(order)

        try:
            self._lane.submit(call, report)
        except TocsinError as error:
            logger.error("the notification {!r} to {} is lost: {}", note.title, name, error)


def accept(message: Any) -> Notify:
    """Turn the stored form of a notification into its message.

    Raises:
        InvalidMessage: it is something else.
    """
    if isinstance(message, Notify):
        return message
    match message:
        case {"notify": {"to": [*names], "note": dict(note), **rest}}:
            attempt = rest.get("attempt", 1)
            if isinstance(attempt, int) and all(isinstance(name, str) for name in names):
                return Notify(tuple(names), note, attempt)
    raise InvalidMessage(
        "the Courier understands {'notify': {'to': [names], 'note': {'message': text}}},"
        f" not {type(message).__name__}"
    )


def _plain(notify: Notify) -> dict[str, Any]:
    return {"to": list(notify.to), "note": notify.note, "attempt": notify.attempt}
