"""W6: what it costs when nothing is due."""

import time

from contender import Contender
from figures import Figures
from sizes import Sizes
from statements import Statements


def measure(contender: Contender, sizes: Sizes) -> Figures:
    """Statements a minute, and seconds of CPU a minute, after it has settled."""
    statements = Statements()
    contender.open()
    contender.start()
    time.sleep(min(sizes.settle, 10))
    statements.clear()
    asked, cpu, begun = contender.asked(), time.process_time(), time.monotonic()
    time.sleep(sizes.idle)
    minutes = (time.monotonic() - begun) / 60
    cpu = time.process_time() - cpu
    figures: Figures = {"cpu_s_a_minute": cpu / minutes}
    if asked is None:
        figures["table_reads_a_minute"] = statements.reads / minutes
        figures["statements_a_minute"] = statements.all / minutes
    else:
        figures["requests_a_minute"] = ((contender.asked() or 0) - asked) / minutes
    contender.stop()
    return figures
