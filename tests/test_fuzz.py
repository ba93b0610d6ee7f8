"""The fuzzer, short: `make fuzz` takes longer."""

import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

FUZZ = runpy.run_path(str(Path(__file__).parent / "fuzz.py"))


@pytest.mark.parametrize("what", ["CRON", "PHRASES"])
def test_whatever_is_written_is_read_or_refused_quickly(what: str) -> None:
    counted, wrong = FUZZ["fuzz"](*FUZZ[what], 5_000, 42)
    assert wrong == []
    assert counted.total() == 5_000
    assert min(counted.values()) > 500, "it should write what is right and what is wrong"


def test_the_fuzzer_finds_an_error_that_is_not_ours() -> None:
    def read(text: str, draw: Any) -> None:
        if "*" in text:
            raise ValueError(text)

    counted, wrong = FUZZ["fuzz"](FUZZ["cron_text"], read, LookupError, 50, 1)
    assert len(wrong) > 10
    assert counted == Counter(read=50 - len(wrong))


def test_the_same_seed_writes_the_same_texts() -> None:
    first, second = (
        list(FUZZ["texts"](FUZZ["phrase_text"], FUZZ["random"].Random(3), 40)) for _ in range(2)
    )
    assert first == second
