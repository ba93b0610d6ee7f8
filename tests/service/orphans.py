"""A service in a process of its own, to be killed while its lanes run other processes."""

import os
import sys
import threading
import time

from tocsin import RunContext, Tocsin, now
from tocsin.core.handlers import COMMAND


def note(path: str, *pids: int) -> None:
    """Say who runs."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, "".join(f"{pid}\n" for pid in pids).encode())
    os.close(handle)


def sleep(ctx: RunContext, path: str) -> None:
    """In a process of the service's: do nothing, for long."""
    note(path, os.getpid())
    time.sleep(300)


def main(url: str, path: str) -> None:
    """Run a program with a child of its own, and a call in a process, until killed."""
    app = Tocsin(url)
    app.handler("sleep", executor="processes")(sleep)
    with app:
        script = f"sleep 300 & echo $! >> {path}; echo $$ >> {path}; exec sleep 300"
        app.schedule(COMMAND, now(), args=[["sh", "-c", script]])
        app.schedule("sleep", now(), args=[path])
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
