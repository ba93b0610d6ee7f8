"""A service in a process of its own, whose wall clock others set: it notes every call.

It obeys lines on stdin: `shot KEY SECONDS` schedules a call so many seconds ahead of what its clock
shows, `health` writes that as JSON, `stop` ends it.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta

from tocsin import RunContext, Tocsin, at, cron, every
from tocsin.core.clock import to_instant

EACH_SECOND = ("tick", "cron", "aligned")
INTERVALS = {"tick": 1.0, "beat": 5.0}


def note(effects: int, ctx: RunContext) -> None:
    """One line: elapsed time, wall time (both ns), key, planned instant, run, attempt."""
    elapsed, wall = time.monotonic_ns(), time.time_ns()
    words = (elapsed, wall, ctx.key, to_instant(ctx.due_at), ctx.run_id, ctx.attempt)
    os.write(effects, (" ".join(map(str, words)) + "\n").encode())


def schedule(app: Tocsin) -> None:
    """Tasks of every kind that a clock can confuse."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for key, when in {
        "tick": every("1s"),
        "beat": every("5s"),
        "cron": cron("* * * * * *"),
        "aligned": every("1s", anchor=midnight - timedelta(days=365 * 30)),
        "daily": cron("30 2 * * *"),
        "monthly": every("1 month"),
    }.items():
        app.schedule("note", when, key=key)


def obey(app: Tocsin) -> None:
    """Do what is asked until it is to stop, or nobody is there any more."""
    for line in sys.stdin:
        match line.split():
            case ["shot", key, seconds]:
                moment = datetime.fromtimestamp(time.time() + float(seconds), UTC)
                app.schedule("note", at(moment), key=key)
            case ["health"]:
                print(json.dumps(app.health().to_dict()), flush=True)  # noqa: T201
            case _:
                return


def main(folder: str) -> None:
    forever = {"history": "forever", "events": "forever"}  # years pass here
    app = Tocsin(f"sqlite:///{folder}/jumps.db", grace=5, **forever)
    effects = os.open(f"{folder}/effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    app.handler("note")(lambda ctx: note(effects, ctx))
    with app:
        schedule(app)
        print("ready", flush=True)  # noqa: T201
        obey(app)


if __name__ == "__main__":
    main(sys.argv[1])
