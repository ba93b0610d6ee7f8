"""A notification as Pushover's parameters, made to fit the limits that Pushover documents.

A bell must ring: what is too long is cut, what is out of range is moved to the nearest allowed
value, and the receipt says so. Only an image that cannot be sent is refused.
"""

import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import NotificationRefused
from ..core.notification import Notification

PRIORITIES = {"lowest": -2, "low": -1, "normal": 0, "high": 1, "emergency": 2}

LONGEST_MESSAGE = 1024
LONGEST_TITLE = 250
LONGEST_URL = 512
LONGEST_URL_TITLE = 100
LARGEST_ATTACHMENT = 5_242_880
SHORTEST_RETRY = 30
LONGEST_EXPIRE = 10_800

_UNFINISHED_HTML = re.compile(r"(<[^<>]*|&[#\w]*)$")


@dataclass(frozen=True, slots=True)
class Form:
    """What to send.

    Attributes:
        parameters: by the names of pushover-complete; those that are None are not sent.
        adjusted: one line for each thing that was changed to fit.
    """

    parameters: dict[str, Any]
    adjusted: tuple[str, ...]


def fill(note: Notification) -> Form:
    """Turn a notification into Pushover's parameters.

    Raises:
        NotificationRefused: the attachment cannot be read or is too large.
    """
    return _Filling(note).form()


class _Filling:
    """One notification on its way into a form; notes what it changes."""

    def __init__(self, note: Notification) -> None:
        self._note = note
        self._adjusted: list[str] = []

    def form(self) -> Form:
        note = self._note
        parameters = {
            "message": self._text("message", note.message, LONGEST_MESSAGE, html=note.html),
            "title": self._text("title", note.title, LONGEST_TITLE),
            "priority": PRIORITIES[note.priority],
            "sound": note.sound or None,
            "device": ",".join(note.device) or None,
            "html": 1 if note.html else None,
            "image": _image(note.attachment) if note.attachment else None,
            **self._link(),
            **self._lifetime(),
        }
        return Form(parameters, tuple(self._adjusted))

    def _text(self, name: str, text: str | None, limit: int, *, html: bool = False) -> str | None:
        if not text:
            return None
        text = text.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be sent
        if len(text) <= limit:
            return text
        self._adjusted.append(f"{name}: cut from {len(text)} to {limit} characters")
        kept = text[: limit - 1]
        return (_UNFINISHED_HTML.sub("", kept) if html else kept) + "…"

    def _link(self) -> dict[str, Any]:
        url = self._note.url
        if not url:
            return {}
        if len(url) > LONGEST_URL:  # half a link leads nowhere
            self._adjusted.append(f"url: left out, longer than {LONGEST_URL} characters")
            return {}
        return {
            "url": url,
            "url_title": self._text("url_title", self._note.url_title, LONGEST_URL_TITLE),
        }

    def _lifetime(self) -> dict[str, Any]:
        note = self._note
        if note.priority != "emergency":
            return {"ttl": note.ttl}
        return {
            "retry": self._at_least("retry", note.retry, SHORTEST_RETRY),
            "expire": self._at_most("expire", note.expire, LONGEST_EXPIRE),
        }

    def _at_least(self, name: str, seconds: int, limit: int) -> int:
        if seconds < limit:
            self._adjusted.append(f"{name}: raised from {seconds} to {limit} seconds")
        return max(seconds, limit)

    def _at_most(self, name: str, seconds: int, limit: int) -> int:
        if seconds > limit:
            self._adjusted.append(f"{name}: lowered from {seconds} to {limit} seconds")
        return min(seconds, limit)


def _image(path: str) -> tuple[str, bytes, str]:
    """The file's name, content and type: what requests takes for one part of a form."""
    file = Path(path)
    if not file.is_file():  # also keeps us from waiting on a pipe
        raise NotificationRefused(f"the attachment {path} is not a file")
    try:
        with file.open("rb") as image:
            content = image.read(LARGEST_ATTACHMENT + 1)
    except OSError as exc:
        raise NotificationRefused(f"the attachment {path} cannot be read: {exc.strerror}") from exc
    if len(content) > LARGEST_ATTACHMENT:
        limit = f"{LARGEST_ATTACHMENT:,} bytes"
        raise NotificationRefused(f"the attachment {path} is larger than Pushover's {limit}")
    return file.name, content, mimetypes.guess_type(file.name)[0] or "application/octet-stream"
