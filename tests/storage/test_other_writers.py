"""Two programs change the same database in turn: neither decides by what it remembers."""

from pathlib import Path
from typing import Any

import pytest

from tocsin.core import commands as c
from tocsin.core.errors import TaskEnded


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
