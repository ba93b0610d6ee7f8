"""config.toml and the environment as one frozen, validated value. The disk is not read here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from .calendars import read_calendars
from .config_notify import LOG, NotifyConfig, read_notifiers, stand_in
from .config_resources import check_jobs, read_resources
from .config_sections import LogConfig, SchedulerConfig, ServiceConfig, StorageConfig
from .config_storage import read_storage
from .config_toml import KeyPath, parse_toml
from .environment import Override, read_environment
from .jobs import Job, read_jobs
from .problems import Problems, Table

_SECTIONS: dict[str, type[Table]] = {
    "scheduler": SchedulerConfig,
    "storage": StorageConfig,
    "log": LogConfig,
    "service": ServiceConfig,
}
_TABLES = [*_SECTIONS, "resources", "notify", "calendars", "jobs"]

Section = TypeVar("Section", bound=Table)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be configured.

    Attributes:
        scheduler: how tasks run when they do not say otherwise.
        storage: where everything is remembered.
        log: what the service writes about itself.
        service: the surroundings of a team's service.
        resources: name -> how much there is of what runs hold while they execute.
        notify: name -> channel to people; "log" is always among them.
        jobs: key -> task that shall exist, in the order of the file.
    """

    scheduler: SchedulerConfig = field(default_factory=SchedulerConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    log: LogConfig = field(default_factory=LogConfig)
    service: ServiceConfig = field(default_factory=ServiceConfig)
    resources: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    notify: Mapping[str, NotifyConfig] = field(
        default_factory=lambda: MappingProxyType({LOG: NotifyConfig(LOG)})
    )
    jobs: Mapping[str, Job] = field(default_factory=lambda: MappingProxyType({}))

    def notifier_for(self, name: str) -> str:
        """Return the notifier that serves for `name` now: itself, or what stands in for it."""
        return stand_in(name, self.notify)


def parse_config(
    text: str,
    *,
    environ: Mapping[str, str],
    name: str = "config.toml",
    need_secrets: bool = True,
) -> Config:
    """Read and validate a configuration.

    Args:
        text: the TOML file; empty for the defaults.
        environ: the environment; what it says takes the place of what the file says.
        name: the file's name, for the problems.
        need_secrets: whether a variable that a notifier needs must be set.

    Raises:
        InvalidConfig: there are mistakes. `problems` has all of them, a line for each.
    """
    text = text.removeprefix("\ufeff")
    data = parse_toml(text, name)
    overrides, complaints = read_environment(environ)
    variables: dict[KeyPath, str] = {(each.section, each.key): each.variable for each in overrides}
    problems = Problems(name, text, variables)
    for complaint in complaints:
        problems.add_line(complaint)
    _check_tables(data, problems)
    _override(data, overrides)
    if "storage" in data:
        named = ("storage", "url") in variables
        data["storage"] = read_storage(data["storage"], environ, problems, named=named)
    scheduler = _section(SchedulerConfig, data, problems)
    notifiers = read_notifiers(data.get("notify", {}), environ, problems, need_secrets=need_secrets)
    calendars = read_calendars(data.get("calendars", {}), problems)
    resources = read_resources(data.get("resources", {}), problems)
    jobs = read_jobs(data.get("jobs", {}), scheduler, notifiers, problems, calendars)
    check_jobs(jobs, resources, problems)
    config = Config(
        scheduler=scheduler,
        storage=_section(StorageConfig, data, problems),
        log=_section(LogConfig, data, problems),
        service=_section(ServiceConfig, data, problems),
        resources=resources,
        notify=MappingProxyType(notifiers),
        jobs=MappingProxyType(jobs),
    )
    problems.raise_any()
    return config


def _check_tables(data: dict[str, Any], problems: Problems) -> None:
    """Note what stands at the top of the file and means nothing there."""
    for name in data:
        homes = [section for section, model in _SECTIONS.items() if name in model.model_fields]
        if name in _TABLES:
            continue
        if homes:
            problems.add((name,), f"belongs under [{homes[0]}]")
        else:
            problems.unknown((name,), _TABLES)


def _override(data: dict[str, Any], overrides: list[Override]) -> None:
    """Let the environment take the place of what the file says."""
    for each in overrides:
        section = data.setdefault(each.section, {})
        if isinstance(section, dict):
            section[each.key] = each.value


def _section(model: type[Section], data: dict[str, Any], problems: Problems) -> Section:
    """Read one table; its defaults stand in for it when there are mistakes, to look further."""
    name = next(name for name, each in _SECTIONS.items() if each is model)
    return problems.read(model, (name,), data.get(name, {})) or model()
