"""Two programs change the same database in turn: neither decides by what it remembers."""

from pathlib import Path
from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.clock import SECOND
from tocsin.core.errors import TaskEnded
from tocsin.core.schedule import after, every


@pytest.mark.parametrize("keeps", [False, True], ids=["opens each time", "keeps its connection"])
def test_what_another_program_changed_is_seen_by_the_next_command(
    tmp_path: Path, make_desk: Any, *, keeps: bool
) -> None:
    ours, theirs = make_desk(tmp_path / "t.db"), make_desk(tmp_path / "t.db")
    try:
        if keeps:
            ours.database.connect()
        task = ours.order("in 1 hour")
        ours.ask(c.RunNow(task))
        theirs.ask(c.CancelTask(task))
        with pytest.raises(TaskEnded):
            ours.ask(c.RunNow(task))
        assert [run.status for run in theirs.runs(task)] == ["cancelled"]
    finally:
        ours.close()
        theirs.close()


def rings(desk: Any, task: int) -> list[int]:
    """The tasks of which a run starts when the alarm of this one rings, a second later."""
    return [start.task_id for start in desk.ring(task, after=SECOND)]


def run_once(desk: Any, task: int) -> None:
    (start,) = desk.ring(task, after=SECOND)
    desk.finish(start)


def test_a_task_that_rings_again_is_not_read_again(desk: Any) -> None:
    connection, task = desk.database.connect(), desk.order(every("1s"))
    for _ in range(2):  # the first of them looks whether runs wait
        run_once(desk, task)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    run_once(desk, task)
    assert [s for s in statements if s.startswith("SELECT")] == []


def test_a_task_that_another_program_cancelled_between_two_rings_does_not_run(
    tmp_path: Path, make_desk: Any
) -> None:
    ours = make_desk(tmp_path / "t.db")
    theirs = make_desk(tmp_path / "t.db", ours.clock)
    try:
        ours.database.connect()
        task = ours.order(every("1s"))
        run_once(ours, task)
        assert rings(ours, task) == [task]
        theirs.ask(c.CancelTask(task))
        assert rings(ours, task) == []
    finally:
        ours.close()
        theirs.close()


def test_an_entry_that_was_changed_between_two_rings_is_the_one_that_is_handed_out(
    desk: Any,
) -> None:
    task = desk.order(every("1s"))
    run_once(desk, task)
    desk.meddle("UPDATE scheduler SET entry = ? WHERE id = ?", b"other", task)
    (start,) = desk.ring(task, after=SECOND)
    assert start.blob == b"other"


def test_a_task_that_another_program_lets_wait_is_told_of_the_end(
    tmp_path: Path, make_desk: Any
) -> None:
    ours = make_desk(tmp_path / "t.db")
    theirs = make_desk(tmp_path / "t.db", ours.clock)
    try:
        ours.database.connect()
        task = ours.order(every("1s"), key="first")
        run_once(ours, task)
        second = theirs.order(after("first"))
        (start,) = ours.ring(task, after=SECOND)
        assert [s.task_id for s in ours.finish(start, slots=10).starts] == [second]
    finally:
        ours.close()
        theirs.close()
