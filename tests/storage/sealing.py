"""What the tests of stored entries share."""

from typing import Any

from tocsin.core.entry import Entry
from tocsin.storage.keys import Keyring
from tocsin.storage.payload import Codec, pack, seal, unseal

KEYS = Keyring([b"k" * 32])
CODECS: list[Codec] = ["json", "pickle"]


def entry(*args: Any, **kwargs: Any) -> Entry:
    return Entry(module="myapp.jobs", function="run", args=args, kwargs=kwargs)


def sealed(what: Entry, codec: Codec = "pickle", keys: Keyring = KEYS) -> bytes:
    return seal(pack(what, codec)[0], codec, 7, "default", keys)


def signed(payload: bytes) -> bytes:
    """A payload that somebody who holds the key has signed."""
    return seal(payload, "pickle", 7, "default", KEYS)


def opened(blob: bytes, keys: Keyring = KEYS, allow: tuple[str, ...] = ()) -> Entry:
    return unseal(blob, 7, "default", keys, allow)
