"""The table `[resources]`: how much there is of what runs hold while they execute."""

from collections.abc import Mapping
from types import MappingProxyType

from .errors import InvalidTask
from .jobs import Job
from .limits import check_resources
from .problems import Problems, show


def read_resources(table: object, problems: Problems) -> Mapping[str, int]:
    """Read name -> capacity; those with mistakes are noted and left out."""
    if not isinstance(table, dict):
        problems.add(("resources",), "must be a table; write [resources] and gpu = 1 below it")
        return MappingProxyType({})
    found = {}
    for name, most in table.items():
        if isinstance(most, bool) or not isinstance(most, int) or most < 0:
            problems.add(
                ("resources", name), f"must be a whole number, 0 or more, not {show(most)}"
            )
        else:
            found[name] = most
    return MappingProxyType(found)


def check_jobs(jobs: Mapping[str, Job], resources: Mapping[str, int], problems: Problems) -> None:
    """Note the jobs that could never run, for there is not enough of what they need."""
    for key, job in jobs.items():
        try:
            check_resources(job.policy, resources)
        except InvalidTask as error:
            problems.add(("jobs", key, "resources"), str(error))
