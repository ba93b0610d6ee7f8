"""Environment variables that take the place of keys in config.toml, each in its documented unit."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .clock import MILLISECOND
from .durations import parse_duration
from .errors import InvalidTime

_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Override:
    """A value from the environment for one key of the configuration.

    Attributes:
        variable: where it was found, such as "DEFAULT_TIMEOUT".
        section: the table, such as "scheduler".
        key: the key in it, such as "default_timeout".
        value: what one would have written in TOML.
    """

    variable: str
    section: str
    key: str
    value: str | int


def read_environment(environ: Mapping[str, str]) -> tuple[list[Override], list[str]]:
    """Read the variables that Tocsin knows. Empty ones count as not set, others are ignored.

    Args:
        environ: the environment, such as `os.environ`.

    Returns:
        The values that take the place of keys, and the problems, each naming its variable.
    """
    found, problems = [], []
    for variable, (section, key, read, example) in _VARIABLES.items():
        text = environ.get(variable, "").strip()
        if not text:
            continue
        try:
            found.append(Override(variable, section, key, read(text, example)))
        except ValueError as error:
            problems.append(f"{variable}: {error}")
    return found, problems


def _text(text: str, _example: str) -> str:
    return text


def _word(text: str, _example: str) -> str:
    return text.lower()


def _whole_number(text: str, example: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{_show(text)} is not a whole number; write {example}")
    return int(text)


def _milliseconds(text: str, example: str) -> str:
    """Read milliseconds; whoever wrote "5m" is told how many these are."""
    if not _WHOLE.fullmatch(text):
        meant = _meant(text) or example
        raise ValueError(f"{_show(text)} is not a number of milliseconds; write {meant}")
    duration = f"{text}ms"
    try:
        parse_duration(duration)
    except InvalidTime as error:
        raise ValueError(f"{_show(text)} milliseconds: {error.reason}; write {example}") from None
    return duration


def _meant(text: str) -> str | None:
    try:
        return str(parse_duration(text) // MILLISECOND)
    except InvalidTime:
        return None


def _show(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")


_VARIABLES: dict[str, tuple[str, str, Callable[[str, str], str | int], str]] = {
    "PORT": ("service", "port", _whole_number, "3006"),
    "DATABASE_URL": ("storage", "url", _text, ""),
    "REDIS_URL": ("service", "redis_url", _text, ""),
    "RABBITMQ_URL": ("service", "rabbitmq_url", _text, ""),
    "AUTH_SERVICE_URL": ("service", "auth_service_url", _text, ""),
    "CONFIG_SERVICE_URL": ("service", "config_service_url", _text, ""),
    "NOTIFICATION_SERVICE_URL": ("service", "notification_service_url", _text, ""),
    "MAX_CONCURRENT_TASKS": ("scheduler", "max_concurrent", _whole_number, "10"),
    "DEFAULT_TIMEOUT": ("scheduler", "default_timeout", _milliseconds, "300000"),
    "RETRY_ATTEMPTS": ("scheduler", "retry_attempts", _whole_number, "3"),
    "RETRY_DELAY": ("scheduler", "retry_delay", _milliseconds, "60000"),
    "MAINTENANCE_INTERVAL": ("scheduler", "maintenance_interval", _milliseconds, "60000"),
    "MAX_QUEUE_SIZE": ("scheduler", "max_queue_size", _whole_number, "1000"),
    "QUEUE_PREFIX": ("service", "queue_prefix", _text, ""),
    "QUEUE_CONCURRENCY": ("service", "queue_concurrency", _whole_number, "5"),
    "LOG_LEVEL": ("log", "level", _word, ""),
    "LOG_FORMAT": ("log", "format", _word, ""),
}
