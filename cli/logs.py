"""The service's log: text for people, one JSON object a line for machines.

Both show what happened and never what was called with: local values are never written.
"""

import inspect
import json
import logging
import sys
import traceback
from datetime import UTC
from typing import TYPE_CHECKING, Any, TextIO

from loguru import logger

from ..core.zones import zone
from .output import colourful, printable

if TYPE_CHECKING:
    from loguru import Message, Record

PACKAGE = __name__.partition(".")[0]

_SHOWN = "shown"
TEXT = "<dim>{extra[shown][0]}</dim> <level>{level: <8}</level> {extra[shown][1]}\n"

_ADDRESSES_IN_LINES = "urllib3"
"""This library logs web addresses, which may hold secrets."""


def set_up_log(level: str, style: str, tz: str, stream: TextIO | None = None) -> None:
    """Write the log of this process, and of every library in it, to one stream.

    Args:
        level: the least important level, such as "info".
        style: "text" or "json".
        tz: the zone of the times in text; JSON has UTC.
        stream: where to, default standard error.
    """
    out = sys.stderr if stream is None else stream
    here = zone(tz)

    def line(record: "Record") -> str:
        """Put the line for a person together, ready for loguru to fill in."""
        shown = f"{record['time'].astimezone(here):YYYY-MM-DD HH:mm:ss.SSS}"
        record["extra"][_SHOWN] = shown, printable(record["message"]).replace("\n", "\n    ")
        return TEXT + ("{exception}\n" if record["exception"] is not None else "")

    def write_document(message: "Message") -> None:
        out.write(json.dumps(document(message.record), ensure_ascii=False, default=str) + "\n")
        out.flush()

    logger.remove()
    if style == "json":
        _add(write_document, level, format="{message}")
    else:
        _add(out, level, format=line, colorize=colourful(out))
    logger.enable(PACKAGE)
    logging.basicConfig(handlers=[_Bridge()], level=logging.INFO, force=True)
    logging.getLogger(_ADDRESSES_IN_LINES).setLevel(logging.ERROR)


def _add(sink: Any, level: str, **options: Any) -> None:
    logger.add(sink, level=level.upper(), diagnose=False, backtrace=False, **options)


def document(record: "Record") -> dict[str, Any]:
    """The JSON form of a line."""
    found: dict[str, Any] = {
        "time": record["time"].astimezone(UTC).isoformat(),
        "level": record["level"].name.lower(),
        "message": record["message"],
        "module": record["name"],
        "extra": record["extra"],
    }
    error = record["exception"]
    if error is not None:
        found["exception"] = "".join(traceback.format_exception(*error))
    return found


class _Bridge(logging.Handler):
    """Hands records of the standard library's logging to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, as if its author had used loguru."""
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame, depth = frame.f_back, depth + 1
        text = record.getMessage()
        logger.opt(depth=depth, exception=record.exc_info).log(level, "{}", text)
