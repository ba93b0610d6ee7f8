"""Equal entries have equal fingerprints, in every process."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from sealing import entry

from tocsin.core.entry import Entry
from tocsin.storage.payload import Codec, pack


def fingerprint(what: Entry, codec: Codec = "pickle") -> str:
    return pack(what, codec)[1]


def test_equal_entries_have_equal_fingerprints() -> None:
    word = "report"
    copy = "".join(list(word))
    assert copy is not word
    assert fingerprint(entry(word, word)) == fingerprint(entry(word, copy))
    assert fingerprint(entry(a=1, b=2)) == fingerprint(entry(b=2, a=1))
    assert fingerprint(entry(a={"x": 1, "y": 2})) == fingerprint(entry(a={"y": 2, "x": 1}))
    assert fingerprint(entry({1: "a"}), "pickle") != fingerprint(entry({"1": "a"}), "pickle")


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    code = (
        "from tocsin.core.entry import Entry\n"
        "from tocsin.storage.payload import pack\n"
        "sets = {'eu', 'us', 'asia'}, frozenset('abc')\n"
        "e = Entry(handler='x', args=sets, kwargs={'k': {'a', 'b'}})\n"
        "print(pack(e, 'pickle')[1])\n"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(prints) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (entry(1), entry(2)),
        (entry(1), entry(True)),
        (entry(1), entry(1.0)),
        (entry([1, 2]), entry([2, 1])),
        (entry([1]), entry((1,))),
        (entry([[1], [2]]), entry([[1, 2]])),
        (entry({1}), entry(frozenset({1}))),
        (entry(), Entry(module="myapp.jobs", function="run2")),
        (entry(a=1), entry({"a": 1})),
    ],
)
def test_different_entries_have_different_fingerprints(one: Entry, other: Entry) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_a_list_in_itself_has_a_fingerprint() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert fingerprint(entry(loop))


def test_the_json_form_is_the_map_of_the_prototype() -> None:
    assert json.loads(pack(entry(1, x=2), "json")[0]) == {
        "module": "myapp.jobs",
        "function": "run",
        "args": [1],
        "kwargs": {"x": 2},
    }
