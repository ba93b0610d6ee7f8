"""Tocsin: a durable scheduler made of supervised actors.

from tocsin import Tocsin, cron

app = Tocsin("sqlite:///tocsin.db")

@app.handler("report.build")
def build(ctx, region): ...

with app:
    app.schedule("report.build", cron("0 9 * * 1-5"), key="report-eu", kwargs={"region": "eu"})
    app.wait()
"""

from loguru import logger

from .actors.base import Actor
from .core.entry import Entry, RunContext
from .core.errors import InvalidSchedule, TocsinError
from .core.policy import Policy, Retry
from .core.published import Published, TaskEvent
from .core.run import Run
from .core.schedule import Schedule, after, at, cron, every, now
from .core.task import Task
from .service import Tocsin

__version__ = "0.1.0"

__all__ = [
    "Actor",
    "Entry",
    "InvalidSchedule",
    "Policy",
    "Published",
    "Retry",
    "Run",
    "RunContext",
    "Schedule",
    "Task",
    "TaskEvent",
    "Tocsin",
    "TocsinError",
    "after",
    "at",
    "cron",
    "every",
    "now",
]

# A library keeps quiet in other people's logs; the service, or you, enable it again.
logger.disable(__name__)
logger.enable(f"{__name__}.notifiers.log")  # a reminder to the log is there to be seen
