"""The fault campaigns: `make faults`, or `python tests/faults/faults.py kills --kills 2000`.

Prints what was done and found as JSON; the exit code is 0 when all promises were kept. What is done
is chosen by a seed, which is printed; when exactly a signal comes is up to the machine.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_kills import campaign as kills
from fault_outages import campaign as outages
from fault_postgres import campaign as postgres
from fault_postgres import missing as no_postgres
from fault_powercut import campaign as powercut
from fault_recording import missing

ALL = ("kills", "powercut", "outages", "postgres")


def say(text: str) -> None:
    """Show how far it is, beside the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> None:
    """Run the campaigns that were asked for."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("campaigns", nargs="*", default=ALL, help=f"which: {', '.join(ALL)}")
    options.add_argument("--kills", type=int, default=2_000, help="how often the service is killed")
    options.add_argument("--images", type=int, default=1_000, help="how often the power is cut")
    options.add_argument("--seed", type=int, default=None, help="choose the same again")
    options.add_argument("--keep", type=Path, default=None, help="a folder for the databases")
    chosen = options.parse_args()
    unknown = set(chosen.campaigns) - set(ALL)
    if unknown:
        options.error(f"no campaign {', '.join(sorted(unknown))}: there are {', '.join(ALL)}")
    if "powercut" in chosen.campaigns and missing():
        options.error(f"power cuts: {missing()}")
    if "postgres" in chosen.campaigns and no_postgres():
        options.error(str(no_postgres()))
    seed = random.randrange(1 << 32) if chosen.seed is None else chosen.seed
    say(f"seed {seed}")
    results: dict[str, Any] = {"seed": seed}
    with tempfile.TemporaryDirectory(prefix="tocsin-faults-") as name:
        folder = chosen.keep or Path(name)
        folder.mkdir(exist_ok=True)
        runs: dict[str, Callable[[], dict[str, Any]]] = {
            "kills": lambda: kills(folder, chosen.kills, seed, say),
            "powercut": lambda: powercut(folder, chosen.images, seed, say),
            "outages": lambda: outages(folder, seed, say),
            "postgres": lambda: postgres(folder, seed, say),
        }
        for each in chosen.campaigns:
            results[each] = runs[each]()
            say(f"{each}: {'BROKEN' if results[each]['problems'] else 'all was kept'}")
    sys.stdout.write(json.dumps(results, indent=2) + "\n")
    broken = any(part["problems"] for part in results.values() if isinstance(part, dict))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
