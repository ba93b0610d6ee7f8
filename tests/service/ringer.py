"""A service in a process of its own, to be killed: it rings, and writes down that it did."""

import os
import sys
import threading
import time

from tocsin import RunContext, Tocsin, at
from tocsin.messages import NewEntries, NewEntry


def note(path: str, line: str) -> None:
    """Append one line, so that it survives the death of this process, then say it."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)
    os.write(1, f"{line}\n".encode())


def main(url: str, effects: str, wanted: int) -> None:
    """Schedule what is not there yet, then ring until told to stop by the end of stdin."""
    app = Tocsin(url, grace=5)

    @app.handler("ring")
    def ring(ctx: RunContext) -> None:
        note(effects, f"start {ctx.key} {ctx.attempt}")
        ctx.cancelled.wait(0.01)
        note(effects, f"end {ctx.key} {ctx.attempt}")

    with app:
        if not app.tasks():
            soon = time.time() + 0.1
            times = [at(soon + 0.4 * number / wanted) for number in range(wanted)]
            new = [NewEntry(when, handler="ring", key=f"t{n}") for n, when in enumerate(times)]
            app.scheduler.ask(NewEntries(new))
        threading.Thread(target=stop_at_the_end_of_stdin, args=(app,), daemon=True).start()
        app.wait()


def stop_at_the_end_of_stdin(app: Tocsin) -> None:
    """Stop the service when whoever started this process is done with it."""
    sys.stdin.read()
    app.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
