"""The benchmark measures what it says, in small, and its tables say what was measured."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
TINY = {
    "seconds": 0.1,
    "one_shots": 20,
    "spread": 0.2,
    "burst": 50,
    "small_burst": 20,
    "settle": 0.1,
    "rings": 1,
    "idle": 0.5,
    "recurring": 5,
    "recurring_seconds": 2.0,
    "patience": 60.0,
}


def run(program: str, *args: Path) -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / program, *args],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def measured(folder: Path, workload: str, pending: int = 0) -> dict[str, Any]:
    """The figures of this project in a workload."""
    order = {
        "module": "tocsin_sqlite",
        "kind": "TocsinSqlite",
        "packages": [],
        "server": "",
        "folder": str(folder),
        "workload": workload,
        "pending": pending,
        "sizes": TINY,
        "result": str(folder / "result.json"),
    }
    (folder / "order.json").write_text(json.dumps(order))
    run("measure.py", folder / "order.json")
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result.get("figures", {})


def test_one_shots_run_once_beside_pending_tasks_and_end_on_record(tmp_path: Path) -> None:
    measured(tmp_path, "fill", pending=2_500)
    figures = measured(tmp_path, "oneshots:measure")
    assert (figures["ran"], figures["lost"], figures["repeated"]) == (20, 0, 0)
    assert figures["all_durable"] == figures["ordered_in_time"] == 1
    assert 0 < figures["p50_ms"] <= figures["p99_ms"]


def test_a_burst_beside_a_busy_callback_is_measured_to_its_last_durable_end(tmp_path: Path) -> None:
    figures = measured(tmp_path, "burst:measure_spinning")
    assert (figures["ran"], figures["lost"], figures["repeated"]) == (50, 0, 0)
    assert 0 < figures["finished_s"] <= figures["began_s"]


def test_every_occurrence_of_recurring_tasks_is_expected_once(tmp_path: Path) -> None:
    figures = measured(tmp_path, "recurring:measure")
    assert figures["expected"] == 10
    assert figures["repeated"] == 0
    assert figures["share_run"] == figures["share_recorded"] == 1


def test_an_idle_service_is_seen_to_ask_for_something_but_hardly_for_tables(tmp_path: Path) -> None:
    figures = measured(tmp_path, "idle:measure")
    assert figures["statements_a_minute"] >= 0
    assert figures["table_reads_a_minute"] <= figures["statements_a_minute"]


def test_a_new_process_is_timed_until_it_rings_what_is_overdue(tmp_path: Path) -> None:
    figures = measured(tmp_path, "first_ring:measure")
    assert (figures["rang"], figures["starts"]) == (1, 1)
    assert figures["first_ring_s"] > 0


def page_of(
    folder: Path, results: list[dict[str, Any]], **more: Any
) -> tuple[list[str], list[str]]:
    """The lines of the page before and after it is written anew from some figures."""
    machine = dict.fromkeys(
        ("date", "commit", "cores", "cpu", "memory", "system", "python", "sqlite", "load_before"), 1
    )
    limits = {"wake_p99_ms": 0.1, "commits_s": 4_000}
    figures = {"machine": machine, "limits": limits, "results": results, "skipped": {}, **more}
    (folder / "bench.json").write_text(json.dumps(figures))
    text = (BENCHMARKS.parent / "docs" / "performance.md").read_text()
    (folder / "page.md").write_text(text)
    run("page.py", folder / "bench.json", folder / "page.md")
    return text.splitlines(), (folder / "page.md").read_text().splitlines()


def result(
    workload: str, case: str, *, entrant: str = "Tocsin", **figures: float
) -> dict[str, Any]:
    return {
        "entrant": entrant, "workload": workload, "case": case, "pending": 0, "figures": figures
    }  # fmt: skip


@pytest.mark.parametrize(("lateness", "verdict"), [(3.9, "reached"), (4.1, "**missed**")])
def test_the_page_says_whether_a_target_is_reached(
    tmp_path: Path, lateness: float, verdict: str
) -> None:
    results = [
        result("W2", "empty", p99_ms=lateness),
        result("W2", "empty", entrant="Huey", p99_ms=2 * lateness, lost=7),
    ]
    before, lines = page_of(tmp_path, results, skipped={"X": "why"})
    assert f"| W2 | lateness p99 | ≤ 4 ms | {lateness} ms | {verdict} |" in "\n".join(lines)
    assert any(line.endswith(f"| {2 * lateness} (2 x) |") for line in lines)
    assert "- Huey, W2 empty: 7 had not run when it was given up" in lines
    assert "- X did not take part: why" in lines
    assert lines[0] == "# Performance"
    assert lines[-1] == before[-1], "what people wrote stays"


def test_of_several_rounds_the_median_counts_and_the_worst_of_what_must_never_go_wrong(
    tmp_path: Path,
) -> None:
    rounds = [
        result("W7", "beat", p99_ms=p99, share_run=share)
        for p99, share in ((3, 1.0), (90, 0.5), (7, 1.0))
    ]
    _, lines = page_of(tmp_path, rounds)
    assert any("| W7 | lateness p99 | ≤ 20 ms | 7 ms | reached |" in line for line in lines)
    assert any("| W7 | occurrences run, each once | ≥ 1 x | 0.5 x |" in line for line in lines)
    assert any("was measured 3 times" in line for line in lines)


@pytest.mark.parametrize(
    ("rounds", "order"), [(1, "T a b c d"), (2, "T a b c d T"), (3, "T a b T c d T")]
)
def test_rounds_are_spread_over_the_run_of_all_peers(rounds: int, order: str) -> None:
    program = (
        "from bench import TOCSIN, spread\n"
        f"for one in spread([TOCSIN, *'abcd'], {rounds}): print('T' if one is TOCSIN else one)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=BENCHMARKS, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    assert done.stdout.split() == order.split()
