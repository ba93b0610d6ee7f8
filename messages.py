"""What Tocsin's actors understand: everything that can be asked or told.

Send them to an address: `app.scheduler.ask(NewEntry(...))`, `app.alarm.tell(CancelAlarm(7))`.
"""

from .actors.messages import (
    CancelAlarm,
    CountChildren,
    DeleteChild,
    Down,
    Notify,
    RestartChild,
    SetAlarm,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from .core.commands import (
    AlarmTriggered,
    CancelTask,
    DeleteTask,
    NewEntries,
    NewEntry,
    PauseTask,
    ResumeTask,
    RetryRun,
    RunFinished,
    RunNow,
    UpdateTask,
)

__all__ = [
    "AlarmTriggered",
    "CancelAlarm",
    "CancelTask",
    "CountChildren",
    "DeleteChild",
    "DeleteTask",
    "Down",
    "NewEntries",
    "NewEntry",
    "Notify",
    "PauseTask",
    "RestartChild",
    "ResumeTask",
    "RetryRun",
    "RunFinished",
    "RunNow",
    "SetAlarm",
    "StartChild",
    "TerminateChild",
    "UpdateTask",
    "WhichChildren",
]
