"""What the service says when it has started."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from ..core.task import iso
from .moments import Moments
from .output import counted, say
from .plan import stand_ins, summary

if TYPE_CHECKING:
    from ..core.reconcile import Step
    from ..service import Tocsin

_DONE = {"create": "created", "update": "updated", "cancel": "cancelled", "keep": "unchanged"}


def announce(app: "Tocsin", file: Path | None, steps: "Sequence[Step]", style: str) -> None:
    """Say what runs, what the configuration changed, and what comes next.

    Args:
        app: the running service.
        file: the configuration, None for the defaults.
        steps: what the configuration changed.
        style: "text" for some lines on standard output, "json" for one line in the log.
    """
    if style == "json":
        _log_line(app, file, steps)
    else:
        _write_lines(app, file, steps)
    for step in steps:
        if step.verb == "conflict":
            logger.warning("job {} is not created: {}", step.key, step.reason)


def _write_lines(app: "Tocsin", file: Path | None, steps: "Sequence[Step]") -> None:
    from .. import __version__

    say(f"Tocsin {__version__}")
    say(f"  database  {app.storage.place}")
    say(f"  config    {_config_line(file, steps)}")
    for each in stand_ins(app.config):
        say(f"  note      {each}")
    say(f"  next      {_next_line(app)}")
    say(f"  times     {app.timezone}; Ctrl-C stops the service")


def _config_line(file: Path | None, steps: "Sequence[Step]") -> str:
    name = "the defaults: there is no config.toml (`tocsin init` writes one)"
    counts = summary(steps)
    done = [f"{counts[verb]} {word}" for verb, word in _DONE.items() if counts[verb]]
    shown = name if file is None else str(file)
    return f"{shown}: {counted(sum(counts.values()), 'job')}, {', '.join(done)}" if done else shown


def _next_line(app: "Tocsin") -> str:
    coming = app.upcoming(1)
    if not coming:
        return "nothing is planned yet"
    moment, task = coming[0]
    return f"{Moments(app.clock.now(), app.timezone).full(moment)}: {task.name}"


def _log_line(app: "Tocsin", file: Path | None, steps: "Sequence[Step]") -> None:
    from .. import __version__

    coming = app.upcoming(1)
    logger.bind(
        version=__version__,
        database=app.storage.place,
        config=None if file is None else str(file),
        timezone=app.timezone,
        jobs=summary(steps),
        fallbacks={each.name: each.fallback for each in stand_ins(app.config)},
        next_run_at=iso(coming[0][0]) if coming else None,
        next_task=coming[0][1].name if coming else None,
    ).info("the service has started")
