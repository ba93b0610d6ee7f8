"""Random commands through the real ledger; the tables must be what the log folds into.

    python tests/folding.py [COMMANDS] [SEED]

Time goes on and is set back, services die, old history is pruned, tables are rebuilt and swapped in
while all this goes on. After every few commands the log is folded again and compared row by row.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tocsin.core import commands as c
from tocsin.core.clock import DAY, HOUR, MINUTE, SECOND
from tocsin.core.options import policy_with
from tocsin.core.policy import Policy
from tocsin.core.published import TaskEvent
from tocsin.core.retention import Keep
from tocsin.core.schedule import after, at, cron, every, now
from tocsin.core.work import Start
from tocsin.opening import Opened
from tocsin.storage.claims import Claims
from tocsin.storage.deliveries import Deliveries
from tocsin.storage.ledger import Ledger
from tocsin.storage.rebuild import Rebuilt, rebuild
from tocsin.storage.retention import Retention

KEYS = [f"task-{n}" for n in range(12)]
OUTCOMES = ("succeeded", "failed", "timed_out", "cancelled", "rejected", "interrupted")
POLICIES: tuple[dict[str, Any], ...] = (
    {},
    {"retries": 2},
    {"max_runs": 3},
    {"overlap": "allow", "max_instances": 2, "catch_up": "all"},
    {"overlap": "cancel_running"},
    {"overlap": "queue"},
    {"on_exhausted": "disable"},
    {"delivery": "at_most_once", "priority": 3},
    {"concurrency": 1},
    {"rate": "2/minute"},
    {"resources": {"gpu": 1}},
    {"windows": "mon-fri 09:00-17:00"},
    {"windows": "00:00-12:00", "outside_window": "skip"},
    {"on_dependency_failure": "fail"},
    {"on_dependency_failure": "run"},
)
RESULTS = (None, 5, 1.5, "text ä", [1, [2]], {"b": 1, "a": {"10": 1, "9": None}}, True)
KEEP = Keep(20 * DAY, 40 * DAY)


class Clock:
    """Stands still until it is moved, in either direction."""

    def __init__(self) -> None:
        self.instant = 1_772_442_000 * SECOND

    def now(self) -> int:
        return self.instant

    monotonic = now

    def wait(self, condition: Any, timeout: float | None) -> None:
        raise AssertionError("nobody waits here")


@dataclass
class Story:
    """What happened in a campaign.

    Attributes:
        commands: how many were carried out, by their names.
        refused: how many of them were refused.
        checks: how often the log was folded again.
        swaps: how often the fresh tables took the places of the live ones.
        pruned: batches that were pruned.
        wrong: what was not as it should be.
        rows: table -> how many rows the log makes at the end.
    """

    commands: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    checks: int = 0
    swaps: int = 0
    pruned: int = 0
    wrong: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)


class Campaign:
    """A service that is asked anything, in any order."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.draw = random.Random(seed)
        self.clock = Clock()
        self.opened = Opened(f"sqlite:///{folder}/tocsin.db", self.clock, {})
        self.database = self.opened.database
        self.retention = Retention(self.database, KEEP)
        self.deliveries = Deliveries(self.database)
        self.story = Story()
        self.seen: dict[tuple[int, int], int] = {}
        self.attempts: list[Start] = []
        self.heard = self.deliveries.begin("listener", replay=True)
        self.begin()

    def begin(self) -> None:
        """A new life of the service."""
        claims = Claims(f"life {self.draw.random()}", {"gpu": 1})
        self.ledger = Ledger(self.database, self.clock, self.opened.drafts, claims)

    def play(self, commands: int, check_every: int) -> Story:
        """Carry out so many commands."""
        acts: list[tuple[int, Callable[[], None]]] = [
            (40, lambda: self.do(*self.orders())),
            (50, self.ring),
            (50, self.finish),
            (10, self.die),
            (2, self.set_clock),
            (6, self.prune),
            (2, self.listen),
        ]
        weights = [weight for weight, _ in acts]
        done = 0
        while (total := self.story.commands.total()) < commands:
            [(_, act)] = self.draw.choices(acts, weights)
            act()
            if total // check_every > done:
                done = total // check_every
                self.check(swap=done % 5 == 0)
        self.check(swap=True)
        return self.story

    # ------------------------------------------------------------ what is done

    def do(self, *commands: Any) -> None:
        commit = self.ledger.execute(commands, slots=self.draw.choice((0, 1, 3, 50)))
        self.story.commands.update(type(each).__name__ for each in commands)
        self.story.refused += sum(isinstance(answer, Exception) for answer in commit.answers)
        self.attempts += commit.starts

    def orders(self) -> Iterator[Any]:
        for _ in range(self.draw.choice((1, 1, 2, 5))):
            yield self.draw.choice((self.entry, self.entry, self.change))()

    def entry(self) -> Any:
        draw = self.draw
        key = draw.choice([*KEYS, None, None])
        when = draw.choice([
            every("5m"), every("7h"), cron("*/15 * * * *"), cron("0 3 * * *"), now(),
            at("in 20 minutes"), at("2026-03-02T09:30Z"), after(draw.choice(KEYS)),
            after(draw.choice(KEYS), draw.choice(KEYS)),
        ])  # fmt: skip
        new = c.NewEntry(
            when, handler=draw.choice(("a.b", "c.d")), args=(draw.randrange(3),), key=key,
            policy=policy_with(Policy(), draw.choice(POLICIES)), paused=draw.random() < 0.1,
            metadata=draw.choice(({}, {"n": (1, 2), "m": {"z": 1, "a": 2}})),
            revive=draw.random() < 0.8,
        )  # fmt: skip
        return (
            new if draw.random() < 0.8 else c.NewEntries([new, c.NewEntry("1:30pm", handler="x")])
        )

    def change(self) -> Any:
        draw = self.draw
        who = draw.choice([*KEYS, draw.randrange(1, 60)])
        why = draw.choice((None, "because"))
        return draw.choice([
            lambda: c.PauseTask(who, why), lambda: c.ResumeTask(who),
            lambda: c.ResumeTask(who, catch_up=True), lambda: c.CancelTask(who, why),
            lambda: c.DeleteTask(who, why), lambda: c.RunNow(who), lambda: c.RunNow(who),
            lambda: c.RetryRun(draw.randrange(1, 200)),
            lambda: c.UpdateTask(who, draw.choice((None, every("2h"), after(draw.choice(KEYS)))),
                                 draw.choice((None, {"max_runs": 9}, {"nonsense": 1})),
                                 draw.choice((None, {"note": [1, None]}))),
            lambda: "nonsense",
        ])()  # fmt: skip

    def ring(self) -> None:
        self.clock.instant += self.draw.choice((1, MINUTE, 5 * MINUTE, HOUR, 9 * HOUR, 3 * DAY))
        with self.database.session() as connection:
            due = connection.execute(
                "SELECT task_id FROM alarms WHERE due_at <= ? AND task_id IS NOT NULL",
                (self.clock.instant,),
            ).fetchall()
        self.do(c.AlarmsTriggered(tuple(row[0] for row in due)))

    def finish(self) -> None:
        if not self.attempts:
            return
        draw, moment = self.draw, self.clock.now()
        start = self.attempts.pop(draw.randrange(len(self.attempts)))
        event = TaskEvent("made", {10: "x", 9: (1, 2)}) if draw.random() < 0.3 else None
        done = c.RunFinished(
            start.run_id, start.task_id, start.fence, draw.choice((*OUTCOMES, "succeeded")),
            moment, moment + 5, result=event.to_dict() if event else draw.choice(RESULTS),
            event=event, error="no", retryable=draw.random() < 0.8,
        )  # fmt: skip
        self.do(*[done] * draw.choice((1, 1, 1, 2)))

    def die(self) -> None:
        held = frozenset(start.claim for start in self.attempts if self.draw.random() < 0.5)
        self.attempts = [start for start in self.attempts if start.claim in held]
        self.begin()
        self.do(c.RescueRuns(held))

    def set_clock(self) -> None:
        step = self.draw.choice((-2 * DAY, -HOUR, -1, HOUR, DAY))
        self.clock.instant += step
        self.do(c.ClockStepped(step))

    def prune(self) -> None:
        for _ in range(self.draw.randrange(1, 6)):
            self.story.pruned += self.retention.step(self.clock.now())

    def listen(self) -> None:
        for each in self.deliveries.new(self.heard, self.draw.randrange(1, 40)):
            self.heard = each.id
        self.deliveries.advance("listener", self.heard, [])

    # ------------------------------------------------------------ what must hold

    def check(self, *, swap: bool) -> None:
        self.story.checks += 1
        self.note(rebuild(self.database, check=True))
        if swap:
            self.story.swaps += 1
            self.note(rebuild(self.database, check=False))
            self.note(rebuild(self.database, check=True))
        with self.database.session() as connection:
            for run_id, *place in connection.execute("SELECT id, task_id, due_at FROM runs"):
                first = self.seen.setdefault((place[0], place[1]), run_id)
                if first != run_id:
                    self.story.wrong.append(f"run {run_id} is the occurrence of run {first} again")

    def note(self, found: Rebuilt) -> None:
        self.story.rows = found.rows
        self.story.wrong += [str(each.to_dict()) for each in found.differences]


def campaign(folder: Path, commands: int, seed: int, check_every: int = 100) -> Story:
    """So many random commands in a new database in a folder."""
    one = Campaign(folder, seed)
    try:
        return one.play(commands, check_every)
    finally:
        one.database.disconnect()


def main(arguments: list[str], say: Callable[[str], None] = print) -> int:
    """Run one campaign; 1 when something was wrong."""
    count = int(arguments[0]) if arguments else 10_000
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="tocsin-folding-") as folder:
        story = campaign(Path(folder), count, seed)
    took = time.perf_counter() - began
    done = f"{story.commands.total():,} commands (seed {seed})"
    say(f"{done}, {story.refused:,} refused, {took:.0f} s")
    say(f"{story.checks} times folded again, {story.swaps} times swapped in,"
        f" {story.pruned} batches pruned")  # fmt: skip
    rows = ", ".join(f"{number:,} {name}" for name, number in story.rows.items())
    say(f"at the end: {rows}; {len(story.wrong)} differences")
    for line in story.wrong[:20]:
        say(f"  {line}")
    return 1 if story.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
