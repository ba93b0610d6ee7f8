"""Turn whatever a call returned or raised into small, storable values. Nothing here raises."""

import json
import math
import reprlib
import traceback
from types import TracebackType
from typing import Any

from ..core.clock import SECOND
from ..core.errors import EntryRejected
from ..core.published import TaskEvent
from .base import Failed, Rejected

RESULT_LIMIT = 4096
ERROR_LIMIT = 2048
TRACEBACK_LIMIT = 8192

_PACKAGE = __name__.rpartition(".")[0]


def describe_result(value: Any) -> Any:
    """Return a JSON-able copy of `value`, or the beginning of its repr when there is none.

    JSON is kept when it has at most 4 KiB and no NUL (which PostgreSQL cannot hold). Tuples
    become lists, and the keys of dictionaries strings. A `TaskEvent` stays what it is.
    """
    if value is None or isinstance(value, TaskEvent):
        return value  # it has checked itself
    try:
        return _json_copy(value)
    except BaseException:  # noqa: BLE001 - the value is the user's, and so is its code
        return clip(_repr(value), RESULT_LIMIT)


def describe_error(error: BaseException) -> Failed:
    """Return the outcome of a call that raised `error`: bounded text, without local values."""
    try:
        return Failed(
            error=clip(_text(error), ERROR_LIMIT),
            kind=type(error).__name__,
            retryable=getattr(error, "retryable", True) is not False,
            traceback=clip(_trace(error), TRACEBACK_LIMIT),
            retry_after=_microseconds(getattr(error, "retry_after", None)),
            progress=describe_result(getattr(error, "progress", None)),
            kinds=tuple(kind.__name__ for kind in type(error).__mro__[:-1]),
        )
    except BaseException:  # noqa: BLE001 - an exception may raise when it is looked at
        kind = str(type.__dict__["__name__"].__get__(type(error)))
        return Failed(f"{kind} (it cannot be described)", kind, retryable=True, traceback="")


def describe_raised(error: BaseException) -> Failed | Rejected:
    """Like `describe_error`, where a rejected entry means that the call never began."""
    if isinstance(error, EntryRejected):
        return Rejected(clip(_text(error), ERROR_LIMIT))
    return describe_error(error)


def clip(text: str, limit: int) -> str:
    """Return `text` as at most `limit` bytes of clean UTF-8, with the middle cut out.

    Lone surrogates and NULs, which databases refuse, are shown as escapes.
    """
    data = text.encode("utf-8", "backslashreplace").replace(b"\0", b"\\x00")
    if len(data) > limit:
        mark = b"\n[...]\n"
        half = (limit - len(mark)) // 2
        data = data[:half] + mark + data[-half:]
    return data.decode("utf-8", "ignore")


def _json_copy(value: Any) -> Any:
    pieces, size = [], 0
    for piece in json.JSONEncoder(allow_nan=False, ensure_ascii=False).iterencode(value):
        pieces.append(piece)
        size += len(piece.encode())
        if size > RESULT_LIMIT:
            raise ValueError("too large")
    text = "".join(pieces)
    if r"\u0000" in text.replace(r"\\", ""):  # not: a backslash before the letters u0000
        raise ValueError("NUL")
    return json.loads(text)


def _repr(value: Any) -> str:
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = shortener.maxlong = RESULT_LIMIT
    shortener.maxlist = shortener.maxtuple = shortener.maxdict = shortener.maxset = 100
    try:
        return shortener.repr(value)
    except BaseException:  # noqa: BLE001 - a repr may raise anything
        return f"<{type(value).__name__} without a repr>"


def _text(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except BaseException:  # noqa: BLE001 - so may a str
        return f"{type(error).__name__} (its message cannot be shown)"


def _trace(error: BaseException) -> str:
    lines = traceback.format_exception(type(error), error, _users_part(error.__traceback__))
    return "".join(lines)


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the executor's own frames at the beginning."""
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    return trace


def _is_ours(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__")).rpartition(".")[0] == _PACKAGE


def _microseconds(seconds: Any) -> int | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return int(seconds * SECOND)
