"""Two programs change the same database in turn: neither decides by what it remembers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import SECOND
from tocsin.core.errors import TaskEnded
from tocsin.core.schedule import after, every


@pytest.fixture
def pair(tmp_path: Path, make_desk: Any) -> Iterator[tuple[Any, Any]]:
    """Ours, and those of another program, on one database and at one time."""
    ours = make_desk(tmp_path / "t.db")
    theirs = make_desk(tmp_path / "t.db", ours.clock)
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize("keeps", [False, True], ids=["opens each time", "keeps its connection"])
def test_what_another_program_changed_is_seen_by_the_next_command(
    pair: Any, *, keeps: bool
) -> None:
    ours, theirs = pair
    if keeps:
        ours.database.connect()
    task = ours.order("in 1 hour")
    ours.ask(c.RunNow(task))
    theirs.ask(c.CancelTask(task))
    with pytest.raises(TaskEnded):
        ours.ask(c.RunNow(task))
    assert [run.status for run in theirs.runs(task)] == ["cancelled"]


def run_once(desk: Any, task: int) -> None:
    (start,) = desk.ring(task, after=SECOND)
    desk.finish(start)


@pytest.fixture
def rung(pair: Any) -> tuple[Any, Any, int]:
    """Ours keep their connection, as a service does, and remember a task that rings each second."""
    ours, theirs = pair
    ours.database.connect()
    task = ours.order(every("1s"), key="first")
    for _ in range(2):  # the first of them looks whether runs wait
        run_once(ours, task)
    return ours, theirs, task


def test_a_task_that_rings_again_is_not_read_again(rung: Any) -> None:
    ours, _, task = rung
    statements: list[str] = []
    ours.database.connect().set_trace_callback(statements.append)
    run_once(ours, task)
    assert [s for s in statements if s.startswith("SELECT")] == []


def test_a_task_that_another_program_cancelled_between_two_rings_does_not_run(rung: Any) -> None:
    ours, theirs, task = rung
    theirs.ask(c.CancelTask(task))
    assert ours.ring(task, after=SECOND) == []
    assert ours.task(task).status == "cancelled"


def test_an_entry_that_another_program_changed_between_two_rings_is_the_one_handed_out(
    rung: Any,
) -> None:
    ours, theirs, task = rung
    theirs.meddle("UPDATE scheduler SET entry = ? WHERE id = ?", b"other", task)
    (start,) = ours.ring(task, after=SECOND)
    assert start.blob == b"other"


def test_a_task_that_another_program_lets_wait_is_told_of_the_end(rung: Any) -> None:
    ours, theirs, task = rung
    second = theirs.order(after("first"))
    (start,) = ours.ring(task, after=SECOND)
    assert [s.task_id for s in ours.finish(start, slots=10).starts] == [second]


def test_who_still_waits_is_told_when_another_one_waits_no_more(rung: Any) -> None:
    ours, theirs, task = rung
    second, third = theirs.order(after("first")), theirs.order(after("first"))
    ours.ask(c.UpdateTask(third, every("1h")))
    (start,) = ours.ring(task, after=SECOND)
    assert [s.task_id for s in ours.finish(start, slots=10).starts] == [second]
