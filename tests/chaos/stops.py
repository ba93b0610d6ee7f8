"""A real service under load is stopped from eight threads at once, again and again.

`make stops`, or `python tests/chaos/stops.py --rounds 200 --seed 7`. Each round starts the service
on the same database, so each completes what the one before left. Prints what was done and what
was found as JSON; the exit code is 0 when all promises were kept.
"""

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from loaded import GRACE, STOPPERS

HERE = Path(__file__).parent
LIMIT = GRACE + 10.0
"""Seconds for a stop: the grace of the calls, and what the end takes on a busy machine."""


class Campaign:
    """One database, and the services that come and go on it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.problems: list[str] = []
        self.seconds: list[float] = []
        self.left: list[int] = []

    def run(self, rounds: int) -> dict[str, Any]:
        """So many starts and stops, and a last one that brings everything to its end."""
        for number in range(rounds):
            self.round(number, self.chance.uniform(0.1, 1.2))
        self.round(rounds, -1)
        return {"rounds": rounds, **self.accounts()}

    def round(self, number: int, seconds: float) -> None:
        words = [str(self.folder), str(number), f"{seconds:.3f}"]
        done = subprocess.run(
            [sys.executable, "-W", "error", str(HERE / "loaded.py"), *words],
            capture_output=True,
            text=True,
            timeout=900,  # the last one completes what all of them left
            check=False,
        )
        where = f"round {number}"
        if done.returncode or done.stderr:
            self.problems.append(f"{where}: exit code {done.returncode}: {done.stderr[-500:]}")
            return
        result = json.loads(done.stdout)
        self.seconds.append(result["seconds"])
        if result["seconds"] > LIMIT:
            self.problems.append(f"{where}: the stop took {result['seconds']:.2f} s")
        if result["returned"] != STOPPERS or result["running"]:
            self.problems.append(f"{where}: {result}")
        statuses = dict(self.rows("SELECT status, count(*) FROM runs GROUP BY status"))
        self.left.append(statuses.get("pending", 0))
        if statuses.get("executing"):
            self.problems.append(f"{where}: {statuses['executing']} runs are still executing")
        if seconds < 0 and statuses.get("pending"):
            self.problems.append(f"{where}: {statuses['pending']} runs were not completed")

    def accounts(self) -> dict[str, Any]:
        """What was accepted and called, against what is recorded."""
        lines = [line.split() for line in (self.folder / "notes").read_text().splitlines()]
        accepted = [line[1] for line in lines if line[0] == "accepted"]
        runs = dict(
            self.rows(
                "SELECT t.key, group_concat(r.status) FROM tasks t JOIN runs r ON r.task_id = t.id"
                " WHERE t.key NOT LIKE 'recurring-%' GROUP BY t.id"
            )
        )
        lost = [key for key in accepted if runs.get(key) != "succeeded"]
        self.expect(not lost, f"accepted, but {[(key, runs.get(key)) for key in lost[:5]]}")
        ends = Counter((line[1], int(line[2])) for line in lines if line[0] == "end")
        twice = [call for call, times in ends.items() if times > 1 and call[0] != "stubborn"]
        self.expect(not twice, f"calls that ended twice: {twice[:5]}")
        succeeded = dict(self.rows("SELECT id, attempt FROM runs WHERE status = 'succeeded'"))
        unrecorded = [call for call in ends if call[1] not in succeeded]
        self.expect(not unrecorded, f"calls that ended and are not recorded: {unrecorded[:5]}")
        costly = [run for run, attempt in succeeded.items() if attempt != 1]
        self.expect(not costly, f"interruptions that cost an attempt: {costly[:5]}")
        crashes = self.rows("SELECT count(*) FROM events WHERE data LIKE '%lost in a crash%'")[0][0]
        self.expect(not crashes, f"{crashes} runs had to be rescued after a proper stop")
        interrupted = self.rows("SELECT count(*) FROM events WHERE type = 'RunReturned'")[0][0]
        return {
            "accepted": len(accepted),
            "calls": sum(line[0] == "begin" for line in lines),
            "ended": sum(ends.values()),
            "interrupted": interrupted,
            "runs": len(succeeded),
            "most_left_for_the_next_start": max(self.left),
            "longest_stop": round(max(self.seconds, default=0.0), 3),
            "limit": LIMIT,
            "problems": self.problems[:20],
        }

    def expect(self, holds: object, otherwise: str) -> None:
        if not holds:
            self.problems.append(otherwise)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.folder / "stops.db", timeout=10)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=200, help="how often it is stopped")
    options.add_argument("--seed", type=int, default=None, help="repeat the same rounds")
    chosen = options.parse_args()
    seed = random.randrange(1 << 32) if chosen.seed is None else chosen.seed
    with tempfile.TemporaryDirectory(prefix="tocsin-stops-") as name:
        result = Campaign(Path(name), seed).run(chosen.rounds)
    sys.stdout.write(json.dumps({"seed": seed, **result}, indent=2) + "\n")
    sys.exit(1 if result["problems"] else 0)


if __name__ == "__main__":
    main()
