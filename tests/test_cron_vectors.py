import json
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tocsin.core.clock import to_instant
from tocsin.core.errors import InvalidSchedule
from tocsin.core.schedule import Cron, cron
from tocsin.core.zones import zone

HERE = Path(__file__).parent
OWN = HERE / "data" / "cron_cases.json"
SHARED = HERE.parent.parent / "shared" / "vectors" / "cron.json"

VECTORS = runpy.run_path(str(HERE / "vectors.py"))
EXCEPTIONS = VECTORS["EXCEPTIONS"]

Case = dict[str, Any]


def load(path: Path) -> list[Case]:
    """The cases of one file; none when it is not there."""
    cases: list[Case] = json.loads(path.read_text())["vectors"] if path.exists() else []
    return cases


def of_kind(*kinds: str) -> pytest.MarkDecorator:
    """Run a test for each case of these kinds, from both files, each id once."""
    cases = {case["id"]: case for path in (SHARED, OWN) for case in load(path)}
    wanted = [case for case in cases.values() if case["kind"] in kinds]
    return pytest.mark.parametrize("case", wanted, ids=[case["id"] for case in wanted])


def moment(text: str, case: Case) -> datetime:
    """A case's time; without a zone it means a wall that never changes."""
    aware = datetime.fromisoformat(text)
    return aware if aware.tzinfo else aware.replace(tzinfo=zone(case.get("tz", "UTC")))


def schedule(case: Case) -> Cron:
    return cron(case["expr"], tz=case.get("tz", "UTC"))


def start(case: Case) -> datetime:
    begin = moment(case["start"], case)
    return begin - timedelta(microseconds=1) if case.get("inclusive") else begin


def utc(moments: list[datetime]) -> list[str]:
    return [each.astimezone(UTC).isoformat() for each in moments]


def test_the_shared_vectors_are_checked_where_they_lie_beside_the_repository() -> None:
    if not SHARED.exists():
        pytest.skip("the shared vectors are not beside this repository; our own cases still run")
    assert len(load(SHARED)) > 1_000
    assert all(case.get("seconds") != "last" for case in load(SHARED))


def test_our_own_cases_always_run() -> None:
    assert len(load(OWN)) > 250


@of_kind("next")
def test_the_next_fire_times_agree(case: Case) -> None:
    expected = [moment(text, case) for text in case["expected"]]
    found = schedule(case).upcoming(start(case), len(expected) + 1)
    assert utc(found[: len(expected)]) == utc(expected)
    if "window_end" in case and len(expected) not in {60, 120}:  # else the list was cut
        assert len(found) == len(expected) or found[-1] >= moment(case["window_end"], case)


@of_kind("none")
def test_what_never_fires_is_refused_or_silent(case: Case) -> None:
    if case["set"] == "vixie" and case["id"] not in EXCEPTIONS:
        following = schedule(case).next(start(case))
        assert following is None or following > moment(case["window_end"], case)
        return
    with pytest.raises(InvalidSchedule) as refused:
        schedule(case)
    assert refused.value.field
    assert refused.value.reason


@of_kind("match")
def test_a_matching_moment_is_a_fire_time(case: Case) -> None:
    begin = to_instant(moment(case["start"], case))
    assert schedule(case).next_instant(begin - 1) == begin


@of_kind("nomatch")
def test_another_moment_is_no_fire_time(case: Case) -> None:
    begin = to_instant(moment(case["start"], case))
    assert schedule(case).next_instant(begin - 1) != begin


@of_kind("invalid")
def test_an_invalid_expression_is_refused_with_field_position_and_reason(case: Case) -> None:
    with pytest.raises(InvalidSchedule) as refused:
        schedule(case)
    assert refused.value.field
    assert refused.value.position is not None
    assert refused.value.reason
    assert refused.value.reason in str(refused.value)


# ---------------------------------------------------------------- the summary


def summary(*paths: Path) -> tuple[int, list[str]]:
    said: list[str] = []
    return VECTORS["main"]([str(path) for path in paths], said.append), said


def test_the_summary_counts_what_agrees_and_names_each_exception() -> None:
    code, said = summary(OWN)
    assert code == 0
    assert sum("exception debian-syntax-0009" in line for line in said) == 1
    assert said[-1].strip() == "no unexplained disagreements"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"expected": ["2020-01-01T00:01:00"]}, "fires at 2020-01-01T09:00:00+00:00, not at"),
        ({"expr": "61 9 * * *"}, "is refused: cron expression"),
        ({"kind": "invalid", "set": "invalid"}, "is not refused"),
        ({"kind": "match"}, "does not fire at its start"),
        ({"kind": "prev"}, "unknown kind"),
        ({"window_end": "2020-01-09T00:00:00"}, "where nothing was recorded"),
    ],
)
def test_the_summary_fails_on_a_disagreement(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    case = {"id": "x-1", "set": "vixie", "kind": "next", "expr": "0 9 * * *",
            "start": "2020-01-01T00:00:00", "expected": ["2020-01-01T09:00:00"]}  # fmt: skip
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"vectors": [case]}))
    assert summary(path)[0] == 0
    path.write_text(json.dumps({"vectors": [{**case, **change}]}))
    code, said = summary(path)
    assert code == 1
    (line,) = [line for line in said if "DISAGREES x-1" in line]
    assert says in line
    assert said[-1].strip() == "1 unexplained disagreement"


def test_the_summary_fails_when_the_file_is_not_there(tmp_path: Path) -> None:
    code, said = summary(tmp_path / "nothing.json")
    assert code == 1
    assert said == [f"{tmp_path}/nothing.json is not there"]
