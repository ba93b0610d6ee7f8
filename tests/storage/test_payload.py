"""Entries as signed bytes: nothing is trusted before it verifies, and little after that."""

import builtins
import dataclasses
import decimal
import enum
import fractions
import functools
import io
import operator
import os
import pathlib
import pickle
import subprocess
import sys
import types
import uuid
from collections import Counter, OrderedDict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from ipaddress import ip_address
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealing import CODECS, KEYS, entry, opened, sealed, signed

from tocsin.core.entry import Entry
from tocsin.core.errors import EntryRejected, InvalidEntry
from tocsin.storage.payload import SIZE_LIMIT, Codec, pack, seal, unseal
from tocsin.storage.unpickler import load_restricted

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(args=st.lists(JSON, max_size=3), kwargs=st.dictionaries(st.text(), JSON, max_size=3))
@pytest.mark.parametrize("codec", CODECS)
def test_what_is_sealed_comes_back(codec: Codec, args: list[Any], kwargs: dict[str, Any]) -> None:
    what = Entry(handler="x", args=tuple(args), kwargs=kwargs)
    back = opened(sealed(what, codec))
    assert back == what


def test_a_handler_comes_back() -> None:
    assert opened(sealed(Entry(handler="report.build", args=(1,)))).handler == "report.build"


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize("codec", CODECS)
def test_sixty_four_kibibytes_are_the_limit(codec: Codec) -> None:
    overhead = len(pack(entry("x" * 1_000), codec)[0]) - 1_000
    fits = entry("x" * (SIZE_LIMIT - overhead - 8))
    assert opened(sealed(fits, codec)) == fits
    with pytest.raises(InvalidEntry, match="the limit is 65,536: store the data elsewhere"):
        pack(entry("x" * SIZE_LIMIT), codec)


@pytest.mark.parametrize("value", [object, {1, 2}, b"x", float("nan"), datetime.now(UTC)])
def test_json_refuses_what_it_cannot_hold(value: Any) -> None:
    with pytest.raises(InvalidEntry, match="arguments cannot be stored"):
        pack(entry(value), "json")


@pytest.mark.parametrize("value", [lambda: 0, io.StringIO(), iter(()), sys])
def test_pickle_refuses_what_it_cannot_hold(value: Any) -> None:
    with pytest.raises(InvalidEntry, match=r"myapp.jobs:run: its arguments cannot be stored"):
        pack(entry(value), "pickle")


# ---------------------------------------------------------------- values that survive


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"


class Flags(enum.IntFlag):
    A = 1
    B = 2


@dataclasses.dataclass
class Order:
    number: int
    lines: list[str]

    class Kind(enum.Enum):
        FAST = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    when: datetime


class Pair(NamedTuple):
    left: int
    right: str


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes of this file live in a module that can be imported, as those of a program do."""
    module = types.ModuleType("myvalues")
    for kind in (Colour, Flags, Order, Frozen, Pair, Order.Kind):
        monkeypatch.setattr(kind, "__module__", "myvalues")
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "myvalues", module)


BERLIN = ZoneInfo("Europe/Berlin")
VALUES = [
    datetime(2026, 3, 1, 9, tzinfo=BERLIN),
    datetime(2026, 3, 1, 9, tzinfo=UTC),
    datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=2))),
    BERLIN,
    date(2026, 3, 1),
    time(9, tzinfo=BERLIN),
    timedelta(days=1, microseconds=1),
    decimal.Decimal("1.10"),
    fractions.Fraction(1, 3),
    uuid.UUID(int=5),
    {1, "a"},
    frozenset({(1, 2)}),
    b"bytes",
    bytearray(b"x"),
    1 + 2j,
    range(3),
    OrderedDict(a=1),
    deque([1], maxlen=3),
    Counter("aab"),
    ip_address("::1"),
    pathlib.Path("/tmp/x"),
    Colour.RED,
    Flags.A | Flags.B,
    Order.Kind.FAST,
    Order(1, ["a"]),
    Frozen(datetime(2026, 3, 1, tzinfo=BERLIN)),
    Pair(1, "x"),
    2**100,
    None,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_plain_values_and_the_users_classes_survive(value: Any) -> None:
    (back,) = opened(sealed(entry(value))).args
    assert back == value
    assert type(back) is type(value)


def test_the_zone_of_a_datetime_survives() -> None:
    (back,) = opened(sealed(entry(datetime(2026, 3, 1, tzinfo=BERLIN)))).args
    assert back.tzinfo.key == "Europe/Berlin"


# ---------------------------------------------------------------- what may not be loaded


class Reduced:
    """Pickles as a call of anything."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


@pytest.mark.parametrize(
    "trick",
    [
        Reduced(os.system, "false"),
        Reduced(subprocess.Popen, ["false"]),
        Reduced(eval, "1"),
        Reduced(exec, "1"),
        Reduced(getattr, Order, "Kind"),
        Reduced(getattr, Order, "__init__"),
        Reduced(getattr, Colour, "mro"),
        Reduced(getattr, ZoneInfo, "clear_cache"),
        Reduced(functools.partial, print),
        Reduced(operator.attrgetter("Kind"), Order),
        Reduced(operator.methodcaller("mro"), int),
        Reduced(builtins.__import__, "os"),
        Reduced(open, "/dev/null"),
        Reduced(pickle.loads, b"N."),
        Reduced(type, "X", (), {}),
        Reduced(map, print, [1]),
        Reduced(setattr, Order, "x", 1),
        Reduced(pathlib.Path.unlink, pathlib.Path("/nonexistent")),
    ],
    ids=lambda trick: getattr(trick.call[0], "__qualname__", type(trick.call[0]).__name__),
)
def test_a_signed_pickle_cannot_call_what_it_likes(trick: Reduced) -> None:
    payload = pickle.dumps({"handler": "x", "args": [trick]}, protocol=5)
    with pytest.raises(EntryRejected, match="may not be loaded"):
        opened(signed(payload))


def stack_global(module: str, name: str, protocol: int = 4) -> bytes:
    """A pickle that names one global, dots and all, as no honest pickler would."""

    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    return b"\x80" + bytes([protocol]) + text(module) + text(name) + b"\x93."


def old_global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n.".encode()


@pytest.fixture
def innocent(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A user's module that imports what user's modules import."""
    module = types.ModuleType("myapp")
    for name, value in {
        "os": os,
        "sys": sys,
        "system": os.system,
        "Popen": subprocess.Popen,
        "partial": functools.partial,
        "run": print,
        "attr": getattr,
        "Order": Order,
    }.items():
        setattr(module, name, value)
    monkeypatch.setitem(sys.modules, "myapp", module)
    evil = types.ModuleType("myapp_evil")
    evil.Order = Order  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "myapp_evil", evil)
    return module


@pytest.mark.usefixtures("innocent")
@pytest.mark.parametrize("allow", [(), ("myapp.", "myvalues.")])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("myapp", "os.system"),
        ("myapp", "os"),
        ("myapp", "sys.modules"),
        ("myapp", "os.path.join"),
        ("myapp", "system"),
        ("myapp", "Popen"),
        ("myapp", "partial"),
        ("myapp", "run"),
        ("myapp", "attr"),
        ("myapp", "Order.__init__.__globals__"),
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("builtins", "getattr.__self__"),
        ("builtins", "set.__class__"),
        ("datetime", "sys.modules"),
        ("datetime", "datetime.now"),
        ("decimal", "Decimal.__init__"),
        ("zoneinfo", "ZoneInfo.clear_cache"),
        ("uuid", "UUID.__init__.__globals__"),
        ("copyreg", "add_extension"),
        ("nt", "system"),
    ],
)
def test_dotted_and_borrowed_names_are_refused(
    module: str, name: str, allow: tuple[str, ...]
) -> None:
    for payload in (stack_global(module, name), old_global(module, name)):
        with pytest.raises((EntryRejected, AttributeError, ImportError)):
            load_restricted(payload, allow)
    with pytest.raises(EntryRejected):
        unseal(signed(stack_global(module, name)), 7, "default", KEYS, allow)


@pytest.mark.usefixtures("innocent")
def test_allow_names_whole_modules() -> None:
    honest = pickle.dumps({"module": "myapp", "function": "f", "args": [Order(1, [])]})
    assert opened(signed(honest), allow=("myapp.", "myvalues.")).args
    assert opened(signed(honest), allow=("myapp", "myvalues")).args
    with pytest.raises(EntryRejected, match="myvalues"):
        opened(signed(honest), allow=("myapp.",))
    for allow in [("myapp.",), ("myapp",)]:
        with pytest.raises(EntryRejected):
            load_restricted(stack_global("myapp_evil", "Order"), allow)


@pytest.mark.parametrize("allow", [("myapp.",), ("myapp",)])
@pytest.mark.parametrize("codec", CODECS)
def test_allow_narrows_what_is_called(codec: Codec, allow: tuple[str, ...]) -> None:
    for module in ("myapp", "myapp.jobs", "myapp.jobs.deep"):
        fine = Entry(module=module, function="run")
        blob = seal(pack(fine, codec, allow)[0], codec, 7, "default", KEYS)
        assert opened(blob, allow=allow) == fine
    for module in ("myapp_evil", "os", "my", "xmyapp"):
        bad = Entry(module=module, function="run")
        with pytest.raises(InvalidEntry, match=r"may not be called.*allow"):
            pack(bad, codec, allow)
        with pytest.raises(EntryRejected, match="may not be called"):
            opened(sealed(bad, codec), allow=allow)


@pytest.mark.parametrize(
    "content",
    [b"[]", b"5", b"null", b'"x"', b"{}", b'{"module": 5, "function": "f"}', b"\xff", b"{" * 9_999,
     b'{"handler": "x", "surprise": 1}', b'{"handler": "x", "args": 5}', b"[" * 60_000],
)  # fmt: skip
def test_signed_nonsense_is_refused(content: bytes) -> None:
    with pytest.raises(EntryRejected):
        opened(seal(content, "json", 7, "default", KEYS))
    with pytest.raises(EntryRejected):
        opened(seal(content, "pickle", 7, "default", KEYS))


class Hostile(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_without_words_is_still_described(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(self: Any, state: Any) -> None:
        raise Hostile

    payload = pickle.dumps({"handler": "x", "args": [Order(1, [])]})
    monkeypatch.setattr(Order, "__setstate__", explode, raising=False)
    with pytest.raises(EntryRejected, match="Hostile"):
        opened(signed(payload))
