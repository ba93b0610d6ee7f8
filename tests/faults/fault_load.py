"""A service under load: callers that schedule and change tasks, callbacks that leave traces.

A caller writes down what it wants, does it, and writes down that it was acknowledged. A callback
looks with a connection of its own whether its attempt is in the database, and writes down what
it saw as its effect.
"""

import random
import threading
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from fault_looks import look_at
from fault_notes import Journal
from fault_waits import wait_for

import tocsin.engine  # noqa: F401 - it is loaded lazily: here, before a fork
from tocsin import RunContext, Tocsin, at, every
from tocsin.core.errors import TocsinError

INTERVAL = 50_000
"""Microseconds between two slots of a beat."""

SHOTS = ("good", "waits", "most", "flaky")
ONCE = ("most", "beat-most")
"""Handlers whose tasks are delivered at most once."""

BEATS: dict[str, dict[str, Any]] = {
    "beat-all": {
        "overlap": "allow", "catch_up": "all", "catch_up_max": 1000, "catch_up_spacing": "0s",
    },
    "beat-skip": {"overlap": "skip", "catch_up": "one"},
    "beat-queue": {"overlap": "queue", "catch_up": "one"},
    "beat-most": {"overlap": "skip", "catch_up": "skip", "delivery": "at_most_once"},
}  # fmt: skip


class Load:
    """One life of a service, and everybody who wants something of it.

    Args:
        folder: where the journals are, and the database.
        anchor: the first slot of the beats, microseconds.
        seed: what the callers do.
        life: a number that makes the keys of this life unique.
        url: the database, if it is not in the folder.
    """

    def __init__(
        self, folder: Path, anchor: int, seed: int, life: int = 0, url: str | None = None
    ) -> None:
        self.url = url or f"sqlite:///{folder}/tocsin.db"
        self.life = life
        self.seed = seed
        self.anchor = datetime.fromtimestamp(anchor / 1_000_000, UTC)
        self.notes = Journal(folder / "notes")
        self.effects = Journal(folder / "effects")
        self.over = threading.Event()
        self.app = Tocsin(self.url, grace=2, max_concurrent=8)
        self.look = look_at(self.url)
        self._register()

    def _register(self) -> None:
        def good(ctx: RunContext) -> int:
            self.leave_a_trace("good", ctx)
            return ctx.attempt

        def most(ctx: RunContext) -> None:
            self.leave_a_trace("most", ctx)

        async def waits(ctx: RunContext) -> None:
            self.leave_a_trace("waits", ctx)

        def flaky(ctx: RunContext) -> None:
            self.leave_a_trace("flaky", ctx)
            if ctx.attempt == 1:
                raise ValueError("the first attempt always fails")

        handler = self.app.handler
        handler("good", retries=0)(good)
        handler("waits", retries=0)(waits)
        handler("most", retries=0, delivery="at_most_once")(most)
        handler("flaky", retries=3, retry_delay="20ms")(flaky)
        for name in BEATS:
            handler(name, retries=0)(self._beat(name))

    def _beat(self, name: str) -> Any:
        def beat(ctx: RunContext) -> None:
            self.leave_a_trace(name, ctx)
            ctx.cancelled.wait(0.002)

        return beat

    def leave_a_trace(self, kind: str, ctx: RunContext) -> None:
        """The effect of a call, with what anybody can read about it before it happens."""
        row = self.look(ctx.run_id)
        self.effects.write(
            kind=kind, task=ctx.task_id, run=ctx.run_id, attempt=ctx.attempt,
            due=round(ctx.due_at.timestamp() * 1_000_000), seen=row, life=self.life,
        )  # fmt: skip

    # ------------------------------------------------------------ the course of it

    def begin(self, callers: int = 2) -> None:
        """Start the service and its callers."""
        began = time.monotonic()
        self.app.start()
        self.notes.write(verb="started", life=self.life, took=time.monotonic() - began)
        for number in range(callers):
            threading.Thread(target=self.call, args=(number,), daemon=True).start()

    def call(self, number: int) -> None:
        """One caller: the beats first, then one-shots, and changes to tasks of its own."""
        chance = random.Random(f"{self.seed} {self.life} {number}")
        if number == 0:
            for key, policy in BEATS.items():
                self.attempt(
                    "schedule", key, lambda key=key, policy=policy: self.app.schedule(
                        key, every("50ms", anchor=self.anchor), key=key, **policy
                    )
                )  # fmt: skip
        count = 0
        while not self.over.is_set():
            count += 1
            key = f"{self.life}-{number}-{count}"
            if chance.random() < 0.6:
                self.shoot(key, chance)
            else:
                self.treat(key, chance)
            self.over.wait(chance.expovariate(100))

    def shoot(self, key: str, chance: random.Random) -> None:
        """A task that runs once, soon."""
        kind, moment = chance.choice(SHOTS), time.time() + chance.uniform(0, 0.08)
        self.attempt(
            "schedule", key, lambda: self.app.schedule(kind, at(moment), key=key), kind=kind
        )

    def treat(self, key: str, chance: random.Random) -> None:
        """A task that runs tomorrow, and what is done to it until then."""
        app = self.app
        self.attempt("schedule", key, lambda: app.schedule("good", "in 1 day", key=key))
        for step in range(chance.randrange(4)):
            verb = chance.choice(("pause", "resume", "update", "run_now", "cancel"))
            if verb == "update":
                self.attempt(
                    verb, key, lambda step=step: app.update(key, metadata={"step": step}), step=step
                )
            else:
                self.attempt(verb, key, lambda verb=verb: getattr(app, verb)(key))
            if verb == "cancel" or self.over.is_set():
                return

    def attempt(self, verb: str, key: str, act: Any, **details: Any) -> None:
        """Write down what is wanted, do it, write down what was answered."""
        self.notes.write(says="want", verb=verb, key=key, **details)
        try:
            answer = act()
        except TocsinError as error:
            self.notes.write(
                says="refused", verb=verb, key=key, why=error.code, said=str(error), **details
            )
        else:
            self.notes.write(says="ack", verb=verb, key=key, id=answer.id, **details)

    def rest(self, limit: float = 60.0) -> None:
        """No more slots and callers: wait until every run has its disposition, then stop."""
        self.over.set()
        for key, policy in BEATS.items():
            self.app.schedule(key, every("50ms", anchor=self.anchor), key=key, **policy)
            moment = time.time()
            wait_for(partial(self.has_reached, key, moment), limit)
            self.notes.write(verb="rested", key=key, at=int(moment * 1_000_000))
            self.app.cancel(key, "the campaign is over")
        wait_for(lambda: not self.unfinished(), limit)
        self.app.stop()

    def has_reached(self, key: str, moment: float) -> bool:
        """Whether all slots of a beat before a moment are runs."""
        planned = self.app.get(key).next_run_at
        return planned is None or planned.timestamp() >= moment

    def unfinished(self) -> int:
        """Runs that have no disposition, and one-shots that are due."""
        with self.app._open().database.session() as connection:
            return int(
                connection.execute(
                    "SELECT (SELECT count(*) FROM runs WHERE status IN ('pending', 'executing'))"
                    " + (SELECT count(*) FROM tasks WHERE status = 'active' AND next_run_at < ?)",
                    (int((time.time() + 3_600) * 1_000_000),),
                ).fetchone()[0]
            )
