"""What threads are doing: their stacks as text. Frames only, never local values."""

import sys
import threading
import traceback

_DEEPEST = 60


def stack_of(thread: threading.Thread | None) -> str:
    """The stack of one thread, the innermost call last."""
    frame = None if thread is None else sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - public in all but name
    if frame is None:
        return "(its thread is gone)"
    return "".join(traceback.format_stack(frame, limit=_DEEPEST))


def all_stacks() -> str:
    """The stacks of all threads of this process."""
    return "\n".join(f"--- {each.name}\n{stack_of(each)}" for each in threading.enumerate())
