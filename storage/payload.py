"""Entries as signed bytes: `seal` writes the envelope, `unseal` trusts nothing until it verifies.

Envelope: magic, version, codec, key id, MAC, payload. The MAC (HMAC-SHA256) covers all of it and
the row id and tenant, so a blob cannot be moved to another row. It is compared in constant time
before a single byte is decoded.
"""

import hashlib
import hmac
import json
import pickle
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from math import isfinite
from typing import Any, Literal

from ..core.entry import Entry
from ..core.errors import EntryRejected, InvalidEntry
from ..core.state import to_json_bytes
from .keys import KEY_ID_SIZE, Keyring
from .unpickler import load_restricted, prefixes

Codec = Literal["pickle", "json"]

SIZE_LIMIT = 64 * 1024
"""The longest payload, in bytes."""

_TEXT = frozenset({str})
_PLAIN = frozenset({str, int, bool, type(None)})
_MAGIC = b"TOC"
_VERSION = 1
_CODECS: tuple[Codec, ...] = ("pickle", "json")
_MAC_SIZE = hashlib.sha256().digest_size
_HEAD = struct.Struct(f">3sBB{KEY_ID_SIZE}s{_MAC_SIZE}s")
_COVERED = struct.Struct(">3sBBqI")


def pack(entry: Entry, codec: Codec, allow: Sequence[str] = ()) -> tuple[bytes, str]:
    """The payload of an entry, checked to be readable again, and its fingerprint.

    Args:
        entry: what to call.
        codec: `pickle` keeps Python values, `json` is for what comes from outside.
        allow: module prefixes that entries may name, empty for all.

    Returns:
        The payload; and a short text that is another one whenever the content is.

    Raises:
        InvalidEntry: it cannot be stored, is too large, or names a module that is not allowed.
    """
    check_allowed(entry, allow)
    if codec not in _CODECS:
        raise InvalidEntry(f"an entry is stored as {' or '.join(_CODECS)}, not {codec!r}")
    content = entry.to_map()
    plain = codec == "pickle" and _is_plain(content)
    try:
        payload = _encoded(content, codec, allow, plain=plain)
    except Exception as error:
        raise InvalidEntry(f"{entry.target}: its arguments cannot be stored: {error}") from error
    if len(payload) > SIZE_LIMIT:
        raise InvalidEntry(
            f"{entry.target}: its arguments take {len(payload):,} bytes, the limit is"
            f" {SIZE_LIMIT:,}: store the data elsewhere and pass a reference"
        )
    return payload, _fingerprint(content, payload, codec, plain=plain)


def _encoded(content: dict[str, Any], codec: Codec, allow: Sequence[str], *, plain: bool) -> bytes:
    if codec == "json":
        return json.dumps(content, sort_keys=True, allow_nan=False).encode()
    payload = pickle.dumps(content, protocol=5)
    if not plain:
        load_restricted(payload, allow)
    return payload


def _fingerprint(content: dict[str, Any], payload: bytes, codec: Codec, *, plain: bool) -> str:
    """Told from the content, and not from its pickle, which may differ from process to process.

    Sets have no fixed order, and texts that are one object here are two there. So what JSON does
    not know is taken part by part.
    """
    if plain:
        payload = to_json_bytes(content)
    elif codec == "pickle":
        with suppress(RecursionError):  # a list that holds itself: its pickle is all there is
            payload = b"".join(_parts(content))
    return hashlib.sha256(codec.encode() + payload).hexdigest()[:32]


def _is_plain(value: Any) -> bool:
    """Whether it is made of nothing that JSON does not know as well."""
    try:
        return _has_plain_parts(value)
    except RecursionError:
        return False


def _has_plain_parts(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return _TEXT.issuperset(map(type, value)) and all(map(_has_plain_parts, value.values()))
    if kind is list:  # in almost every entry there is no more to see than the first look does
        return _PLAIN.issuperset(map(type, value)) or all(map(_has_plain_parts, value))
    return kind in _PLAIN or (kind is float and isfinite(value))


def _parts(value: Any) -> Iterator[bytes]:
    kind = type(value)
    if kind not in {dict, list, tuple, set, frozenset}:
        yield pickle.dumps(value, protocol=5)
        return
    yield f"{kind.__name__} {len(value)}".encode()
    if kind is dict:
        parts = [b"".join([*_parts(name), *_parts(item)]) for name, item in value.items()]
    else:
        parts = [b"".join(_parts(item)) for item in value]
    yield from parts if kind in {list, tuple} else sorted(parts)


def seal(payload: bytes, codec: Codec, row_id: int, tenant: str, keys: Keyring) -> bytes:
    """Sign a payload for one row of one tenant."""
    key_id, key = keys.current
    number = _CODECS.index(codec)
    mac = _mac(key, _covered(key_id, number, row_id, tenant), payload)
    return _HEAD.pack(_MAGIC, _VERSION, number, key_id, mac) + payload


def unseal(
    blob: bytes, row_id: int, tenant: str, keys: Keyring, allow: Sequence[str] = ()
) -> Entry:
    """Verify, then decode.

    Raises:
        EntryRejected: the blob is truncated, signed with an unknown key, tampered with, or holds
            something that may not be loaded; the message says which.
    """
    number, payload = _verify(blob, row_id, tenant, keys)
    try:
        content = (
            load_restricted(payload, allow) if _CODECS[number] == "pickle" else json.loads(payload)
        )
        entry = Entry.from_map(content)
        check_allowed(entry, allow)
    except EntryRejected:
        raise
    except InvalidEntry as error:
        raise EntryRejected(str(error)) from error
    except Exception as error:
        raise EntryRejected(f"its arguments cannot be loaded: {_describe(error)}") from error
    return entry


def codec_of(blob: bytes) -> Codec:
    """How an entry that verified is stored."""
    number: int = _HEAD.unpack_from(blob)[2]
    return _CODECS[number]


def check_allowed(entry: Entry, allow: Sequence[str]) -> None:
    """Refuse an entry whose module is outside the allowed prefixes.

    Raises:
        InvalidEntry: it is.
    """
    if entry.module is not None and allow and not f"{entry.module}.".startswith(prefixes(allow)):
        raise InvalidEntry(
            f"{entry.target} may not be called: [scheduler] allow names {', '.join(allow)}"
        )


def _verify(blob: bytes, row_id: int, tenant: str, keys: Keyring) -> tuple[int, bytes]:
    if len(blob) <= _HEAD.size:
        raise EntryRejected(f"truncated: {len(blob)} bytes are too few for a signed entry")
    if len(blob) > _HEAD.size + SIZE_LIMIT:
        raise EntryRejected(f"tampered with: {len(blob):,} bytes are more than an entry may have")
    magic, version, number, key_id, mac = _HEAD.unpack_from(blob)
    payload = bytes(blob[_HEAD.size :])
    if magic != _MAGIC:
        raise EntryRejected("tampered with: it is no signed entry")
    if version != _VERSION:
        raise EntryRejected(f"tampered with, or stored by a newer version ({version})")
    key = keys.find(key_id)
    if key is None:
        raise EntryRejected(f"signed with an unknown key ({key_id.hex()}): put that key back")
    covered = _covered(key_id, number, row_id, tenant)
    if not hmac.compare_digest(mac, _mac(key, covered, payload)):
        raise EntryRejected("truncated or tampered with: its signature does not match")
    if number >= len(_CODECS):
        raise EntryRejected(f"stored in an unknown form ({number})")
    return number, payload


def _covered(key_id: bytes, codec: int, row_id: int, tenant: str) -> bytes:
    """What the MAC covers beside the payload: the head, and whose row it is."""
    owner = tenant.encode()
    return _COVERED.pack(_MAGIC, _VERSION, codec, row_id, len(owner)) + key_id + owner


def _mac(key: bytes, covered: bytes, payload: bytes) -> bytes:
    mac = _keyed(key).copy()
    mac.update(covered + payload)
    return mac.digest()


@lru_cache(maxsize=64)
def _keyed(key: bytes) -> hmac.HMAC:
    """What each MAC of a key begins as.

    A copy of it keeps the interpreter, which `hmac.digest` gives away for each short text: beside
    a thread that computes, it would wait for its turn every time.
    """
    return hmac.new(key, digestmod=hashlib.sha256)


def _describe(error: BaseException) -> str:
    """The error in words, even when its own text raises."""
    text: Any
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a stored class may do anything
        text = "?"
    return f"{type(error).__name__}: {text}"
