"""The key file: made once, whole, for its owner only; never made anew over stored entries."""

import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from tocsin.core.errors import EntryRejected, StorageError
from tocsin.storage.keys import Keyring, key_id, open_keyring
from tocsin.storage.payload import unseal

pytestmark = pytest.mark.databases

HEX = "ab" * 32


def test_the_key_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "t.key"
    previous = os.umask(0)
    try:
        ring = open_keyring(path, {}, may_create=True)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(bytes.fromhex(path.read_text())) == 32
    assert ring.current == open_keyring(path, {}, may_create=False).current
    assert list(tmp_path.iterdir()) == [path], "no draft is left behind"


def test_two_key_files_differ(tmp_path: Path) -> None:
    one = open_keyring(tmp_path / "a", {}, may_create=True)
    other = open_keyring(tmp_path / "b", {}, may_create=True)
    assert one.current != other.current


def test_threads_that_make_the_key_at_once_agree_on_one(tmp_path: Path) -> None:
    found: list[Any] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait(10)
        found.append(open_keyring(tmp_path / "t.key", {}, may_create=True).current)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["t.key"]


MAKE = """
import sys
from pathlib import Path
from tocsin.storage.keys import open_keyring
print("ready", flush=True)
sys.stdin.readline()
print(open_keyring(Path(sys.argv[1]), {}, may_create=True).current[0].hex())
"""


def test_processes_that_make_the_key_at_once_agree_on_one(tmp_path: Path, child: Any) -> None:
    children = [child(MAKE, tmp_path / "t.key") for _ in range(8)]
    for process in children:
        assert process.stdout.readline() == "ready\n"
    found = {process.communicate("go\n", timeout=60)[0] for process in children}
    assert len(found) == 1
    assert found != {""}
    assert [path.name for path in tmp_path.iterdir()] == ["t.key"]


def test_a_missing_key_is_not_made_anew_over_stored_entries(tmp_path: Path, make_desk: Any) -> None:
    path = tmp_path / "t.db"
    desk = make_desk(path)
    desk.order()
    desk.close()
    key = (tmp_path / "t.db.key").rename(tmp_path / "away")
    with pytest.raises(StorageError, match=r"t.db.key is missing.*put it back, or set TOCSIN_KEY"):
        make_desk(path)
    assert not (tmp_path / "t.db.key").exists()
    key.rename(tmp_path / "t.db.key")
    again = make_desk(path)
    (blob,) = again.rows("SELECT entry FROM scheduler")[0]
    assert unseal(blob, 1, "default", again.opened.keys).handler == "report.build"
    again.close()


def test_a_database_without_entries_gets_a_new_key(tmp_path: Path, make_desk: Any) -> None:
    make_desk(tmp_path / "t.db").close()
    (tmp_path / "t.db.key").unlink()
    make_desk(tmp_path / "t.db").close()
    assert (tmp_path / "t.db.key").exists()


def test_the_environment_comes_first_and_the_file_still_verifies(tmp_path: Path) -> None:
    path = tmp_path / "t.key"
    stored = open_keyring(path, {}, may_create=True).current
    ring = open_keyring(path, {"TOCSIN_KEY": HEX}, may_create=False)
    assert ring.current == (key_id(bytes.fromhex(HEX)), bytes.fromhex(HEX))
    assert ring.find(stored[0]) == stored[1]


def test_the_environment_alone_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "t.key"
    open_keyring(path, {"TOCSIN_KEY": HEX.upper()}, may_create=False)
    assert not path.exists()
    open_keyring(path, {"TOCSIN_KEY": ""}, may_create=True)
    assert path.exists(), "an empty variable is none"


@pytest.mark.parametrize("bad", ["x", "abcd", " ", "zz" * 32, "ä" * 64, "ab" * 15])
def test_a_malformed_key_is_refused_and_not_shown(tmp_path: Path, bad: str) -> None:
    with pytest.raises(StorageError, match="TOCSIN_KEY: a key is at least 32 hexadecimal"):
        open_keyring(tmp_path / "t.key", {"TOCSIN_KEY": bad}, may_create=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"nonsense", "at least 32 hexadecimal digits"),
        (b"\xff\xfe", "cannot be read"),
        (HEX.encode() + b"\nabc", "at least 32 hexadecimal digits"),
    ],
)
def test_a_broken_key_file_is_refused_and_kept(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "t.key"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=words):
        open_keyring(path, {}, may_create=True)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be made"):
        open_keyring(tmp_path / "no" / "t.key", {}, may_create=True)


def test_a_key_ring_shows_no_key() -> None:
    ring = Keyring([b"secret-secret-secret-secret-1234"])
    assert "secret" not in repr(ring)
    assert repr(ring) == "Keyring(1 keys)"


def test_an_entry_of_another_database_is_refused(tmp_path: Path, make_desk: Any) -> None:
    one, other = make_desk(tmp_path / "a.db"), make_desk(tmp_path / "b.db")
    one.order()
    (blob,) = one.rows("SELECT entry FROM scheduler")[0]
    with pytest.raises(EntryRejected, match="unknown key"):
        unseal(blob, 1, "default", other.opened.keys)
    one.close()
    other.close()
