"""Loading pickled arguments without letting them run what they like.

The signature already proves that a holder of the key stored the bytes; this narrows what a
mistake can do. Of the standard library only plain value types are rebuilt; classes and functions
of other modules must be importable and, with an `allow` list, be under one of its prefixes.
"""

import io
import pickle
import sys
from collections.abc import Sequence
from typing import Any

from ..core.errors import EntryRejected

_SAFE: dict[str, frozenset[str]] = {
    "builtins": frozenset({"set", "frozenset", "bytearray", "complex", "range", "slice"}),
    "collections": frozenset({"OrderedDict", "deque", "Counter"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "ipaddress": frozenset({"IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network"}),
    "pathlib": frozenset({"Path", "PosixPath", "PurePath", "PurePosixPath"}),
    "uuid": frozenset({"UUID", "SafeUUID"}),
    "zoneinfo": frozenset({"ZoneInfo", "ZoneInfo._unpickle"}),
    "copyreg": frozenset({"_reconstructor"}),
}


class _Restricted(pickle.Unpickler):
    def __init__(self, data: bytes, allow: Sequence[str]) -> None:
        super().__init__(io.BytesIO(data))
        self._allow = tuple(allow)

    def find_class(self, module: str, name: str) -> Any:
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top == "builtins":
            if name not in _SAFE.get(module.removesuffix("._local"), frozenset()):
                raise EntryRejected(f"its arguments name {module}.{name}, which may not be loaded")
        elif self._allow and not f"{module}.".startswith(self._allow):
            raise EntryRejected(f"its arguments name {module}.{name}, which is not in `allow`")
        return super().find_class(module, name)


def load_restricted(payload: bytes, allow: Sequence[str] = ()) -> Any:
    """Unpickle `payload`, rebuilding only what is safe or allowed.

    Args:
        payload: a pickle whose signature has been verified.
        allow: module prefixes such as "myapp.", empty for all that are not the standard library.

    Raises:
        EntryRejected: it names something that may not be loaded.
    """
    return _Restricted(payload, allow).load()
