"""The `[notify.*]` tables: channels to people, and the secrets they take from the environment."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from .config_toml import KeyPath
from .hints import did_you_mean
from .problems import Problems

LOG = "log"
"""The notifier that always exists. It writes to the log."""

_FROM_ENVIRONMENT = "env:"


@dataclass(frozen=True, slots=True)
class NotifyConfig:
    """One channel to people.

    Attributes:
        kind: which notifier it is, such as "pushover".
        options: the rest of the table, for the notifier to validate; what comes from the
            environment is a `SecretStr`, what is missing there is left out.
        fallback: the notifier that stands in while variables are missing.
        missing: the environment variables that are not set.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    fallback: str | None = None
    missing: tuple[str, ...] = ()


def read_notifiers(
    tables: object, environ: Mapping[str, str], problems: Problems, *, need_secrets: bool = True
) -> dict[str, NotifyConfig]:
    """Read all notifiers; those with mistakes are noted and left out, except for their names.

    Args:
        tables: the value of `notify`.
        environ: where `env:NAME` is looked up; an empty variable counts as not set.
        problems: takes the mistakes.
        need_secrets: whether a missing variable is a mistake; what only reads the database can
            do without.

    Returns:
        Name -> notifier; "log" is always among them.
    """
    notifiers = {LOG: NotifyConfig(LOG)}
    if not isinstance(tables, dict):
        problems.add(("notify",), 'must be a table; write [notify.phone] and kind = "pushover"')
        return notifiers
    for name, table in tables.items():
        if isinstance(table, dict):
            secrets = _Secrets(environ, problems)
            notifiers[name] = _read_notifier(name, table, secrets, problems)
            if need_secrets and "fallback" not in table:
                secrets.require()
        else:
            problems.add(("notify", name), f'must be a table; write [notify.{name}] and its "kind"')
    for name, notifier in notifiers.items():
        _check_fallback(name, notifier, notifiers, problems)
    return notifiers


def stand_in(name: str, notifiers: Mapping[str, NotifyConfig]) -> str:
    """Return the notifier that serves for `name`: itself, or its fallback while secrets miss."""
    while notifiers[name].missing:
        name = notifiers[name].fallback or LOG
    return name


def check_known(
    names: tuple[str, ...], path: KeyPath, notifiers: Collection[str], problems: Problems
) -> None:
    """Note each of `names` that is no notifier."""
    for name in names:
        if name not in notifiers:
            known = ", ".join(sorted(notifiers))
            hint = did_you_mean(name, notifiers) or f"; there are {known}"
            problems.add(path, f"there is no notifier {name!r}{hint}")


def _read_notifier(
    name: str, table: dict[str, Any], secrets: "_Secrets", problems: Problems
) -> NotifyConfig:
    path = ("notify", name)
    kind, fallback = table.get("kind"), table.get("fallback")
    if not isinstance(kind, str) or not kind:
        where = (*path, "kind") if "kind" in table else path
        problems.add(where, 'needs the kind of notifier; write kind = "pushover"')
    elif name == LOG and kind != LOG:
        problems.add((*path, "kind"), 'the notifier "log" writes to the log; choose another name')
    if fallback is not None and not isinstance(fallback, str):
        problems.add((*path, "fallback"), 'must be the name of a notifier; write fallback = "log"')
        fallback = None
    options = {key: value for key, value in table.items() if key not in {"kind", "fallback"}}
    options = secrets.put_into(options, path)
    return NotifyConfig(str(kind), options, fallback, secrets.names)


class _Secrets:
    """Looks up `env:NAME` in the environment, and remembers what is missing there."""

    def __init__(self, environ: Mapping[str, str], problems: Problems) -> None:
        self._environ = environ
        self._problems = problems
        self._missing: list[tuple[KeyPath, str]] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that are not set, each once."""
        return tuple(dict.fromkeys(variable for _, variable in self._missing))

    def require(self) -> None:
        """Note each missing variable as a problem."""
        for path, variable in self._missing:
            remedy = f'set it, or write fallback = "{LOG}" to do without until it is'
            self._problems.add(path, f"the environment variable {variable} is not set; {remedy}")

    def put_into(self, value: Any, path: KeyPath) -> Any:
        """Return `value` with each `env:NAME` in it resolved; None for a missing one."""
        if isinstance(value, str) and value.startswith(_FROM_ENVIRONMENT):
            return self._look_up(value.removeprefix(_FROM_ENVIRONMENT).strip(), path)
        if isinstance(value, dict):
            found = {key: self.put_into(each, (*path, key)) for key, each in value.items()}
            return {key: each for key, each in found.items() if each is not None}
        if isinstance(value, list):
            items = [self.put_into(each, (*path, i)) for i, each in enumerate(value)]
            return [each for each in items if each is not None]
        return value

    def _look_up(self, variable: str, path: KeyPath) -> SecretStr | None:
        if not variable:
            self._problems.add(path, "needs the name of a variable; write env:PUSHOVER_TOKEN")
        elif secret := self._environ.get(variable):
            return SecretStr(secret)
        else:
            self._missing.append((path, variable))
        return None


def _check_fallback(
    name: str, notifier: NotifyConfig, notifiers: Mapping[str, NotifyConfig], problems: Problems
) -> None:
    """Note a fallback that does not exist, or that leads back here."""
    path = ("notify", name, "fallback")
    seen, fallback = {name}, notifier.fallback
    if fallback is not None and fallback not in notifiers:
        check_known((fallback,), path, [other for other in notifiers if other != name], problems)
    while fallback is not None and fallback in notifiers:
        if fallback in seen:
            if fallback == name:
                problems.add(path, f'leads back to {name!r}; write fallback = "{LOG}"')
            return
        seen.add(fallback)
        fallback = notifiers[fallback].fallback
