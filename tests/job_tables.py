"""What the tests of configured jobs share."""

import pytest

from tocsin.core.config import parse_config
from tocsin.core.errors import InvalidConfig
from tocsin.core.jobs import Job

CALL = 'call = "myapp.reports:nightly"\n'
DAILY = 'cron = "0 9 * * *"\n'
HEAD = '[notify.phone]\nkind = "pushover"\n[jobs.x]\n'


def load(table: str, top: str = "") -> Job:
    """The job behind the keys of its table."""
    return parse_config(top + HEAD + table, environ={}).jobs["x"]


def mistakes(table: str, top: str = "") -> list[str]:
    """What is wrong with the table, without the places."""
    with pytest.raises(InvalidConfig) as caught:
        load(table, top)
    return [line.partition(": ")[2].removeprefix("jobs.x.") for line in caught.value.problems]
