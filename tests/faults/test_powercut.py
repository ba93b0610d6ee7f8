"""A short version of the power cuts, and proof that a weaker database would not survive them."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_images import Disk
from fault_powercut import campaign
from fault_recording import Change, Step, missing

needs_strace = pytest.mark.skipif(missing() is not None, reason=str(missing()))
Quiet = Callable[[str], None]


@pytest.fixture
def quiet() -> Quiet:
    return lambda _: None


@needs_strace
@pytest.mark.slow
def test_after_a_power_cut_every_acknowledged_change_and_every_claim_is_on_the_disk(
    tmp_path: Path, quiet: Quiet
) -> None:
    result = campaign(tmp_path, 60, 1, quiet, seconds=2.0)
    assert result["problems"] == []
    assert result["found"]["acknowledged"] > 100
    assert result["found"]["effects"] > 100
    assert result["found"]["lived on"] == 1


@needs_strace
@pytest.mark.slow
def test_with_fewer_syncs_than_ours_the_cuts_cost_acknowledged_changes(
    tmp_path: Path, quiet: Quiet
) -> None:
    result = campaign(tmp_path, 60, 2, quiet, seconds=2.0, mode="NORMAL")
    assert result["lost"] > 0, "otherwise the campaign could find nothing at all"


def change(kind: str, data: bytes = b"", offset: int = 0, file: int = 1) -> Change:
    return Change(kind, file, data, offset)


def disk(*steps: tuple[str, Change]) -> Disk:
    disk = Disk()
    create = Change("create", 1, name="a")
    folder = Change("sync")
    for what, each in (("begins", create), ("ends", create), ("begins", folder), ("ends", folder)):
        disk.move_on(Step(what, each))
    for what, each in steps:
        disk.move_on(Step(what, each))
    return disk


def content(disk: Disk, tmp_path: Path, way: str, seed: int = 0) -> bytes | None:
    disk.image(tmp_path, way, random.Random(seed))
    return (tmp_path / "a").read_bytes() if (tmp_path / "a").exists() else None


def test_what_a_sync_ordered_survives_and_what_came_after_its_beginning_may_not(
    tmp_path: Path,
) -> None:
    early, late, sync = change("write", b"old"), change("write", b"new", 3), change("sync")
    cut = disk(
        ("begins", early), ("ends", early), ("begins", sync), ("begins", late), ("ends", late),
        ("ends", sync),
    )  # fmt: skip
    assert content(cut, tmp_path, "none") == b"old"
    assert content(cut, tmp_path, "all") == b"oldnew"


def test_a_sync_that_has_not_ended_orders_nothing(tmp_path: Path) -> None:
    early, sync = change("write", b"old"), change("sync")
    cut = disk(("begins", early), ("ends", early), ("begins", sync))
    assert content(cut, tmp_path, "none") == b""


def test_a_file_whose_folder_was_not_synced_may_be_gone(tmp_path: Path) -> None:
    disk, create = Disk(), Change("create", 1, name="a")
    disk.move_on(Step("begins", create))
    disk.move_on(Step("ends", create))
    assert content(disk, tmp_path, "none") is None
    assert content(disk, tmp_path, "all") == b""


def test_a_torn_write_leaves_whole_sectors_of_it(tmp_path: Path) -> None:
    big = change("write", b"x" * 512 * 8)
    seen = set()
    for seed in range(20):
        torn = content(disk(("begins", big)), tmp_path, "torn", seed) or b""
        assert all(set(torn[at : at + 512]) <= {0} or set(torn[at : at + 512]) == {120}
                   for at in range(0, len(torn), 512))  # fmt: skip
        seen.add(torn.count(b"x"))
    assert len(seen) > 3
    assert all(count % 512 == 0 for count in seen)
