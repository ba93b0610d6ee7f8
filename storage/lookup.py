"""Finding the task or run that a message speaks of, or saying which one was probably meant."""

from ..core.commands import TaskRef
from ..core.errors import InvalidMessage, UnknownRun, UnknownTask
from ..core.hints import did_you_mean
from ..core.state import RunState, TaskState
from .ids import possible
from .unit import Unit


def the_task(unit: Unit, ref: TaskRef, tenant: str) -> TaskState:
    """The task behind a key, an id or a `Task`.

    Raises:
        UnknownTask: the tenant has no such task.
    """
    if isinstance(ref, str):
        task = unit.find(tenant, ref)
        if task is None:
            raise UnknownTask(f"no task {ref!r}{did_you_mean(ref, unit.keys(tenant))}")
        return task
    task_id = ref if isinstance(ref, int) else getattr(ref, "id", None)
    if not isinstance(task_id, int) or isinstance(task_id, bool):
        raise InvalidMessage(f"a task is named by its key or its id, not by {ref!r}")
    found = unit.load([task_id]) if possible(task_id) else []
    if not found or found[0].tenant != tenant:
        raise UnknownTask(f"no task with the id {task_id}")
    return found[0]


def task_of_run(unit: Unit, run_id: int, tenant: str) -> RunState:
    """The run with this id.

    Raises:
        UnknownRun: the tenant has no such run.
    """
    run = unit.run(run_id) if possible(run_id) else None
    if run is None or run.tenant != tenant:
        raise UnknownRun(f"no run with the id {run_id}")
    return run
