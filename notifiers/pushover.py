"""The Pushover notifier: pushes to phones, by pushover-complete over our own bounded HTTP.

The library knows the API's parameters; it has no time limits, a fixed address, and dies of answers
that are not Pushover's JSON. So it is given a wire of ours, which judges each answer first.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Annotated, Any, ClassVar, Self

from pushover_complete import PushoverAPI
from pydantic import AfterValidator, BeforeValidator, Field

from ..core.errors import InvalidConfig
from ..core.notification import Notification, Priority
from .base import Receipt
from .http import Limits, Remote, web_address
from .options import Options, Seconds, Secret, read_options
from .pushover_form import Form, fill
from .pushover_wire import Wire

_ENVIRONMENT = {
    "user": "PUSHOVER_USER",
    "token": "PUSHOVER_TOKEN",
    "base_url": "PUSHOVER_BASE_URL",
}


class PushoverOptions(Options):
    """Options of `kind = "pushover"`.

    Attributes:
        user: the key of the user or group to reach. Required.
        token: the token of your application. Required.
        device: the device or devices to reach when the notification names none. Default all.
        sound: the sound when the notification names none. Default the user's own.
        priority: what `normal` means here. Default normal.
        base_url: where the API lives. Default https://api.pushover.net.
        timeout: how long to wait for an answer, "10s" or seconds. Default 10 s; connecting takes
            at most 5 s of it.
    """

    user: Secret
    token: Secret
    device: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    ] = ()
    sound: str | None = None
    priority: Priority = "normal"
    base_url: Annotated[str, AfterValidator(web_address)] = "https://api.pushover.net"
    timeout: Seconds = 10.0


class PushoverNotifier:
    """Sends notifications to one Pushover user or group."""

    kind: ClassVar[str] = "pushover"

    def __init__(self, options: PushoverOptions) -> None:
        self._options = options
        limits = Limits(connect=min(5.0, options.timeout), read=options.timeout)
        self._remote = Remote("Pushover", limits)

    @classmethod
    def from_options(cls, name: str, options: Mapping[str, Any]) -> Self:
        """Make one of its configuration. Raises InvalidConfig."""
        return cls(read_options(PushoverOptions, name, options))

    def send(self, note: Notification) -> Receipt:
        """Push one notification.

        Returns:
            `id` is Pushover's request id. `details` holds `receipt` (of an emergency), `limit`,
            `remaining` and `reset` (the month's quota and the Unix time when it starts anew), and
            `adjusted`: what had to be changed to fit Pushover's limits.

        Raises:
            NotificationRefused: Pushover says that something is wrong with it.
            NotificationDelayed: over quota, or Pushover cannot be reached or understood.
        """
        return self._post(fill(self._with_defaults(note)))

    def close(self) -> None:
        """Close idle connections."""
        self._remote.close()

    def _with_defaults(self, note: Notification) -> Notification:
        options = self._options
        return replace(
            note,
            device=note.device or options.device,
            sound=note.sound or options.sound,
            priority=options.priority if note.priority == "normal" else note.priority,
        )

    def _post(self, form: Form) -> Receipt:
        user = self._options.user.get_secret_value()
        token = self._options.token.get_secret_value()
        wire = Wire(self._remote, self._options.base_url, (user, token))
        said = PushoverAPI(token)._send_message(  # noqa: SLF001 - documented, the way to a session
            user, session=wire, **form.parameters
        )
        details: dict[str, Any] = {"receipt": str(said["receipt"])} if "receipt" in said else {}
        details |= wire.quota()
        if form.adjusted:
            details["adjusted"] = list(form.adjusted)
        return Receipt(id=str(said["request"]) if "request" in said else None, details=details)


def send(message: str | Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Push one message with the keys in `PUSHOVER_USER` and `PUSHOVER_TOKEN`.

    Made to be scheduled: `{"module": "tocsin.notifiers.pushover", "function": "send", "args":
    ["hello"]}`. `PUSHOVER_BASE_URL` may name another address of the API.

    Args:
        message: the text; or a map of a `Notification` (`{"message": ..., "title": ...}`); or any
            other map, which is shown as it is (`{"alarm_id": 7}` becomes "alarm_id: 7").
        options: what else a `Notification` has, such as `title` or `priority`.

    Returns:
        The receipt as a map: `id` and `details`.

    Raises:
        InvalidConfig: the environment holds no keys.
        InvalidTask: an option that a notification does not have.
        NotificationRefused: Pushover refused it.
        NotificationDelayed: Pushover did not take it now.
    """
    note = Notification.from_dict({**_as_map(message), **options})
    notifier = PushoverNotifier(_from_environment())
    try:
        return asdict(notifier.send(note))
    finally:
        notifier.close()


def _as_map(message: str | Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        return {"message": str(message)}
    if any(f.name in message for f in fields(Notification)):
        return dict(message)
    return {"message": ", ".join(f"{name}: {value}" for name, value in message.items())}


def _from_environment() -> PushoverOptions:
    given = {option: os.environ.get(name, "") for option, name in _ENVIRONMENT.items()}
    problems = tuple(
        f"the environment variable {_ENVIRONMENT[option]} is not set"
        for option in ("user", "token")
        if not given[option]
    )
    if problems:
        raise InvalidConfig("\n".join(problems), problems)
    return read_options(PushoverOptions, "environment", {k: v for k, v in given.items() if v})
