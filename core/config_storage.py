"""How `[storage]` names secrets: `env:NAME` for the URL or its password, looked up here."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from .config_toml import KeyPath
from .problems import Problems

_FROM_ENVIRONMENT = "env:"
_SECTION = "storage"


def read_storage(
    table: Any, environ: Mapping[str, str], problems: Problems, *, named: bool = False
) -> Any:
    """Return the table with `env:NAME` looked up, and the password in its URL.

    Args:
        table: what the file and the environment say.
        environ: where the variables are.
        problems: takes what is wrong; never with a secret in it.
        named: whether the environment names the URL; that one brings a password of its own.
    """
    if not isinstance(table, dict):
        return table
    values = {key: value for key, value in table.items() if key != "password" or not named}
    for key in ("url", "password"):
        text = values.get(key)
        if isinstance(text, str) and text.startswith(_FROM_ENVIRONMENT):
            variable = text.removeprefix(_FROM_ENVIRONMENT).strip()
            values[key] = environ.get(variable) or None
            if values[key] is None:
                _complain(problems, (_SECTION, key), variable)
                del values[key]
    password = values.pop("password", None)
    if password is not None:
        values["url"] = _with_password(values.get("url"), password, problems)
    return {key: value for key, value in values.items() if value is not None}


def _complain(problems: Problems, path: KeyPath, variable: str) -> None:
    if variable:
        problems.add(path, f"the environment variable {variable} is not set")
    else:
        problems.add(path, "needs the name of a variable; write env:DATABASE_PASSWORD")


def _with_password(url: Any, password: Any, problems: Problems) -> Any:
    path = (_SECTION, "password")
    if not isinstance(password, str) or not password:
        problems.add(path, "must be text in quotes; write env:DATABASE_PASSWORD")
        return url
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in {"postgresql", "postgres"}:
        problems.add(path, "is for PostgreSQL: its url begins with postgresql://")
    elif parts.password is not None:
        problems.add(path, "stands in the url already: take it out of there")
    elif parts.username is None:
        problems.add(path, "needs a user; write postgresql://user@host/name")
    else:
        host = parts.netloc.rpartition("@")[2]
        netloc = f"{parts.username}:{quote(password, safe='')}@{host}"
        return urlunsplit((parts.scheme, netloc, parts.path, parts.query, parts.fragment))
    return url
