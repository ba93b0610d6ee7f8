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


@pytest.mark.parametrize(("lateness", "verdict"), [(3.9, "reached"), (4.1, "**missed**")])
def test_the_page_says_whether_a_target_is_reached(
    tmp_path: Path, lateness: float, verdict: str
) -> None:
    results = [
        {"entrant": name, "workload": "W2", "case": "empty", "pending": 0, "figures": figures}
        for name, figures in (
            ("Tocsin", {"p99_ms": lateness}),
            ("Huey", {"p99_ms": 2 * lateness, "lost": 7}),
        )
    ]
    machine = dict.fromkeys(
        ("date", "commit", "cores", "cpu", "memory", "system", "python", "sqlite", "load_before"), 1
    )
    limits = {"wake_p99_ms": 0.1, "commits_s": 4_000}
    figures = {"machine": machine, "limits": limits, "results": results, "skipped": {"X": "why"}}
    (tmp_path / "bench.json").write_text(json.dumps(figures))
    page = tmp_path / "page.md"
    text = (BENCHMARKS.parent / "docs" / "performance.md").read_text()
    page.write_text(text)
    run("page.py", tmp_path / "bench.json", page)
    lines = page.read_text().splitlines()
    assert f"| W2 | lateness p99 | ≤ 4 ms | {lateness} ms | {verdict} |" in "\n".join(lines)
    assert any(line.endswith(f"| {2 * lateness} (2 x) |") for line in lines)
    assert "- Huey, W2 empty: 7 had not run when it was given up" in lines
    assert "- X did not take part: why" in lines
    assert lines[0] == "# Performance"
    assert lines[-1] == text.splitlines()[-1], "what people wrote stays"
