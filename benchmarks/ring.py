"""A process of a user, as small as can be: open the scheduler, start it, run until told to end."""

import importlib
import os
import sys
from pathlib import Path


def main() -> None:
    """Serve until standard input ends."""
    module, name, folder = sys.argv[1:]
    kind = getattr(importlib.import_module(f"contenders.{module}"), name)
    contender = kind(Path(folder), os.environ["BENCH_SERVER"])
    contender.open()
    contender.start()
    sys.stdin.read()
    contender.stop()
    os._exit(0)


if __name__ == "__main__":
    main()
