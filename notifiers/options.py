"""How a notifier reads its options: every mistake at once, each with its path, never a secret."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SecretStr,
    ValidationError,
)
from pydantic_core import ErrorDetails

from ..core.clock import SECOND
from ..core.durations import parse_duration
from ..core.errors import InvalidConfig, InvalidTime
from ..core.hints import did_you_mean


class Options(BaseModel):
    """The options of one kind of notifier. Unknown ones are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


_QUOTED = re.compile("'([^']+)'")

Read = TypeVar("Read", bound=Options)


def read_options(model: type[Read], name: str, options: Mapping[str, Any]) -> Read:
    """Validate the options of the notifier `name`.

    Args:
        model: the options that there are.
        name: for the messages.
        options: as configured. Anything that came from the environment may be a `SecretStr`; it
            is opened here, and the model decides what stays a secret.

    Raises:
        InvalidConfig: `problems` holds one line for each mistake, "notify.<name>.<option>: ...".
    """
    problems: tuple[str, ...] = ()
    try:
        return model.model_validate(_revealed(dict(options)))
    except ValidationError as exc:
        found = exc.errors(include_url=False)
        problems = tuple(_problem(name, error, model.model_fields) for error in found)
    # Raised out here, without the ValidationError as its context: nothing of the input may leak.
    raise InvalidConfig("\n".join(problems), problems)


def _revealed(value: Any) -> Any:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case dict():
            return {name: _revealed(inner) for name, inner in value.items()}
        case list():
            return [_revealed(inner) for inner in value]
    return value


def _problem(name: str, error: ErrorDetails, known: Iterable[str]) -> str:
    where = ".".join(["notify", name, *map(str, error["loc"])])
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown option{did_you_mean(error['loc'][-1], known)}"
    if error["type"] == "missing":
        return f"{where}: is missing"
    if error["type"] == "literal_error":
        choices = _QUOTED.findall(error["ctx"]["expected"])
        return (
            f"{where}: must be one of {', '.join(choices)}{did_you_mean(error['input'], choices)}"
        )
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"


def _seconds(value: Any) -> float:
    try:
        seconds = parse_duration(value) / SECOND
    except InvalidTime as exc:
        raise ValueError(str(exc)) from None
    if not 0 < seconds <= 300:
        raise ValueError("must be longer than nothing and at most 5 minutes")
    return seconds


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text or any(not " " < c <= "~" for c in text):
        raise ValueError("must be plain characters without spaces, and not empty")
    return value


Seconds = Annotated[float, BeforeValidator(_seconds)]
"""A time limit: "10s" or a number of seconds; more than 0, at most 300."""

Secret = Annotated[SecretStr, AfterValidator(_secret)]
"""A key or token: printable ASCII without spaces; shown as asterisks."""
