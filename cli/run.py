"""`tocsin run`: the service, from its start to its end."""

import json
import threading
from queue import SimpleQueue
from signal import SIGHUP, SIGUSR1, Signals
from typing import TYPE_CHECKING

import click

from ..core.errors import InvalidConfig, TocsinError
from .health import describe
from .options import command
from .output import counted
from .settings import Settings, pass_settings
from .signals import STOPPING, signals_to
from .systemd import Systemd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.config import Config
    from ..core.reconcile import Step
    from ..service import Tocsin

GAVE_UP = 70
"""Exit code when an actor kept dying: a fault inside, not a wish from outside."""

FIXED = ("scheduler", "storage", "log", "service")
"""The tables of the configuration that are read at the start only."""


@command("run")
@pass_settings
@click.pass_context
def run(ctx: click.Context, settings: Settings) -> None:
    """Start the service and stay until Ctrl-C.

    SIGTERM stops it, too. SIGHUP reads the configuration again. Stopping waits for running calls,
    for at most the configured grace; a second signal ends it at once. SIGUSR1 writes the
    supervision tree, its health and the stacks of all threads to the log. Under systemd it is a
    service of Type=notify, with or without a watchdog.
    """
    from loguru import logger

    from ..core.config import Config
    from .logs import set_up_log

    app = settings.open(to_serve=True)
    log = (app.config or Config()).log
    style = "json" if settings.json else log.format
    set_up_log(log.level, style, app.timezone)
    try:
        ctx.exit(_serve(app, settings, style))
    except TocsinError as error:
        if style != "json":
            raise
        logger.critical("{}", error)
        ctx.exit(1)


def _serve(app: "Tocsin", settings: Settings, style: str) -> int:
    """Run until a signal or the supervisor ends it; returns the exit code."""
    from .banner import announce

    inbox: SimpleQueue[object] = SimpleQueue()
    systemd = Systemd(settings.environ)
    with signals_to(inbox):
        steps = app.plan_config()
        try:
            app.start()
            announce(app, settings.config_file, steps, style)
            threading.Thread(target=_watch, args=(app, inbox), daemon=True).start()
            systemd.ready(lambda: app.well)
            return _obey(app, settings, inbox)
        finally:
            systemd.stopping()
            app.stop()
            systemd.stopped()


def _watch(app: "Tocsin", inbox: "SimpleQueue[object]") -> None:
    """Tell the main thread when the service ended by itself, and why."""
    try:
        app.wait()
    except TocsinError as error:
        inbox.put(error)
    else:
        inbox.put(None)


def _obey(app: "Tocsin", settings: Settings, inbox: "SimpleQueue[object]") -> int:
    """Do what signals ask for, until one of them ends it."""
    from loguru import logger

    while True:
        message = inbox.get()
        if message is SIGHUP:
            _reload(app, settings)
        elif message is SIGUSR1:
            _log_state(app)
        elif message in STOPPING and isinstance(message, Signals):
            logger.info("{}: stopping, running calls have {:g} s", message.name, app.grace)
            return 0
        elif message is not None:
            logger.critical("the service gives up: {}", message)
            return GAVE_UP
        else:
            return 0


def _log_state(app: "Tocsin") -> None:
    """Write down what everybody does: for somebody who looks for what hangs."""
    from loguru import logger

    from ..actors.stacks import all_stacks

    seen = app.health()
    logger.info("health: {}", json.dumps(seen.to_dict(), ensure_ascii=False))
    for each in seen.actors:
        logger.info("{}", describe(each))
    logger.info("the stacks of all threads\n{}", all_stacks())


def _reload(app: "Tocsin", settings: Settings) -> None:
    """Read the configuration again; with mistakes in it, everything stays as it is."""
    from loguru import logger

    before = app.config
    try:
        file = settings.config_file
        if file is None:
            logger.warning("there is no configuration to read again")
            return
        steps = app.reload(file, settings.environ)
    except InvalidConfig as error:
        logger.error("the configuration stays as it was: {}", str(error).partition("\n")[0])
        for problem in error.problems:
            logger.error("{}", problem)
    except TocsinError as error:
        logger.error("the configuration was not read: {}", error)
    else:
        _log_changes(steps, before, app.config)


def _log_changes(steps: "Sequence[Step]", before: "Config | None", after: "Config | None") -> None:
    from loguru import logger

    changed = [step for step in steps if step.verb != "keep"]
    logger.info("configuration read again: {} changed", counted(len(changed), "job"))
    for step in changed:
        level = "WARNING" if step.verb == "conflict" else "INFO"
        logger.log(level, "job {}: {} ({})", step.key, step.verb, step.reason)
    for name in FIXED:
        if getattr(before, name, None) != getattr(after, name, None):
            logger.warning("[{}] changed: restart the service to use it", name)
