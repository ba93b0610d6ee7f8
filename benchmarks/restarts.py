"""How fast is a child that dies at once restarted, and is anything left behind?

`python benchmarks/restarts.py --restarts 100000`: one child under a supervisor without backoff
dies of every message. First the speed is measured, with a tenth of the restarts; then threads, file
descriptors, names and memory are compared before and after all of them.
"""

import argparse
import gc
import json
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

from tocsin.actors.base import Actor
from tocsin.actors.child import ChildSpec
from tocsin.actors.registry import Registry
from tocsin.actors.strategies import Flags
from tocsin.actors.tree import start_tree
from tocsin.core.clock import SystemClock


class Fragile(Actor):
    """Dies of every message but one."""

    def handle(self, message: Any) -> Any:
        if message == "are you there?":
            return self.vitals.incarnation
        raise ValueError("on purpose")


def left(registry: Registry) -> dict[str, int]:
    """What could be left behind."""
    gc.collect()
    descriptors = Path("/proc/self/fd")
    return {
        "threads": threading.active_count(),
        "descriptors": sum(1 for _ in descriptors.iterdir()) if descriptors.exists() else 0,
        "names": len(registry.names()),
        "abandoned": registry.abandoned,
        "memory": tracemalloc.get_traced_memory()[0],
    }


def measure(restarts: int) -> dict[str, Any]:
    """Restart a child so often; what there was before and after, and how long it took."""
    registry = Registry()
    flags = Flags(intensity=2 * restarts + 100, period=1e-3)
    tree = start_tree(registry, SystemClock(), "top", [ChildSpec("fragile", Fragile)], flags)
    address = registry.address("fragile")

    def restart(times: int) -> None:
        for number in range(times):
            address.tell("die")
            if number % 100 == 99:
                address.ask("are you there?", timeout=60)

    def life() -> int:
        return int(address.ask("are you there?", timeout=60))

    restart(500)  # what is made once is made now
    first, begun, spent = life(), time.perf_counter(), time.process_time()
    restart(max(1_000, restarts // 10))
    last, seconds, spent = life(), time.perf_counter() - begun, time.process_time() - spent
    result = {
        "restarts_per_second": round((last - first) / seconds),
        "restarts_per_cpu_second": round((last - first) / spent),
    }
    tracemalloc.start()  # it takes as much time again, so the speed was measured before
    before, first = left(registry), life()
    restart(restarts)
    last, after = life(), left(registry)
    tracemalloc.stop()
    tree.stop(10)
    return {"restarts": last - first, **result, "before": before, "after": after}


def main() -> None:
    """Measure and print; the exit code is 1 when something was left behind."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--restarts", type=int, default=100_000, help="how often the child dies")
    result = measure(options.parse_args().restarts)
    print(json.dumps(result, indent=2))
    before, after = result["before"], result["after"]
    same = all(after[name] <= before[name] for name in ("threads", "descriptors", "names"))
    sys.exit(0 if same and after["memory"] < before["memory"] + 500_000 else 1)


if __name__ == "__main__":
    main()
