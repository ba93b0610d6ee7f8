"""From config.toml on disk to a validated configuration and its notifiers."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from .core.config import Config, parse_config
from .core.errors import InvalidConfig
from .notifiers.base import Notifier, build
from .notifiers.post import Post


def read_config(
    path: str | Path | None, environ: Mapping[str, str], *, need_secrets: bool = True
) -> Config:
    """Read and validate a configuration file, notifier options included.

    Args:
        path: the file, None for the defaults and the environment alone.
        environ: the environment, whose variables override the file.
        need_secrets: whether a variable that a notifier needs must be set.

    Returns:
        The configuration. A relative database path of the file is relative to the file's folder.

    Raises:
        InvalidConfig: there are mistakes; `problems` has all of them.
    """
    if path is None:
        return parse_config("", environ=environ, name="the environment", need_secrets=need_secrets)
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidConfig(
            f"there is no {file}: write one with `tocsin init`, or name yours with --config"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{file} cannot be read: {error}") from error
    problems: tuple[str, ...] = ()
    config: Config | None = None
    try:
        config = parse_config(text, environ=environ, name=file.name, need_secrets=need_secrets)
    except InvalidConfig as error:
        problems = error.problems
    if config is None:
        raise InvalidConfig(_summary(file, problems), problems)
    try:
        Post(build_notifiers(config)).close()
    except InvalidConfig as error:
        located = tuple(f"{file.name}: {line}" for line in error.problems)
        raise InvalidConfig(_summary(file, located), located) from error
    return config if environ.get("DATABASE_URL") else _beside(file, config)


def build_notifiers(config: Config) -> dict[str, Notifier]:
    """Make the configured notifiers; one whose secrets are missing is served by its fallback.

    Raises:
        InvalidConfig: options are wrong; `problems` lists every mistake of every notifier.
    """
    made: dict[str, Notifier] = {}
    problems: list[str] = []
    for name, notify in config.notify.items():
        if config.notifier_for(name) != name:
            continue
        try:
            made[name] = build(name, notify.kind, notify.options)
        except InvalidConfig as error:
            problems.extend(error.problems)
    if problems:
        raise InvalidConfig("some notifiers are not right", tuple(problems))
    return {name: made[config.notifier_for(name)] for name in config.notify}


def _beside(file: Path, config: Config) -> Config:
    """The same configuration, its relative paths starting at the file's folder."""
    storage, folder = config.storage, file.absolute().parent
    scheme, found, path = storage.url.partition("sqlite:///")
    changes: dict[str, str] = {}
    if not scheme and found and not path.startswith("~"):
        changes["url"] = f"sqlite:///{folder / path}"
    if storage.key_file is not None and not storage.key_file.startswith("~"):
        changes["key_file"] = str(folder / storage.key_file)
    return replace(config, storage=storage.model_copy(update=changes))


def _summary(file: Path, problems: tuple[str, ...]) -> str:
    mistakes = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return "\n".join([f"{file} has {mistakes}", *problems])
