"""A real service whose wall clock jumps by seconds to years, and which is stopped now and then.

`make jumps`, or `python tests/chaos/jumps.py --jumps 200 --stops 50 --seed 7`. Prints what was done
and what was found as JSON; the exit code is 0 when all promises were kept. The wall clock of the
service alone is moved, by `wallclock.c`, so a C compiler is needed.
"""

import argparse
import json
import math
import mmap
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any, cast

from jump_accounts import Course, judge

HERE = Path(__file__).parent
YEAR = 365.25 * 86_400
EARLIEST, LATEST = -20 * YEAR, 60 * YEAR
PULSE = 0.1
SETTLING = 2.2
"""Seconds after most jumps in which nothing else happens: in that time all must go on."""


def shim(folder: Path) -> Path:
    """The shim that moves the wall clock, compiled."""
    library = folder / "wallclock.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(HERE / "wallclock.c")]
    subprocess.run(command, check=True)
    return library


class Campaign:
    """One service and what is done to its time."""

    def __init__(self, folder: Path, seed: int, within: float) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.course = Course(within)
        self.offset = 0.0
        self.shots = 0
        clock = folder / "offset"
        clock.write_bytes(struct.pack("q", 0))
        with clock.open("r+b") as file:
            self.clock = mmap.mmap(file.fileno(), 8)
        self.service = subprocess.Popen(
            [sys.executable, "-W", "error", str(HERE / "clocked.py"), str(folder)],
            env={**os.environ, "LD_PRELOAD": str(shim(folder)), "WALL_OFFSET_FILE": str(clock)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said = cast("IO[str]", self.service.stdout)
        threading.Thread(target=self.watch_the_machine, daemon=True).start()

    def watch_the_machine(self) -> None:
        """Note when even waiting a moment and writing a byte takes long: others are to blame."""
        with (self.folder / "pulse").open("wb", buffering=0) as file:
            while True:
                began = time.monotonic()
                time.sleep(PULSE)
                file.write(b".")
                os.fsync(file.fileno())
                ended = time.monotonic()
                if ended - began > 2 * PULSE:
                    self.course.lulls.append((began + PULSE, ended))

    def run(self, jumps: int, stops: int) -> dict[str, Any]:
        """So many jumps and stops in random order; then the accounts."""
        try:
            self.hear("ready")
            time.sleep(3)
            moves = [self.jump] * jumps + [self.stop] * stops
            self.chance.shuffle(moves)
            for move in moves:
                self.shoot()
                move()
            time.sleep(3)
            self.order("health")
            health = json.loads(self.said.readline())
            self.course.ended = time.monotonic()
            self.order("stop")
            self.service.wait(30)
        finally:
            self.service.kill()
            self.service.wait()
        found = judge(self.folder, self.course, health)
        if self.service.returncode:
            found["problems"].append(f"it ended with exit code {self.service.returncode}")
        return {"jumps": jumps, "stops": stops, **found}

    def order(self, line: str) -> None:
        stdin = cast("IO[str]", self.service.stdin)
        stdin.write(f"{line}\n")
        stdin.flush()

    def hear(self, word: str) -> None:
        line = self.said.readline().strip()
        if line != word:
            raise RuntimeError(f"the service said {line!r} and not {word!r}")

    def shoot(self) -> None:
        """A single call near the next jump: shortly before, after, or skipped by it."""
        self.shots += 1
        self.order(f"shot shot-{self.shots} {self.chance.uniform(0.1, 6):.3f}")

    def jump(self) -> None:
        """Set the clock by a second to years; now and then again before it was noticed."""
        self.set_clock()
        quick = self.chance.random() < 0.15
        time.sleep(self.chance.uniform(0.05, 0.6) if quick else SETTLING + self.chance.random())

    def set_clock(self) -> None:
        size = math.exp(self.chance.uniform(0, math.log(3 * YEAR)))
        step = size if self.chance.random() < 0.5 else -size
        if not EARLIEST < self.offset + step < LATEST:
            step = -step
        self.offset += step
        began = time.monotonic()
        self.clock[:] = struct.pack("q", int(self.offset * 1e9))
        self.course.jumps.append((began, step))

    def stop(self) -> None:
        """Hold the whole process up, as a suspend does; sometimes its clock is set meanwhile."""
        began = time.monotonic()
        self.service.send_signal(signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.2, 8))
        if self.chance.random() < 0.3:
            self.set_clock()
        self.service.send_signal(signal.SIGCONT)
        self.course.stops.append((began, time.monotonic()))
        time.sleep(SETTLING + self.chance.random())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--jumps", type=int, default=200, help="how often the clock is set")
    options.add_argument("--stops", type=int, default=50, help="how often the process is stopped")
    options.add_argument("--seed", type=int, default=None, help="repeat the same course")
    options.add_argument(
        "--within",
        type=float,
        default=2.0,
        help="seconds in which all goes on; more on busy machines",
    )
    chosen = options.parse_args()
    if shutil.which("cc") is None:
        sys.exit("a C compiler (cc) is needed to move the clock of a process")
    seed = random.randrange(1 << 32) if chosen.seed is None else chosen.seed
    with tempfile.TemporaryDirectory(prefix="tocsin-jumps-") as name:
        result = Campaign(Path(name), seed, chosen.within).run(chosen.jumps, chosen.stops)
    sys.stdout.write(json.dumps({"seed": seed, **result}, indent=2) + "\n")
    sys.exit(1 if result["problems"] else 0)


if __name__ == "__main__":
    main()
