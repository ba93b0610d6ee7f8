"""The types of configuration values: durations, time zones, URLs, lists of names."""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from .clock import SECOND
from .durations import parse_duration
from .errors import InvalidSchedule
from .retention import parse_keep
from .zones import zone


def _duration(value: Any) -> int:
    try:
        return parse_duration(value)
    except InvalidSchedule as error:
        raise ValueError(str(error)) from None


def _keep(value: Any) -> int | None:
    try:
        return parse_keep(value)
    except InvalidSchedule as error:
        raise ValueError(str(error)) from None


def _seconds(value: Any) -> int:
    seconds, rest = divmod(_duration(value), SECOND)
    if rest:
        raise ValueError('must be whole seconds; write "90s"')
    return seconds


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _names_a_program(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv[0].strip():
        raise ValueError('names no program; write ["/usr/local/bin/backup.sh"]')
    return argv


def _longer_than_nothing(duration: int) -> int:
    if duration == 0:
        raise ValueError("must be longer than nothing")
    return duration


def _time_zone(name: str) -> str:
    try:
        return zone(name).key
    except InvalidSchedule as error:
        raise ValueError(str(error)) from None


def _url(example: str, *schemes: str) -> Callable[[str], str]:
    """Accept URLs of these schemes with a host. A refusal never shows one: think of passwords."""

    def check(value: str) -> str:
        try:
            parts = urlsplit(value)
            valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        if not valid:
            raise ValueError(f"must be a URL such as {example}")
        return value

    return check


def _database_url(value: str) -> str:
    """Accept a SQLite file or a PostgreSQL server."""
    if value.startswith("sqlite:///"):
        if value in {"sqlite:///", "sqlite:///:memory:"}:
            raise ValueError("a durable scheduler needs a file; write sqlite:///tocsin.db")
        return value
    try:
        parts = urlsplit(value)
        valid = parts.scheme in {"postgresql", "postgres"} and len(parts.path) > 1
        valid = valid and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(
            "must be a URL such as sqlite:///tocsin.db or"
            " postgresql://user:password@localhost:5432/scheduler_db"
        )
    return value


Duration = Annotated[int, BeforeValidator(_duration)]
"""Microseconds, written as "5m", "90s" or a number of seconds."""

TimeLimit = Annotated[Duration, AfterValidator(_longer_than_nothing)]
"""A duration that is longer than nothing."""

KeepFor = Annotated[int | None, BeforeValidator(_keep)]
"""Microseconds, written as "90d" or "1y"; None, written as "forever"."""

Seconds = Annotated[int, BeforeValidator(_seconds)]
"""Whole seconds, written as "1h" or as their number."""

TimeZone = Annotated[str, AfterValidator(_time_zone)]
"""An IANA name such as "Europe/Berlin"."""

Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""A whole number, at least 1."""

Attempts = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""A whole number, 0 or more."""

Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty."""

Names = Annotated[tuple[Text, ...], Field(strict=False)]
"""A list of texts."""

NameOrNames = Annotated[Names, Field(min_length=1), BeforeValidator(_several)]
"""A text, or a list of texts that is not empty."""

Argv = Annotated[
    tuple[str, ...], Field(min_length=1, strict=False), AfterValidator(_names_a_program)
]
"""A program and its arguments."""

DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
HttpUrl = Annotated[str, AfterValidator(_url("http://localhost:3001", "http", "https"))]
RedisUrl = Annotated[str, AfterValidator(_url("redis://localhost:6379", "redis", "rediss"))]
AmqpUrl = Annotated[str, AfterValidator(_url("amqp://localhost:5672", "amqp", "amqps"))]
