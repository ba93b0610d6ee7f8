"""The tables of docs/performance.md, written between its two marks from a run's figures."""

import argparse
from pathlib import Path

from catalogue import PEERS, TOCSIN
from lines import LINES, Line, shown
from results import Book, Result, Run

BEGIN = "<!-- figures: begin; `make bench` writes what follows -->"
END = "<!-- figures: end -->"


def update(run: Run, path: Path) -> None:
    """Replace the part between the marks.

    Raises:
        ValueError: the page has no marks.
    """
    text = path.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} needs the lines {BEGIN!r} and {END!r}")
    path.write_text(f"{before}{BEGIN}\n\n{figures(run)}\n{END}{after}")


def figures(run: Run) -> str:
    """Everything that comes from the run."""
    ours = run.book(TOCSIN.name)
    parts = [_machine(run), _limits(run), _table(ours)]
    peers = [(peer.name, book) for peer in PEERS if (book := run.book(peer.name))]
    if peers:
        parts += [_beside(ours, peers), _settings(run), _small(run)]
    if run.skipped:
        parts.append("\n".join(f"- {n} did not take part: {why}" for n, why in run.skipped.items()))
    return "\n\n".join(parts) + "\n"


def _machine(run: Run) -> str:
    m = run.machine
    return (
        f"Taken on {m['date']} at {m['commit']}: {m['cores']} cores ({m['cpu']}), {m['memory']} of"
        f" memory, {m['system']}, Python {m['python']}, SQLite {m['sqlite']}; load before the run"
        f" {m['load_before']}, after it {m.get('load_after', '?')}.{_rounds(run)}"
    )


def _rounds(run: Run) -> str:
    rounds = run.book(TOCSIN.name).rounds
    if rounds < 2:
        return ""
    return (
        f" {TOCSIN.name} was measured {rounds} times, spread over the run: its figures are medians,"
        " and the worst of what must never go wrong."
    )


def _limits(run: Run) -> str:
    names = {
        "commits_s": "commits of one row a second (WAL, FULL)",
        "commits_of_13_s": "commits of one row in each of 13 trees a second (WAL, FULL)",
        "commits_of_13_apart_s": "the same, each after 0.1 ms of other work, which does not count",
        "commits_rollback_journal_s": "the same with the rollback journal",
        "bulk_rows_s": "rows a second in commits of 1,000",
        "fsync_ms": "one fsync, ms",
        "wake_p50_ms": "a thread that waits by the clock wakes late by, p50, ms",
        "wake_p99_ms": "the same, p99, ms",
        "there_and_back_ms": "to another thread and back, ms",
        "python_start_s": "an empty Python starts in, s",
    }
    rows = [[what, shown(run.limits.get(name))] for name, what in names.items()]
    return _markdown(["what the machine can do", "at the start of the run"], rows)


def _table(ours: Book) -> str:
    rows = [_row(line, ours) for line in LINES if line.read(ours) is not None]
    return _markdown(["", "", "to reach", TOCSIN.name, "", "x what the machine can do"], rows)


def _row(line: Line, ours: Book) -> list[str]:
    verdict = "reached" if line.met(ours) else "**missed**"
    value = f"{shown(line.read(ours))} {line.unit}"
    share = line.share(ours)
    return [line.workload, line.what, f"{line.goal} {line.unit}", value, verdict, shown(share)]


def _beside(ours: Book, peers: list[tuple[str, Book]]) -> str:
    """Peers' figures, each with how many times better (or worse) this project is."""
    rows = []
    for line in LINES:
        if not line.peers or all(line.read(book) is None for _, book in peers):
            continue
        mine = line.read(ours)
        cells = [_compared(line, mine, line.read(book)) for _, book in peers]
        rows.append([line.workload, f"{line.what}, {line.unit}", shown(mine), *cells])
    return _markdown(["", "", TOCSIN.name, *(name for name, _ in peers)], rows)


def _compared(line: Line, mine: float | None, theirs: float | None) -> str:
    if theirs is None:
        return "-"
    if mine is None or mine <= 0 or theirs <= 0:
        return shown(theirs)
    better = mine / theirs if line.higher else theirs / mine
    return f"{shown(theirs)} ({shown(better)} x)"


def _settings(run: Run) -> str:
    rows = [
        [entrant.name, _versions(run, entrant.name), entrant.settings, entrant.lacks]
        for entrant in (TOCSIN, *PEERS)
        if run.book(entrant.name)
    ]
    return _markdown(["", "versions", "settings", "what it does not do durably"], rows)


def _versions(run: Run, name: str) -> str:
    found = {k: v for r in run.results if r.entrant == name for k, v in r.versions.items()}
    return ", ".join(f"{package} {version}" for package, version in found.items())


def _small(run: Run) -> str:
    """How much each had to do, and what went wrong."""
    many = {r.entrant: r.pending for r in run.results if r.pending}
    said = ", ".join(f"{name} {count:,}" for name, count in many.items())
    notes = [f"Many pending: {said}."] if many else []
    told = (
        f"- {r.entrant}, {r.workload} {r.case}: {_trouble(r)}" for r in run.results if _trouble(r)
    )
    notes += dict.fromkeys(told)
    return "\n".join(notes)


def _trouble(result: Result) -> str:
    if result.error:
        return result.error
    f = result.figures
    found = []
    if f.get("lost"):
        found.append(f"{f['lost']:,.0f} had not run when it was given up")
    if f.get("repeated"):
        found.append(f"{f['repeated']:,.0f} ran more than once")
    if f.get("ordered_in_time") == 0:
        found.append("placing the orders took longer than planned: some were late already")
    if "tasks" in f and result.entrant != TOCSIN.name:
        found.append(f"{f['tasks']:,.0f} tasks for {f['seconds']:,.0f} s")
    return "; ".join(found)


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Write the page anew from the figures of an earlier run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("json", type=Path, help="what `bench.py` wrote")
    parser.add_argument("page", type=Path, help="docs/performance.md")
    chosen = parser.parse_args()
    update(Run.load(chosen.json), chosen.page)


if __name__ == "__main__":
    main()
