"""One measurement in a process of its own: `bench.py` starts it with the contender's Python.

    python benchmarks/measure.py ORDER.json

The order says what to measure; the figures are written into the file that it names.
"""

import importlib
import importlib.metadata
import json
import os
import sys
from pathlib import Path
from typing import Any

import limits
from sizes import Sizes


def main() -> None:
    """Carry out the order."""
    order: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(order["folder"])
    kind = getattr(importlib.import_module(f"contenders.{order['module']}"), order["kind"])
    contender = kind(folder, order["server"])
    if order["workload"] == "fill":
        contender.fill(order["pending"])
        result: dict[str, Any] = {}
    else:
        around = {
            "commits_s": limits.commit_rate(folder, 200),
            "bulk_rows_s": limits.bulk_rate(folder, 5),
            "wake_p99_ms": limits.wake_seconds(99, 100) * 1e3,
        }
        module, function = order["workload"].split(":")
        measure = getattr(importlib.import_module(f"workloads.{module}"), function)
        figures = measure(contender, Sizes(**order["sizes"]))
        result = {"figures": figures, "around": around, "versions": versions(order["packages"])}
    Path(order["result"]).write_text(json.dumps(result))
    sys.stdout.flush()
    os._exit(0)  # whatever threads a library left behind


def versions(packages: list[str]) -> dict[str, str]:
    """What was measured."""
    return {name: importlib.metadata.version(name) for name in packages}


if __name__ == "__main__":
    main()
