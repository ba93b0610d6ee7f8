"""Compares our cron with recorded vectors and prints one summary: `make vectors`.

    python tests/vectors.py [FILE ...]

A vector is a fact: an expression, a zone, a start, and when it fires, or that it must be refused.
Exits with 1 when we disagree with one that is not among the exceptions.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.core.clock import to_instant
from tocsin.core.errors import InvalidSchedule
from tocsin.core.schedule import Cron, cron
from tocsin.core.zones import zone

HERE = Path(__file__).parent
SHARED = HERE.parent.parent / "shared" / "vectors" / "cron.json"
OWN = HERE / "data" / "cron_cases.json"

EXCEPTIONS = {
    "debian-syntax-0009": "a date that never comes is refused at creation, not kept for ever",
}
"""Where we mean to differ, and why."""

CUT = {60, 120}
"""Recorded lists of this length may have been cut: what follows is not known."""

Case = dict[str, Any]


def load(path: Path) -> list[Case]:
    """The cases of one file."""
    cases: list[Case] = json.loads(path.read_text())["vectors"]
    return cases


def moment(text: str, case: Case) -> datetime:
    """A case's time; without a zone it means a wall that never changes."""
    aware = datetime.fromisoformat(text)
    return aware if aware.tzinfo else aware.replace(tzinfo=zone(case.get("tz", "UTC")))


def schedule(case: Case) -> Cron:
    return cron(case["expr"], tz=case.get("tz", "UTC"))


def start(case: Case) -> datetime:
    begin = moment(case["start"], case)
    return begin - timedelta(microseconds=1) if case.get("inclusive") else begin


def _next(case: Case) -> str | None:
    expected = [moment(text, case).astimezone(UTC) for text in case["expected"]]
    moments = schedule(case).upcoming(start(case), len(expected) + 1)
    found = [each.astimezone(UTC) for each in moments]
    for wanted, got in zip(expected, found, strict=False):
        if wanted != got:
            return f"fires at {got.isoformat()}, not at {wanted.isoformat()}"
    if len(found) < len(expected):
        return f"fires {len(found)} times, not {len(expected)}"
    closed = "window_end" in case and len(expected) not in CUT and len(found) > len(expected)
    if closed and found[-1] < moment(case["window_end"], case):
        return f"fires at {found[-1].isoformat()}, where nothing was recorded"
    return None


def _none(case: Case) -> str | None:
    if case["set"] != "vixie":
        return _invalid(case)
    following = schedule(case).next(start(case))
    silent = following is None or following > moment(case["window_end"], case)
    return None if silent else f"fires at {following}"


def _matches(case: Case) -> bool:
    begin = to_instant(moment(case["start"], case))
    return schedule(case).next_instant(begin - 1) == begin


def _match(case: Case) -> str | None:
    return None if _matches(case) else "does not fire at its start"


def _nomatch(case: Case) -> str | None:
    return "fires at its start" if _matches(case) else None


def _invalid(case: Case) -> str | None:
    try:
        schedule(case)
    except InvalidSchedule as error:
        told = error.field is not None and error.position is not None and bool(error.reason)
        return None if told else "is refused without field, position and reason"
    return "is not refused"


_CHECKS: dict[str, Callable[[Case], str | None]] = {
    "next": _next,
    "none": _none,
    "match": _match,
    "nomatch": _nomatch,
    "invalid": _invalid,
}


def disagreement(case: Case) -> str | None:
    """What we do instead, None when we agree."""
    check = _CHECKS.get(case["kind"])
    if check is None:
        return f"is of the unknown kind {case['kind']!r}"
    try:
        return check(case)
    except InvalidSchedule as error:
        return f"is refused: {error}"


def report(path: Path, say: Callable[[str], None] = print) -> bool:
    """Compare with one file and say what was found; whether all is as it should be."""
    cases = load(path)
    found = {case["id"]: disagreement(case) for case in cases}
    say(f"{path}: {len(cases)} vectors")
    for name, count in sorted(Counter(case["set"] for case in cases).items()):
        members = [case for case in cases if case["set"] == name]
        agreed = [case for case in members if found[case["id"]] is None]
        refused = sum(case["kind"] in {"invalid", "none"} and name != "vixie" for case in agreed)
        say(f"  {name:<10} {len(agreed):>5} of {count:>4} agree, {refused} of them as refused")
    wrong = _differences(cases, found, say)
    say(f"  {wrong or 'no'} unexplained disagreement{'' if wrong == 1 else 's'}")
    return not wrong


def _differences(
    cases: Iterable[Case], found: dict[str, str | None], say: Callable[[str], None]
) -> int:
    """Say where we differ; how many of these are no exceptions."""
    wrong = 0
    for case in cases:
        what = found[case["id"]]
        reason = EXCEPTIONS.get(case["id"])
        if what is None:
            continue
        wrong += reason is None
        word = "DISAGREES" if reason is None else "exception"
        say(f"  {word} {case['id']} {case['expr']!r} {what}" + (f" ({reason})" if reason else ""))
    return wrong


def main(paths: list[str], say: Callable[[str], None] = print) -> int:
    """Compare with all files; 1 when one disagrees or none is there."""
    files = [Path(path) for path in paths] or [path for path in (SHARED, OWN) if path.exists()]
    missing = [path for path in files if not path.is_file()]
    for path in missing:
        say(f"{path} is not there")
    agreed = [report(path, say) for path in files if path not in missing]
    return 0 if all(agreed) and not missing else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
