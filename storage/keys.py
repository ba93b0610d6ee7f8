"""The keys that sign entries: kept outside the database, found by their id, rotated by adding one.

The key file holds one key a line in hex, the current one first. It is made at the first start with
mode 0600. The environment variable `TOCSIN_KEY` (hex, at least 32 digits) takes the first place.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..core.errors import StorageError

KEY_ID_SIZE = 8
_KEY_SIZE = 32
_LEAST = 16


class Keyring:
    """The keys at hand: the first signs, all verify.

    Args:
        keys: secret keys, the current one first.
    """

    def __init__(self, keys: list[bytes]) -> None:
        self._keys = {key_id(key): key for key in keys}
        self.current = (key_id(keys[0]), keys[0])

    def find(self, wanted: bytes) -> bytes | None:
        """The key with this id, None when it is not at hand."""
        return self._keys.get(wanted)

    def __repr__(self) -> str:
        return f"Keyring({len(self._keys)} keys)"


def key_id(key: bytes) -> bytes:
    """The public name of a key: the start of its hash."""
    return hashlib.sha256(b"tocsin key id" + key).digest()[:KEY_ID_SIZE]


def open_keyring(path: Path, environ: Mapping[str, str], *, may_create: bool) -> Keyring:
    """Read the keys, making the first one when there is none.

    Args:
        path: the key file.
        environ: where `TOCSIN_KEY` may be.
        may_create: False when entries exist already: a new key could read none of them.

    Raises:
        StorageError: the file is missing, unreadable or malformed.
    """
    keys = [_parse(environ["TOCSIN_KEY"], "TOCSIN_KEY")] if environ.get("TOCSIN_KEY") else []
    if path.exists():
        keys += _read(path)
    elif not keys:
        if not may_create:
            raise StorageError(
                f"the key file {path} is missing, and the stored entries cannot be read without"
                " it: put it back, or set TOCSIN_KEY"
            )
        keys = [_create(path)]
    return Keyring(keys)


def _read(path: Path) -> list[bytes]:
    try:
        lines = path.read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"the key file {path} cannot be read: {error}") from error
    if not lines:
        raise StorageError(f"the key file {path} is empty: put its key back, or delete the file")
    return [_parse(line, str(path)) for line in lines]


def _parse(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) < _LEAST:
        raise StorageError(f"{where}: a key is at least {2 * _LEAST} hexadecimal digits")
    return key


def _create(path: Path) -> bytes:
    """Write a fresh key so that it appears whole or not at all; a key made meanwhile wins."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            _write(draft, secrets.token_bytes(_KEY_SIZE).hex().encode() + b"\n")
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"the key file {path} cannot be made: {error.strerror}") from error
    return _read(path)[0]


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable: without its key no entry that is stored next could be read."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
