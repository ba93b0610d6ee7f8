"""W4: the memory of a fresh process that serves."""

import gc
import time
from pathlib import Path

from contender import Contender
from figures import Figures
from sizes import Sizes

_ROLLUP = Path("/proc/self/smaps_rollup")


def measure(contender: Contender, sizes: Sizes) -> Figures:
    """Resident and proportional set size in MB, when it has settled."""
    before = _sizes()
    contender.open()
    contender.start()
    time.sleep(sizes.settle)
    gc.collect()
    after = _sizes()
    contender.stop()
    return {"rss_mb": after["Rss"], "pss_mb": after["Pss"], "imported_rss_mb": before["Rss"]}


def _sizes() -> dict[str, float]:
    fields = (line.split() for line in _ROLLUP.read_text().splitlines()[1:])
    return {name.rstrip(":"): int(value) / 1024 for name, value, *_ in fields}
