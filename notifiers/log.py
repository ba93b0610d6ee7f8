"""The notifier that only writes to the log: harmless, and the default."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from loguru import logger
from pydantic import BeforeValidator

from ..core.notification import Notification
from .base import Receipt
from .options import Options, read_options

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")

Level = Literal["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"]


class LogOptions(Options):
    """Options of `kind = "log"`.

    Attributes:
        level: the level of the line, in either case. Default INFO.
    """

    level: Annotated[
        Level, BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)
    ] = "INFO"


class LogNotifier:
    """Writes each notification as one visible line, its text included: that is its purpose."""

    kind: ClassVar[str] = "log"

    def __init__(self, options: LogOptions | None = None) -> None:
        self._level = (options or LogOptions()).level
        # The library keeps quiet in other people's logs, but nobody may miss an alarm: whoever
        # makes this notifier asks for its lines, and for these only.
        logger.enable(__name__)

    @classmethod
    def from_options(cls, name: str, options: Mapping[str, Any]) -> Self:
        """Make one of its configuration. Raises InvalidConfig."""
        return cls(read_options(LogOptions, name, options))

    def send(self, note: Notification) -> Receipt:
        """Write the line; never fails."""
        logger.log(self._level, "🔔 {}", one_line(note))
        return Receipt()

    def close(self) -> None:
        """Nothing to release."""


def one_line(note: Notification) -> str:
    """The notification as one line: "[high] Title: message (link)".

    Line breaks and control characters become spaces, so that no message can pass for log lines.
    """
    parts = [
        f"[{note.priority}]" if note.priority != "normal" else "",
        f"{note.title}:" if note.title else "",
        note.message,
        f"({note.url})" if note.url else "",
    ]
    return _CONTROL.sub(" ", " ".join(filter(None, parts)))
