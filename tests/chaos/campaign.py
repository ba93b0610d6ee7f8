"""A real service under load while everything in it is crashed, hung and abused.

`make chaos`, or `python tests/chaos/campaign.py --seconds 120 --seed 7`. Prints what was done and
what was found as JSON; the exit code is 0 when all promises were kept.
"""

import argparse
import json
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from callbacks import Callbacks

from tocsin import Actor, Tocsin, every
from tocsin.actors.alarm import Alarm
from tocsin.actors.backoff import Backoff
from tocsin.actors.courier import Courier
from tocsin.actors.janitor import Janitor
from tocsin.actors.publisher import Publisher
from tocsin.actors.runner import Runner
from tocsin.actors.scheduler import Scheduler
from tocsin.actors.strategies import Flags
from tocsin.actors.warden import Warden
from tocsin.core.errors import ActorTimeout, TocsinError
from tocsin.messages import WhichChildren

ATTACKED = ("alarm", "runner", "courier", "publisher", "scheduler", "janitor", "mine")
OWN = (*ATTACKED, "warden", "healthy")
BUSY_LIMIT = 6.0
"""Seconds of one message after which an actor hangs; a batch of a thousand runs takes its time."""

TRIES = 10
LONGEST_SPELL = 12.0
ANSWER_WITHIN = 15.0
DRAIN = 300.0
"""Seconds at most for a service that could not keep up to come to rest."""

LONGEST_PAUSE = 40.0
"""Seconds after which even an actor that died ten times in a row has been started again."""

SLACK = 1_000_000
"""Microseconds by which a slot may not have rung yet when its task is cancelled."""


class Poison:
    """A message that kills whoever looks at it."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise SystemExit("poison")


class Spell:
    """A message that holds up whoever looks at it, until it is lifted."""

    def __init__(self) -> None:
        self.lifted = threading.Event()

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        self.lifted.wait(60)
        return str


class Echo(Actor):
    """Answers everything that it can look at."""

    busy_limit = BUSY_LIMIT

    def handle(self, message: Any) -> Any:
        return message if isinstance(message, int) else None


class Healthy(Echo):
    """Nobody does anything to it; a busy machine must not be taken for a hang."""

    busy_limit = 60.0


class Campaign:
    """One service, its load, its attackers, and the accounts at the end."""

    def __init__(self, folder: Path, tasks: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.tasks = tasks
        self.database = folder / "chaos.db"
        self.done = threading.Event()
        self.attacks: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.problems: list[str] = []
        self.spells: list[tuple[float, Spell]] = []
        self.app = Tocsin(f"sqlite:///{self.database}", grace=2, max_concurrent=20)
        self.app.supervise("mine", Echo)
        self.app.supervise("healthy", Healthy)
        self.callbacks = Callbacks(self.app)

    # ------------------------------------------------------------ the course of it

    def run(self, seconds: float) -> dict[str, Any]:
        """Load and attack for so many seconds, then let it come to rest and take stock."""
        threads = [
            threading.Thread(target=target, daemon=True) for target in (self.attack, self.probe)
        ]
        with self.app:
            self.anchor = (int(time.time()) + 2 + self.tasks // 100) * 1_000_000
            self.load()
            self.done.wait(self.anchor / 1_000_000 - time.time())
            for thread in threads:
                thread.start()
            self.done.wait(seconds)
            self.done.set()
            for thread in threads:
                thread.join(ANSWER_WITHIN * len(OWN))
                self.expect(not thread.is_alive(), "a prober or attacker hangs")
            for _, spell in self.spells:
                spell.lifted.set()
            self.callbacks.forever.set()
            self.rest()
            self.wait_for(self.unheard, "events were not heard")
            self.take_stock_of_the_tree()
        return self.result(seconds)

    def load(self) -> None:
        """Tasks of every temper; all slots of all of them are known beforehand."""
        anchor = datetime.fromtimestamp(self.anchor / 1_000_000, UTC)
        kinds = ["good"] * 5 + ["waits"] * 3 + ["tell", "fail"]
        policies: list[dict[str, Any]] = [
            {"overlap": "allow", "catch_up": "all", "catch_up_max": 1000, "catch_up_spacing": "0s"},
            {"overlap": "skip", "catch_up": "one"},
            {"overlap": "queue", "catch_up": "one"},
        ]
        for number in range(self.tasks):
            self.surely(
                self.app.schedule,
                kinds[number % len(kinds)],
                every("1s", anchor=anchor),
                key=f"t{number}",
                **policies[number % len(policies)],
            )
        for key, interval in (("leave", "500ms"), ("hang", "1s")):
            self.surely(
                self.app.schedule, key, every(interval, anchor=anchor), key=key, overlap="skip"
            )
        for key in ("segfault", "exhaust", "leave"):
            self.surely(
                self.app.schedule,
                f"process-{key}",
                every("2s", anchor=anchor),
                key=f"p-{key}",
                overlap="skip",
            )

    def surely(self, verb: Callable[..., object], *args: Any, **options: Any) -> None:
        """Say it again when the Scheduler was replaced in between: a key makes it harmless."""
        for left in reversed(range(TRIES)):
            try:
                verb(*args, **options)
            except ActorTimeout as error:
                self.problems.append(f"no answer: {error}")
            except TocsinError:
                if left == 0:
                    raise
            else:
                return

    def attack(self) -> None:
        """Crash and hang random actors until it is over."""
        while not self.done.wait(self.chance.uniform(0.05, 0.4)):
            name, now = self.chance.choice(ATTACKED), time.monotonic()
            if self.chance.random() < 0.2:
                spell = Spell()
                self.spells.append((now + self.chance.uniform(0.2, LONGEST_SPELL), spell))
                self.send(name, spell, "hang")
            else:
                self.send(name, Poison(), "crash")
            for end, spell in self.spells:
                if end < now:
                    spell.lifted.set()

    def send(self, name: str, message: object, what: str) -> None:
        try:
            self.app.address(name).tell(message)
        except TocsinError as error:
            self.problems.append(f"{name} could not be attacked: {error}")
        else:
            self.attacks[f"{what} {name}"] += 1

    def probe(self) -> None:
        """Ask everybody all the time: each gets an answer or a typed error, in time."""
        number = 0
        while not self.done.wait(0.02):
            number += 1
            name = OWN[number % len(OWN)]
            try:
                reply = self.app.address(name).ask(number, timeout=ANSWER_WITHIN)
            except ActorTimeout as error:  # who is attacked twice in a row may take longer
                self.answers[f"no answer from {name}"] += 1
                self.expect(name in ATTACKED, f"no answer: {error}")
            except TocsinError as error:
                self.answers[type(error).__name__] += 1
                self.expect(name != "healthy", f"a healthy actor did not answer: {error}")
            else:
                self.answers["reply"] += 1
                self.expect(name not in {"healthy", "mine"} or reply == number, "a wrong reply")

    def rest(self) -> None:
        """Catch up, let no new slots come, and wait until every run has its disposition."""
        self.wait_for(self.overdue, "tasks are behind")
        self.not_before = int(time.time() * 1_000_000) - SLACK
        for task in self.app.tasks(limit=1_000_000):
            self.surely(self.app.cancel, task, "the campaign is over")
        self.not_after = int(time.time() * 1_000_000)
        self.seconds = (self.not_after - self.anchor) / 1_000_000
        self.wait_for(self.unfinished, "runs have no disposition")

    def wait_for(self, left: Callable[[], int], what: str, limit: float = DRAIN) -> None:
        end = time.monotonic() + limit
        while left() and time.monotonic() < end:
            time.sleep(0.1)
        self.expect(not left(), f"{left()} {what}")

    def overdue(self) -> int:
        late = int(time.time() * 1_000_000) - SLACK
        return int(self.rows("SELECT count(*) FROM tasks WHERE next_run_at < ?", late)[0][0])

    def unfinished(self) -> int:
        return int(
            self.rows("SELECT count(*) FROM runs WHERE status IN ('pending', 'executing')")[0][0]
        )

    def unheard(self) -> int:
        """Events in the log that the listener has not been told of."""
        rows = self.rows("SELECT run_id FROM events WHERE type = 'HandlerEvent'")
        return sum(run_id not in self.callbacks.heard for (run_id,) in rows)

    # ------------------------------------------------------------ the accounts

    def states(self) -> dict[str, str]:
        children = self.app.supervisor.ask(WhichChildren(), timeout=ANSWER_WITHIN)
        return {child.id: child.state for child in children}

    def take_stock_of_the_tree(self) -> None:
        """Everybody is there again, if need be after the longest pause before a restart."""
        self.wait_for(
            lambda: sum(state == "restarting" for state in self.states().values()),
            "actors stay away",
            limit=LONGEST_PAUSE,
        )
        states = self.states()
        self.expect(states == dict.fromkeys(OWN, "running"), f"not whole: {states}")
        self.wait_for(
            lambda: self.app.health().abandoned, "threads are left that nothing holds up", limit=10
        )
        children = self.app.supervisor.ask(WhichChildren(), timeout=ANSWER_WITHIN)
        self.restarts = sum(child.restarts for child in children)

    def take_stock_of_the_slots(self) -> int:
        """Every slot that the rule alone says there was is in exactly one row."""
        slots = 0
        for task_id, key, schedule in self.rows("SELECT id, key, schedule FROM tasks"):
            interval = json.loads(schedule)["interval"]
            at = self.anchor
            for due_at, count in self.rows(
                "SELECT due_at, count FROM runs WHERE task_id = ? ORDER BY due_at", task_id
            ):
                self.expect(
                    due_at == at, f"{key}: a slot is missing or twice at {at}, not {due_at}"
                )
                at = due_at + count * interval
                slots += count
            self.expect(at > self.not_before, f"{key}: slots from {at} on are missing")
            self.expect(at - interval <= self.not_after, f"{key}: there are slots after the end")
        return slots

    def take_stock_of_the_calls(self) -> None:
        """No attempt was made twice, none without its claim, and every success was made."""
        rows = self.rows(
            "SELECT r.id, r.status, r.attempt FROM runs r JOIN tasks t ON t.id = r.task_id"
            " WHERE t.key LIKE 't%' AND r.status IN ('succeeded', 'failed')"
        )
        attempts = {run_id: attempt for run_id, _, attempt in rows}
        made = self.callbacks.made
        twice = [claim for claim, times in made.items() if times > 1]
        self.expect(not twice, f"attempts made twice: {twice[:5]}")
        missing = [r for r, status, a in rows if status == "succeeded" and not made[r, a]]
        self.expect(not missing, f"successes that nobody made: {missing[:5]}")
        unclaimed = [c for c in made if made[c] and c[1] > attempts.get(c[0], 0)]
        self.expect(not unclaimed, f"calls that no claim allowed: {unclaimed[:5]}")

    def expect(self, holds: object, otherwise: str) -> None:
        if not holds:
            self.problems.append(otherwise)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.database, timeout=10)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def result(self, seconds: float) -> dict[str, Any]:
        slots = self.take_stock_of_the_slots()
        self.take_stock_of_the_calls()
        statuses = dict(self.rows("SELECT status, sum(count) FROM runs GROUP BY status"))
        return {
            "seconds": seconds,
            "slots": slots,
            "slots_per_second": round(slots / self.seconds),
            "calls_per_second": round(sum(self.callbacks.made.values()) / self.seconds),
            "process_calls": dict(
                self.rows(
                    "SELECT t.key || ' ' || r.status, count(*) FROM runs r JOIN tasks t"
                    " ON t.id = r.task_id WHERE t.key LIKE 'p-%' GROUP BY 1"
                )
            ),
            "events_heard": len(self.callbacks.heard),
            "dispositions": statuses,
            "attacks": dict(sorted(self.attacks.items())),
            "restarts": self.restarts,
            "answers": dict(self.answers),
            "problems": self.problems[:20],
        }


def hasten() -> None:
    """What takes minutes in real life takes a second here; the budget is not what is tried."""
    import tocsin.engine as engine  # noqa: PLC0415, PLR0402 - the one place where flags are

    engine.FLAGS = Flags(
        intensity=100_000, period=60.0, backoff=Backoff(min=0.01, max=0.2, reset_after=1)
    )
    for each in (Alarm, Runner, Courier, Publisher, Scheduler, Janitor):
        each.busy_limit = BUSY_LIMIT
    Warden.every = 0.1
    Warden.__init__.__kwdefaults__ = {"most_abandoned": 1_000}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seconds", type=float, default=120.0, help="how long it is attacked")
    options.add_argument("--tasks", type=int, default=1_000, help="tasks, each due once a second")
    options.add_argument("--seed", type=int, default=None, help="repeat the same attacks")
    chosen = options.parse_args()
    seed = random.randrange(1 << 32) if chosen.seed is None else chosen.seed
    hasten()
    with tempfile.TemporaryDirectory(prefix="tocsin-chaos-") as name:
        result = Campaign(Path(name), chosen.tasks, seed).run(chosen.seconds)
    sys.stdout.write(json.dumps({"seed": seed, **result}, indent=2) + "\n")
    sys.exit(1 if result["problems"] else 0)


if __name__ == "__main__":
    main()
