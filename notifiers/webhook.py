"""The web hook notifier: posts each notification as JSON to an address of yours.

The body is `{"message": ..., "title": ..., "priority": ..., "url": ...}` and the configured `extra`
fields; a field without a value is null. Any 2xx answer means taken.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, JsonValue, SecretStr

from ..core.notification import Notification
from .base import Receipt
from .http import Limits, Remote, require_success, web_address
from .options import Options, Seconds, read_options

_OWN_FIELDS = ("message", "title", "priority", "url")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _secret_address(value: SecretStr) -> SecretStr:
    web_address(value.get_secret_value())
    return value


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("is not the name of a header")
    return name


def _header_value(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text != text.strip() or any(not " " <= c <= "~" for c in text):
        raise ValueError("must be plain characters in one line, without spaces around them")
    return value


def _extra(fields: dict[str, Any]) -> dict[str, Any]:
    for name in _OWN_FIELDS:
        if name in fields:
            raise ValueError(f"{name!r} is filled from the notification; choose another name")
    json.dumps(fields, allow_nan=False)  # the ValueError of what JSON cannot hold
    return fields


class WebhookOptions(Options):
    """Options of `kind = "webhook"`.

    Attributes:
        url: where to post, https:// or http://. Kept secret: such addresses often hold a key.
        headers: headers to add; their values are secrets. Default none.
        extra: fields to add to the body, the same each time. Default none.
        timeout: how long to wait for an answer, "10s" or seconds. Default 10 s; connecting takes
            at most 5 s of it.
    """

    url: Annotated[SecretStr, AfterValidator(_secret_address)]
    headers: dict[
        Annotated[str, AfterValidator(_header_name)],
        Annotated[SecretStr, AfterValidator(_header_value)],
    ] = Field(default_factory=dict)
    extra: Annotated[dict[str, JsonValue], AfterValidator(_extra), Field(repr=False)] = Field(
        default_factory=dict
    )
    timeout: Seconds = 10.0


class WebhookNotifier:
    """Posts notifications to one address. Redirects are not followed."""

    kind: ClassVar[str] = "webhook"

    def __init__(self, options: WebhookOptions) -> None:
        self._options = options
        self._who = f"the web hook at {urlsplit(options.url.get_secret_value()).hostname}"
        limits = Limits(connect=min(5.0, options.timeout), read=options.timeout)
        self._remote = Remote(self._who, limits)

    @classmethod
    def from_options(cls, name: str, options: Mapping[str, Any]) -> Self:
        """Make one of its configuration. Raises InvalidConfig."""
        return cls(read_options(WebhookOptions, name, options))

    def send(self, note: Notification) -> Receipt:
        """Post one notification.

        Returns:
            `details` holds the HTTP `status`.

        Raises:
            NotificationRefused: a 4xx answer or a redirect.
            NotificationDelayed: 408, 425, 429, 5xx, or no whole answer in time.
        """
        options = self._options
        own = {name: getattr(note, name) for name in _OWN_FIELDS}
        secret_headers = {n: v.get_secret_value() for n, v in options.headers.items()}
        answer = self._remote.post(
            options.url.get_secret_value(),
            data=json.dumps({**options.extra, **own}).encode(),
            headers={"Content-Type": "application/json", **secret_headers},
        )
        require_success(self._who, answer)
        return Receipt(details={"status": answer.status_code})

    def close(self) -> None:
        """Close idle connections."""
        self._remote.close()
