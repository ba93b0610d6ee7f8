"""Every error that Tocsin raises on purpose: one base with a `code`, one small tree.

The class says what kind of mistake it is, the message says what to do. `code` is stable and
machine-readable: the command line prints it with `--json`.
"""

from typing import Any, ClassVar


class TocsinError(Exception):
    """The base of all errors raised by Tocsin."""

    code: ClassVar[str] = "ERROR"


# ---------------------------------------------------------------- what the caller got wrong


class InvalidSchedule(TocsinError):
    """A schedule that cannot be understood or can never fire.

    Args:
        message: what is wrong and what to write instead.
        field: the part of the expression that is wrong, such as "minute".
        position: its index among the fields, counted from 0.
        reason: the bare cause, without the hint.
    """

    code = "INVALID_SCHEDULE"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        position: int | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.field = field
        self.position = position
        self.reason = reason or message


class InvalidTime(InvalidSchedule):
    """A time phrase that is not clear enough to ring by."""

    code = "INVALID_TIME"


class DependencyCycle(InvalidSchedule):
    """Tasks that would wait for each other in a circle."""

    code = "DEPENDENCY_CYCLE"


class InvalidEntry(TocsinError):
    """An entry that cannot be stored: not importable, not serialisable, or too large."""

    code = "INVALID_ENTRY"


class InvalidTask(TocsinError):
    """A task whose options or payload are wrong."""

    code = "INVALID_TASK"


class InvalidMessage(TocsinError):
    """An actor was sent something that it does not understand."""

    code = "INVALID_MESSAGE"


class InvalidConfig(TocsinError):
    """A configuration with mistakes: all of them at once, one line each, in `problems`."""

    code = "INVALID_CONFIG"

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class UnknownTask(TocsinError):
    """No task has this key or id."""

    code = "UNKNOWN_TASK"


class UnknownRun(TocsinError):
    """No run has this id."""

    code = "UNKNOWN_RUN"


class UnknownHandler(TocsinError):
    """No handler is registered under this key."""

    code = "UNKNOWN_HANDLER"


class UnknownNotifier(TocsinError):
    """No notifier is configured under this name."""

    code = "UNKNOWN_NOTIFIER"


class TaskEnded(TocsinError):
    """The task is completed, failed or cancelled and cannot do this any more."""

    code = "TASK_ENDED"


# ---------------------------------------------------------------- what storage refuses


class EntryRejected(TocsinError):
    """A stored entry that does not verify, resolve or bind: its task is quarantined."""

    code = "ENTRY_REJECTED"


class StorageError(TocsinError):
    """The database cannot be used."""

    code = "STORAGE"


class StorageUnavailable(StorageError):
    """The database cannot be reached or written right now; nothing was changed. Try again."""

    code = "STORAGE_UNAVAILABLE"


class SchemaTooNew(StorageError):
    """The database was written by a newer Tocsin: upgrade this one."""

    code = "SCHEMA_TOO_NEW"


class UnknownEvent(StorageError):
    """The log has an event that this Tocsin cannot read: upgrade it, or restore a backup."""

    code = "UNKNOWN_EVENT"


class AlreadyRunning(StorageError):
    """Another service runs on this database."""

    code = "ALREADY_RUNNING"


# ---------------------------------------------------------------- what actors answer


class ActorUnavailable(TocsinError):
    """No actor lives under this name."""

    code = "ACTOR_UNAVAILABLE"


class ActorTimeout(TocsinError):
    """The actor did not answer in time; whether it acted is unknown."""

    code = "ACTOR_TIMEOUT"


class ActorCrashed(TocsinError):
    """The actor died while it handled this message; it is being replaced."""

    code = "ACTOR_CRASHED"


class MailboxFull(TocsinError):
    """The actor has too much to do: slow down and try again."""

    code = "MAILBOX_FULL"


class InvalidChild(TocsinError):
    """A child specification that the supervisor refuses."""

    code = "INVALID_CHILD"


class ExecutorStopped(TocsinError):
    """The executor is stopped and starts no more calls."""

    code = "EXECUTOR_STOPPED"


class UnknownChild(InvalidChild):
    """The supervisor has no child with this id."""

    code = "UNKNOWN_CHILD"


class ChildExists(InvalidChild):
    """The supervisor already has a child with this id."""

    code = "CHILD_EXISTS"


class ChildRunning(InvalidChild):
    """The child runs; terminate it first."""

    code = "CHILD_RUNNING"


class ChildRestarting(InvalidChild):
    """The child is being restarted; terminate it first."""

    code = "CHILD_RESTARTING"


class NameTaken(InvalidChild):
    """Another actor lives under this name."""

    code = "NAME_TAKEN"


class InvalidSupervisor(TocsinError):
    """Supervisor flags that contradict themselves or mean nothing."""

    code = "INVALID_SUPERVISOR"


class StartFailed(TocsinError):
    """An actor could not start; the cause is attached."""

    code = "START_FAILED"


class RestartsExhausted(TocsinError):
    """A supervisor gave up: its children died too often in too short a time."""

    code = "RESTARTS_EXHAUSTED"


class TooManyHung(RestartsExhausted):
    """More threads of actors hang than a process should carry: a new process has none."""

    code = "TOO_MANY_HUNG"


class Hung(TocsinError):
    """An actor does not get on: it was given up, and its supervisor decides what follows."""

    code = "HUNG"


class Fenced(TocsinError):
    """An actor that was replaced woke up and wanted to act: nothing of it was done."""

    code = "FENCED"


# ---------------------------------------------------------------- what calls and channels report


class NotificationError(TocsinError):
    """A notification was not delivered."""

    code = "NOTIFICATION_FAILED"
    retryable: ClassVar[bool] = False
    progress: dict[str, Any] | None = None
    """What was done before it failed; the next attempt is told."""


class NotificationRefused(NotificationError):
    """The channel refused the notification: sending it again cannot help."""

    code = "NOTIFICATION_REFUSED"


class NotificationDelayed(NotificationError):
    """The channel did not take the notification now: sending it again may help.

    Args:
        message: what happened.
        retry_after: seconds to wait, when the channel said so.
    """

    code = "NOTIFICATION_DELAYED"
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
