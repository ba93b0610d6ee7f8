"""`tocsin add`: a task that calls a function, a handler or a program."""

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from ..core.commands import NewEntry
from ..core.entry import parse_target
from ..core.handlers import COMMAND
from ..core.options import policy_with
from ..core.schedule import cron, every, now
from .options import command
from .ordering import echo, known_task
from .settings import Settings, pass_settings
from .when import When, checked_zone, read_moment, zone_option

if TYPE_CHECKING:
    from ..service import Tocsin


def _parsed_json(kind: type, example: str) -> Any:
    """A callback that reads an option as JSON of one kind."""

    def read(_: click.Context, param: click.Parameter, value: str | None) -> Any:
        if value is None:
            return None
        try:
            found = json.loads(value)
        except ValueError as error:
            raise click.BadParameter(
                f"it is not JSON ({error}); write {example}", param=param
            ) from None
        if not isinstance(found, kind):
            raise click.BadParameter(f"write {example}", param=param)
        return found

    return read


def _parsed_rules(
    _: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, Any]:
    """Read "name=value" pairs; a name that comes again makes a list, a number is one."""
    found: dict[str, Any] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"write NAME=VALUE, not {text!r}", param=param)
        name, plain = name.strip().replace("-", "_"), _plain(value.strip())
        found[name] = [*_listed(found[name]), plain] if name in found else plain
    return found


def _plain(text: str) -> Any:
    """A number as a number, "none" as nothing, everything else as text."""
    if text == "none":
        return None
    try:
        return json.loads(text) if text[:1].isdigit() or text[:1] == "-" else text
    except ValueError:
        return text


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@command("add")
@click.argument("key")
@click.option("--cron", "cron_", help='A cron expression: "0 9 * * 1-5".', metavar="EXPR")
@click.option("--every", "every_", help='An interval: "5m", "1h30m", "1 month".', metavar="LENGTH")
@click.option("--at", "at_", help='A moment: "10:30pm", "in 5 minutes".', metavar="WHEN")
@click.option("--now", "now_", is_flag=True, help="At once.")
@click.option("--call", help="A function: module:function.", metavar="TARGET")
@click.option("--handler", help="The key of a registered handler.", metavar="KEY")
@click.option("--run", "run_", help='A program: "backup.sh --quick".', metavar="COMMAND")
@click.option(
    "--args",
    callback=_parsed_json(list, "a list such as '[1, \"two\"]'"),
    help="Positional arguments, as a JSON list.",
    metavar="JSON",
)
@click.option(
    "--kwargs",
    callback=_parsed_json(dict, 'an object such as \'{"region": "eu"}\''),
    help="Keyword arguments, as a JSON object.",
    metavar="JSON",
)
@click.option("--timeout", help='How long an attempt may take: "5m".', metavar="LENGTH")
@click.option("--retries", type=click.IntRange(min=0), help="Tries after the first one.")
@click.option(
    "--policy",
    "rules",
    multiple=True,
    callback=_parsed_rules,
    help='Any rule: "overlap=queue", "windows=mon-fri 09:00-17:00". Repeatable.',
    metavar="NAME=VALUE",
)
@zone_option
@pass_settings
def add(
    settings: Settings,
    *,
    key: str,
    cron_: str | None,
    every_: str | None,
    at_: str | None,
    now_: bool,
    call: str | None,
    handler: str | None,
    run_: str | None,
    args: list[Any] | None,
    kwargs: dict[str, Any] | None,
    timeout: str | None,
    retries: int | None,
    rules: dict[str, Any],
    timezone: str | None,
) -> None:
    """Add the task KEY, or change it.

    It takes one time (--cron, --every, --at or --now) and one action (--call, --handler or --run).
    What is called is not looked at here: it has to be importable where the service runs.
    """
    _one_of({"--cron": cron_, "--every": every_, "--at": at_, "--now": now_ or None}, "time")
    _one_of({"--call": call, "--handler": handler, "--run": run_}, "action")
    if run_ is not None and (args is not None or kwargs is not None):
        raise click.UsageError("--args and --kwargs belong to --call and --handler, not to --run")
    what = _action(call, handler, run_, args, kwargs)
    app = settings.open()
    tz = app.timezone if timezone is None else checked_zone(timezone)
    when = _time(app, cron_, every_, at_, tz)
    options = {"timeout": timeout, "retries": retries}
    given = {k: v for k, v in options.items() if v is not None}
    policy = policy_with(app.policy, {**rules, **given}).bound(tz)
    before = known_task(app, key, settings.tenant)
    entry = NewEntry(
        when.schedule,
        **what,
        key=key,
        tenant=settings.tenant,
        policy=policy,
        created_by="cli",
        codec="json",
    )
    task = app.order(entry)
    echo(settings, app, task, before=before, tz=tz, note=when.note)


def _one_of(options: Mapping[str, object], noun: str) -> None:
    """Refuse none, and more than one."""
    given = [name for name, value in options.items() if value is not None]
    if len(given) == 1:
        return
    if given:
        raise click.UsageError(f"a task has one {noun}, not {' and '.join(given)}")
    *some, last = options
    raise click.UsageError(f"a task needs one {noun}: write {', '.join(some)} or {last}")


def _action(
    call: str | None,
    handler: str | None,
    run: str | None,
    args: list[Any] | None,
    kwargs: dict[str, Any] | None,
) -> dict[str, Any]:
    """The fields of the entry that say what."""
    if run is not None:
        return {"handler": COMMAND, "kwargs": {"argv": _words(run)}}
    values = {"args": args or [], "kwargs": kwargs or {}}
    if handler is not None:
        return {"handler": handler, **values}
    target = parse_target(call or "")
    if target is None:
        raise click.UsageError(f"--call {call!r} is no function: write myapp.reports:nightly")
    return {"module": target[0], "function": target[1], **values}


def _words(text: str) -> list[str]:
    """Split a command as a shell would, which it never reaches."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise click.UsageError(f"--run {text!r} cannot be split into words: {error}") from None
    if not words:
        raise click.UsageError("--run needs a program")
    return words


def _time(app: "Tocsin", cron_: str | None, every_: str | None, at_: str | None, tz: str) -> When:
    if cron_ is not None:
        return When(cron(cron_, tz))
    if every_ is not None:
        return When(every(every_))
    if at_ is not None:
        return read_moment(at_, now=app.clock.now(), tz=tz)
    return When(now())
