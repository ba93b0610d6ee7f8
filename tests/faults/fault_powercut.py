"""Cuts the power of a recorded service at random steps and looks at what is left on the disk."""

import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from fault_accounts import Accounts
from fault_images import WAYS, Disk
from fault_kills import Kills
from fault_recording import Step, record

from tocsin.core.clock import SystemClock
from tocsin.opening import Opened
from tocsin.storage.payload import unseal

PROGRAM = Path(__file__).with_name("fault_recorded.py")
JOURNALS = {"notes", "effects"}
LIVED_ON = 50
"""One image in so many is not only looked at: a service starts on it and brings all to its end."""

Say = Callable[[str], None]


def campaign(
    folder: Path, images: int, seed: int, say: Say, *, seconds: float = 8.0, mode: str = "FULL"
) -> dict[str, Any]:
    """Record a service, then make and examine images.

    Args:
        folder: where recording and images are.
        images: how many.
        seed: for everything that is chosen by chance.
        say: told how far it is.
        seconds: how long the recorded service works.
        mode: SQLite's `synchronous`. With less than the product's FULL, changes must get lost.
    """
    began, anchor = time.monotonic(), (int(time.time()) + 1) * 1_000_000
    home = folder / "recorded"
    home.mkdir()
    steps = record(home, PROGRAM, [anchor, seed, seconds, mode], JOURNALS)
    say(f"recorded {len(steps)} steps, {time.monotonic() - began:.0f} s")
    chance, disk, place = random.Random(seed), Disk(), 0
    problems, found = list[str](), Counter[str]()
    for number, cut in enumerate(cuts(steps, images, chance)):
        for step in steps[place:cut]:
            disk.move_on(step)
        place, way = cut, WAYS[number % len(WAYS)]
        image = folder / f"image-{number}"
        image.mkdir()
        disk.image(image, way, chance)
        broken = examine(image, disk, anchor, found, lived_on=number % LIVED_ON == LIVED_ON - 1)
        problems += [f"image {number}, {way}, step {cut}: {problem}" for problem in broken]
        shutil.rmtree(image)
        if number % 100 == 99:
            say(f"{number + 1} of {images} images, {time.monotonic() - began:.0f} s")
    kinds = Counter(step.change.kind for step in steps if step.change and step.what == "ends")
    return {
        "images": images,
        "seconds": round(time.monotonic() - began, 1),
        "recorded": dict(sorted(kinds.items())),
        "found": dict(sorted(found.items())),
        "lost": sum("acknowledged" in problem or "not {" in problem for problem in problems),
        "problems": problems[:20],
        "problems_in_all": len(problems),
    }


def cuts(steps: Sequence[Step], images: int, chance: random.Random) -> list[int]:
    """Where the power is cut: anywhere, and twice as often right after somebody was told."""
    told = [number + 1 for number, step in enumerate(steps) if step.what == "says"]
    anywhere = [chance.randint(1, len(steps)) for _ in range(images)]
    return sorted(
        chance.choice(told) if told and chance.random() < 0.5 else cut for cut in anywhere
    )


def examine(
    image: Path, disk: Disk, anchor: int, found: Counter[str], *, lived_on: bool
) -> list[str]:
    """Everything that is wrong with an image."""
    for journal in JOURNALS:
        (image / journal).write_bytes(b"".join(disk.said.get(journal, [])))
    kills = Kills(image, 0, anchor=anchor)
    accounts = kills.accounts
    try:
        accounts.after_a_crash()
        found["acknowledged"] += accounts.found["ack"]
        found["effects"] += accounts.found["effects"]
        if not accounts.problems and accounts.found["ack"]:
            verify_entries(image, accounts)
            if lived_on:
                kills.rest()
                found["lived on"] += 1
    except sqlite3.DatabaseError as error:
        accounts.problems.append(f"the database is damaged: {error}")
    finally:
        kills.close()
    return accounts.problems


def verify_entries(image: Path, accounts: Accounts) -> None:
    """With the key that the image holds, every stored entry can be read."""
    opened = Opened(f"sqlite:///{image}/tocsin.db", SystemClock(), {})
    try:
        with closing(sqlite3.connect(image / "tocsin.db")) as connection:
            for entry_id, blob in connection.execute("SELECT id, entry FROM scheduler"):
                unseal(blob, entry_id, "default", opened.keys, ())
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody's entry is lost
        accounts.problems.append(f"an acknowledged entry cannot be read: {error}")
    finally:
        opened.database.disconnect()
