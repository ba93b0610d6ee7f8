"""An actor of your own, supervised and woken by raw alarms: `python examples/own_actor.py`."""

import sys
import threading
from typing import Any

from tocsin import Actor, Tocsin
from tocsin.messages import SetAlarm


class Kettle(Actor):
    """Remembers what it is told until it boils."""

    def __init__(self, boiled: threading.Event) -> None:
        super().__init__()
        self._boiled = boiled

    def handle(self, message: Any) -> str:
        """Act on one message; what is returned is the reply."""
        if message == {"water": "hot"}:
            print("the kettle boils")
            self._boiled.set()
        return "noted"


def main(url: str = "sqlite:///kettle.db") -> None:
    """Start the kettle, set an alarm for it, wait until it rings."""
    app = Tocsin(url)
    boiled = threading.Event()
    app.supervise("kettle", lambda: Kettle(boiled))
    with app:
        reply = app.alarm.ask(SetAlarm("in 1 second", "kettle", {"water": "hot"}))
        print(f"alarm {reply['alarm_id']} rings at {reply['due_at']:%H:%M:%S}")
        boiled.wait(timeout=30)


if __name__ == "__main__":
    main(*sys.argv[1:2])
