"""The campaign of random commands, short: `make folding` takes longer."""

import runpy
from pathlib import Path

import pytest

FOLDING = runpy.run_path(str(Path(__file__).parent / "folding.py"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_commanded_the_tables_are_what_the_log_folds_into(
    seed: int, tmp_path: Path
) -> None:
    story = FOLDING["campaign"](tmp_path, 400, seed, check_every=40)
    assert story.wrong == []
    assert story.commands.total() >= 400
    assert len(story.commands) >= 12, "it should try everything"
    assert min(story.swaps, story.pruned, story.refused, story.rows["runs"]) > 1
