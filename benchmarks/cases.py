"""What is run for each workload: which function, and beside how many pending tasks."""

from dataclasses import dataclass

MANY = "many"
NONE = "none"


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement of a workload.

    Attributes:
        workload: "W1" to "W8".
        name: tells it from the other cases of its workload.
        function: "module:function" under `workloads/`.
        beside: whether other tasks are pending: NONE or MANY.
    """

    workload: str
    name: str
    function: str
    beside: str = NONE


CASES = (
    Case("W1", "empty", "schedule:measure"),
    Case("W1", "full", "schedule:measure", MANY),
    Case("W2", "empty", "oneshots:measure"),
    Case("W2", "full", "oneshots:measure", MANY),
    Case("W3", "burst", "burst:measure"),
    Case("W3", "small", "burst:measure_small"),
    Case("W4", "empty", "memory:measure"),
    Case("W4", "full", "memory:measure", MANY),
    Case("W5", "full", "first_ring:measure", MANY),
    Case("W6", "full", "idle:measure", MANY),
    Case("W7", "beat", "recurring:measure"),
    Case("W8", "one-shots", "oneshots:measure_spinning"),
    Case("W8", "burst", "burst:measure_spinning"),
)

WORKLOADS = tuple(dict.fromkeys(case.workload for case in CASES))
