"""Throws generated cron expressions and time phrases at the parsers: `make fuzz`.

    python tests/fuzz.py [COUNT] [SEED]

Half are written by the grammar, half are mutated. Whatever comes is read or refused with our own
error, an answer lies ahead, and no single one takes longer than the limit. Exits with 1 otherwise.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from tocsin.core.clock import DAY, SECOND
from tocsin.core.errors import InvalidSchedule, InvalidTime
from tocsin.core.schedule import cron
from tocsin.core.times import parse_time

SLOWEST = 0.050
"""Seconds of the processor that one text may take."""

NOW = 1_792_890_000 * SECOND
"""2026-10-25 01:00 UTC: clocks are being set back in Berlin."""

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
         "Pacific/Apia", "Africa/Casablanca", "Asia/Kathmandu")  # fmt: skip
STRANGE = "\0\t\n\r \u00a0\u0663\uff11\u2153\u0130\ud800é😀%#?LWw*/,-@+.:;'\"\\{}[]()0123456789"

Read = Callable[[str, random.Random], None]
Value = TypeVar("Value")

# ---------------------------------------------------------------- cron

_LIMITS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_WORDS = ("mon", "FRI", "sun", "jan", "Dec", "sept", "L", "LW", "15W", "W1", "5#3", "sun#1", "5L",
          "L3", "?", "H", "@daily", "00", "5-5", "22-2", "*/0", "1/2", "9" * 30)  # fmt: skip


def cron_text(draw: random.Random) -> str:
    """An expression, more often right than wrong."""
    if draw.random() < 0.02:
        return draw.choice(("@daily", "@yearly", "@every 5m", "@reboot", "@", "@DAILY", ""))
    limits = _LIMITS[1:] if draw.random() < 0.7 else _LIMITS
    fields = [_cron_field(draw, low, high) for low, high in limits]
    if draw.random() < 0.05:
        fields.insert(draw.randrange(len(fields)), _cron_field(draw, 0, 9))
    return draw.choice((" ", " ", " ", "  ", "\t")).join(fields)


def _cron_field(draw: random.Random, low: int, high: int) -> str:
    kind = draw.random()
    if kind < 0.35:
        return "*"
    if kind < 0.45:
        return f"*/{draw.randrange(0, high + 3)}"
    if kind < 0.50:
        return draw.choice(_WORDS)
    return ",".join(_cron_part(draw, low, high) for _ in range(draw.choice((1, 1, 1, 2, 5))))


def _cron_part(draw: random.Random, low: int, high: int) -> str:
    first, last = sorted(draw.randint(low, high) for _ in range(2))
    if draw.random() < 0.02:
        first, last = last, high + draw.randrange(5)
    span = draw.choice((f"{first}", f"{first}", f"{first}-{last}"))
    return f"{span}/{draw.randrange(1, 9)}" if draw.random() < 0.2 else span


def read_cron(text: str, draw: random.Random) -> None:
    """Parse it and ask for three moments."""
    rule = cron(text, draw.choice(ZONES), draw.choice(("debian", "skip", "both")))
    at: int | None = NOW + draw.randrange(-400 * DAY, 400 * DAY)
    for _ in range(3):
        before, at = at, rule.next_instant(at or 0)
        if at is None:
            return
        if before is not None and at <= before:
            raise AssertionError(f"{at} does not lie after {before}")


# ---------------------------------------------------------------- phrases

_PHRASES = (
    "{day} {clock}", "{day} at {clock}", "{clock}", "at {clock}", "in {n} {unit}", "{date} {clock}",
    "{date}T{clock}", "{date}T{clock}Z", "{date}T{clock}+0{n}:00", "in {n}{unit}", "now", "{n}",
    "{clock} {day}", "next {day}", "every {n} {unit}", "{n}.{n}", "in {n}h{n}m", "{n}{n}{n}{n}",
)  # fmt: skip
_DAYS = ("today", "tomorrow", "mon", "Friday", "thurs", "sunday", "weekend", "yesterday")
_UNITS = ("s", "m", "h", "d", "w", "minutes", "hours", "days", "weeks", "months", "years", "ms")
_CLOCKS = ("10:30pm", "22:30", "9am", "noon", "midnight", "8", "24:00", "12am", "0:00", "2:30",
           "10.30", "9:5", "13pm", "23:59:60", "10:30 p.m.", "02:30:15", "09")  # fmt: skip
_DATES = ("2026-10-25", "2026-02-29", "2028-02-29", "9999-12-31", "0001-01-01", "1969-12-31",
          "20261025", "2026-13-01", "25/10/2026", "2026-1-1")  # fmt: skip


def phrase_text(draw: random.Random) -> str:
    """A phrase, or something like it."""
    return draw.choice(_PHRASES).format(
        day=draw.choice(_DAYS),
        clock=draw.choice(_CLOCKS),
        date=draw.choice(_DATES),
        unit=draw.choice(_UNITS),
        n=draw.choice((0, 1, 5, 90, 10**6, 10**12, 10**40)),
    )


def read_phrase(text: str, draw: random.Random) -> None:
    """Resolve it somewhere, somewhen."""
    parse_time(text, now=NOW + draw.randrange(-400 * DAY, 400 * DAY), tz=draw.choice(ZONES))


# ---------------------------------------------------------------- both


def mutated(text: str, draw: random.Random) -> str:
    """The text with some characters replaced, put in, taken out, moved or many times there."""
    letters = list(text)
    for _ in range(draw.choice((1, 1, 2, 5))):
        at = draw.randrange(len(letters) + 1)
        change = draw.randrange(5)
        if change == 0:
            letters.insert(at, draw.choice(STRANGE))
        elif change == 1:
            del letters[at : at + draw.randrange(1, 4)]
        elif change == 2:
            letters[at : at + 1] = draw.choice(STRANGE)
        elif change == 3:
            letters[at:at] = letters[: draw.randrange(1, 9)]
        else:
            letters[at:at] = draw.choice(STRANGE) * draw.choice((2, 30, 300))
    return "".join(letters)


def texts(write: Callable[[random.Random], str], draw: random.Random, count: int) -> Iterator[str]:
    """Texts by the grammar, every second one mutated."""
    for n in range(count):
        text = write(draw)
        yield mutated(text, draw) if n % 2 else text


def fuzz(
    write: Callable[[random.Random], str],
    read: Read,
    allowed: type[Exception],
    count: int,
    seed: int,
) -> tuple[Counter[str], list[str]]:
    """Read so many texts; how many were read and refused, and what was wrong."""
    draw = random.Random(seed)
    counted: Counter[str] = Counter()
    wrong: list[str] = []
    for text in texts(write, draw, count):
        began = time.thread_time()
        try:
            read(text, draw)
            counted["read"] += 1
        except allowed:
            counted["refused"] += 1
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            wrong.append(f"{text!r:.300}: {type(error).__name__}: {error!s:.200}")
        took = time.thread_time() - began
        if took > SLOWEST:
            wrong.append(f"{text!r:.300}: took {took * 1_000:.0f} ms")
    return counted, wrong


CRON = (cron_text, read_cron, InvalidSchedule)
PHRASES = (phrase_text, read_phrase, InvalidTime)


def main(arguments: list[str], say: Callable[[str], None] = print) -> int:
    """Fuzz both; 1 when something was wrong."""
    count = int(arguments[0]) if arguments else 200_000
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    failures = 0
    for name, what in (("cron expressions", CRON), ("time phrases", PHRASES)):
        began = time.perf_counter()
        counted, wrong = fuzz(*what, count, seed)
        took = time.perf_counter() - began
        found = f"{counted['read']:,} read, {counted['refused']:,} refused, {len(wrong)} wrong"
        say(f"{count:,} {name}: {found}, {took:.0f} s")
        for line in wrong[:20]:
            say(f"  {line}")
        failures += len(wrong)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
