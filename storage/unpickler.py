"""Loading pickled arguments without letting them run what they like.

The signature already proves that a holder of the key stored the bytes; this narrows what a
mistake can do. Of the standard library only plain value types are rebuilt; classes and functions
of other modules must be importable and, with an `allow` list, be under one of its prefixes.
"""

import io
import pickle
import sys
from collections.abc import Sequence
from enum import Enum
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

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
    "zoneinfo": frozenset({"ZoneInfo"}),
    "copyreg": frozenset({"_reconstructor"}),
}


class _Restricted(pickle.Unpickler):
    def __init__(self, data: bytes, allow: Sequence[str]) -> None:
        super().__init__(io.BytesIO(data), fix_imports=False)
        self._allow = prefixes(allow)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("builtins", "getattr"):
            return _attribute
        if not self._may_name(module, name):
            raise EntryRejected(f"its arguments name {module}.{name}, which may not be loaded")
        found = super().find_class(module, name)
        origin = getattr(found, "__module__", None) or module
        known = getattr(found, "__qualname__", name)
        if _leads_out(module, name) or not self._may_name(str(origin), str(known)):
            raise EntryRejected(
                f"its arguments name {module}.{name}, which is {origin}.{known}: it may not be"
                " loaded"
            )
        return found

    def _may_name(self, module: str, name: str) -> bool:
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top == "builtins":
            return name in _SAFE.get(module.removesuffix("._local"), frozenset())
        return not self._allow or f"{module}.".startswith(self._allow)


def prefixes(allow: Sequence[str]) -> tuple[str, ...]:
    """Module prefixes, each ending in a dot: "myapp" allows "myapp.jobs", never "myapp_evil"."""
    if not allow:
        return ()
    return tuple(f"{prefix.rstrip('.')}." for prefix in allow)


def _leads_out(module: str, name: str) -> bool:
    """Whether a dotted name leads out of its module, such as myapp's "os.system"."""
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part)
        if isinstance(found, ModuleType) or part.startswith("__"):
            return True
    return False


def _attribute(owner: Any, name: str) -> Any:
    """All that `getattr` is good for in a pickle: members of enums, and how zones are rebuilt."""
    if isinstance(owner, type):
        if issubclass(owner, Enum) and name in owner.__members__:
            return owner.__members__[name]
        if issubclass(owner, ZoneInfo) and name == "_unpickle":
            return owner._unpickle  # type: ignore[attr-defined] # noqa: SLF001 - as pickle does
    raise EntryRejected(f"its arguments name an attribute {name!r}, which may not be loaded")


def load_restricted(payload: bytes, allow: Sequence[str] = ()) -> Any:
    """Unpickle `payload`, rebuilding only what is safe or allowed.

    Args:
        payload: a pickle whose signature has been verified.
        allow: module prefixes such as "myapp.", empty for all that are not the standard library.

    Raises:
        EntryRejected: it names something that may not be loaded.
    """
    return _Restricted(payload, allow).load()
