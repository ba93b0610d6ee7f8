"""Whatever is changed in a stored entry, it is refused before anything is decoded."""

import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealing import CODECS, KEYS, entry, opened, sealed

from tocsin.core.errors import EntryRejected
from tocsin.storage.keys import Keyring
from tocsin.storage.payload import SIZE_LIMIT, Codec, seal, unseal


@pytest.fixture
def nothing_imported() -> Iterator[None]:
    before = set(sys.modules)
    yield
    assert {name for name in sys.modules if name.startswith("myapp")} <= before


@pytest.mark.usefixtures("nothing_imported")
@pytest.mark.parametrize("codec", CODECS)
def test_every_flipped_bit_is_refused(codec: Codec) -> None:
    blob = sealed(entry(1, "two", x={"a": [3]}), codec)
    for position in range(len(blob)):
        for bit in range(8):
            bad = bytearray(blob)
            bad[position] ^= 1 << bit
            with pytest.raises(EntryRejected):
                opened(bytes(bad))


@pytest.mark.usefixtures("nothing_imported")
@pytest.mark.parametrize("codec", CODECS)
def test_every_truncation_and_addition_is_refused(codec: Codec) -> None:
    blob = sealed(entry(1), codec)
    for length in range(len(blob)):
        with pytest.raises(EntryRejected, match="truncated"):
            opened(blob[:length])
    with pytest.raises(EntryRejected, match="tampered"):
        opened(blob + b"\0")
    with pytest.raises(EntryRejected, match="more than an entry may have"):
        opened(blob + b"\0" * SIZE_LIMIT)


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(EntryRejected):
        opened(noise)


def test_a_blob_cannot_be_moved_to_another_row_or_tenant() -> None:
    blob = sealed(entry(1))
    with pytest.raises(EntryRejected, match="signature does not match"):
        unseal(blob, 8, "default", KEYS)
    with pytest.raises(EntryRejected, match="signature does not match"):
        unseal(blob, 7, "defaul", KEYS)
    with pytest.raises(EntryRejected, match="signature does not match"):
        unseal(seal(b"{}", "json", 7, "ab", KEYS), 7, "abc", KEYS)


def test_an_unknown_key_is_named() -> None:
    other = Keyring([b"o" * 32])
    with pytest.raises(EntryRejected, match=f"unknown key .{other.current[0].hex()}.*put that key"):
        opened(sealed(entry(1), keys=other))


def test_an_old_key_still_verifies_after_rotation() -> None:
    rotated = Keyring([b"n" * 32, b"k" * 32])
    assert opened(sealed(entry(1)), rotated) == entry(1)
    assert opened(sealed(entry(2), keys=rotated), rotated) == entry(2)
    with pytest.raises(EntryRejected, match="unknown key"):
        opened(sealed(entry(2), keys=rotated), KEYS)


def test_a_key_that_only_shares_its_id_does_not_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    forged = Keyring([b"f" * 32])
    monkeypatch.setattr(forged, "_keys", {KEYS.current[0]: b"f" * 32})
    with pytest.raises(EntryRejected, match="signature does not match"):
        opened(sealed(entry(1)), forged)
