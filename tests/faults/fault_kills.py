"""Kills a working service again and again, at random moments, and takes stock each time.

The modules are imported once; each life is a fork of this process, so it costs little more than the
service's own start.
"""

import os
import random
import select
import shutil
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_accounts import Accounts
from fault_load import Load

LONGEST_LIFE = 0.25
STARTUP = 0.05
"""Seconds in which a service starts: one life in five ends there."""

LONGEST_START = 20.0

FIRST_LIFE = 100
"""Earlier ones may have been lived elsewhere."""

Say = Callable[[str], None]


class Kills:
    """One database and the lives on it.

    Args:
        folder: an empty folder.
        seed: what callers do and when lives end.
        anchor: the first slot of the beats, microseconds; None for soon.
    """

    def __init__(self, folder: Path, seed: int, *, anchor: int | None = None) -> None:
        self.folder = folder
        self.seed = seed
        self.chance = random.Random(seed)
        self.anchor = (int(time.time()) + 1) * 1_000_000 if anchor is None else anchor
        self.accounts = Accounts(folder, self.anchor)
        self.lives = FIRST_LIFE
        self.started, self.says_started = os.pipe()

    def close(self) -> None:
        """Let go of what is open."""
        os.close(self.started)
        os.close(self.says_started)

    def kill(self, *, after_notes: int = 0) -> None:
        """One life, its sudden end, and what must hold then.

        Args:
            after_notes: lines that its callers have written at least, however busy the machine is.
        """
        startup = self.chance.random() < 0.2 and not after_notes
        length = self.chance.uniform(0, STARTUP if startup else LONGEST_LIFE)
        self.lives += 1
        child = self.fork(self.live)
        if not startup:
            select.select([self.started], [], [], LONGEST_START)
            os.read(self.started, 1)
            self.accounts.await_notes(after_notes)
        time.sleep(length)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            self.accounts.problems.append(f"life {self.lives} ended by itself")
        self.accounts.after_a_crash()

    def rest(self) -> None:
        """A last life that is let come to its end, and the whole account."""
        self.lives += 1
        child = self.fork(self.live_to_the_end)
        _, status = os.waitpid(child, 0)
        if status:
            self.accounts.problems.append(f"the last life ended with {status}")
        self.accounts.at_the_end()

    def live(self) -> None:
        """In the child: work until killed."""
        Load(self.folder, self.anchor, self.seed, self.lives).begin()
        os.write(self.says_started, b".")
        while True:
            signal.pause()

    def live_to_the_end(self) -> None:
        """In the child: let everything come to rest."""
        load = Load(self.folder, self.anchor, self.seed, self.lives)
        load.begin(callers=0)
        load.rest()

    def fork(self, live: Callable[[], None]) -> int:
        """A child that does this and nothing else."""
        sys.stdout.flush()
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            live()
            status = 0
        except BaseException as error:  # noqa: BLE001 - a child must never return into the parent
            os.write(2, f"a life failed: {type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(status)


def campaign(
    folder: Path, kills: int, seed: int, say: Say, *, fresh_every: int = 5
) -> dict[str, Any]:
    """Half of the kills on one database, the others on new ones.

    Args:
        folder: where the databases are.
        kills: how many in all.
        seed: for everything that is chosen by chance.
        say: told how far it is.
        fresh_every: lives of each of the new databases.
    """
    began, problems, found = time.monotonic(), list[str](), Counter[str]()
    chance, done, slowdown = random.Random(seed), 0, 0.0
    while done < kills and not problems:
        old = done == 0
        home = folder / f"kills-{done}"
        home.mkdir()
        place = Kills(home, chance.randrange(1 << 32))
        for life in range(max(1, kills // 2) if old else min(fresh_every, kills - done)):
            place.kill(after_notes=50 if old and life == 0 else 0)
            done += 1
            if done % 50 == 0:
                say(f"{done} of {kills} kills, {time.monotonic() - began:.0f} s")
            if place.accounts.problems:
                break
        place.rest()
        place.close()
        found += place.accounts.found
        problems += [f"{home.name}: {problem}" for problem in place.accounts.problems]
        if old:
            slowdown = growth(place.accounts.startups)
        if not problems and not old:
            shutil.rmtree(home)
    return {
        "kills": done,
        "seconds": round(time.monotonic() - began, 1),
        "found": dict(sorted(found.items())),
        "start_of_the_last_lives_to_the_first": round(slowdown, 2),
        "problems": problems[:20],
    }


def growth(startups: list[float]) -> float:
    """How much longer the last tenth of the starts took than the first tenth."""
    tenth = max(3, len(startups) // 10)
    if len(startups) < 2 * tenth:
        return 1.0
    return statistics.median(startups[-tenth:]) / statistics.median(startups[1 : tenth + 1])
