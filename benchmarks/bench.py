"""Measures this project's workloads, and its peers beside it.

    make bench                              everything: about 70 minutes
    make bench ARGS="W1 W3 --quick"         some workloads, small: about a minute each
    make bench ARGS="--alone --rounds 1"    without the peers: about 10 minutes

This project is measured several times, spread over the whole run, and the median counts: machines
that others use, too, swing by a quarter within minutes.

Every figure of this project is taken on SQLite, WAL, synchronous=FULL, with the event log, the
history of runs and durable claims: there is no faster mode to measure.
"""

import argparse
import tempfile
from itertools import pairwise
from pathlib import Path

import limits
import machine
import page
import report
from cases import CASES, WORKLOADS
from catalogue import PEERS, TOCSIN, Entrant
from environments import ROOT, postgresql_python, python_of
from results import Run
from runs import Runs
from servers import Missing, served
from sizes import FULL, FULL_PEERS, QUICK

PENDING = {"full": (1_000_000, 100_000), "quick": (10_000, 1_000)}
"""How many are pending where many are: for this project, and for peers."""


def main() -> None:
    """Measure, print, write."""
    chosen = arguments()
    if chosen.folder:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        measure_all(chosen, chosen.folder)
        return
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build") as folder:
        measure_all(chosen, Path(folder))


def measure_all(chosen: argparse.Namespace, folder: Path) -> None:
    """Everybody who was asked for, one after the other."""
    run = Run(machine.describe(), limits.measure(folder))
    entrants = [TOCSIN] if chosen.alone else [TOCSIN, *PEERS]
    if chosen.only:
        entrants = [e for e in entrants if any(o.lower() in e.name.lower() for o in chosen.only)]
    for entrant in spread(entrants, chosen.rounds):
        try:
            measure(entrant, chosen, folder, run)
        except Missing as missing:
            run.skipped[entrant.name] = str(missing)
            print(f"{entrant.name}  skipped: {missing}", flush=True)
        run.machine["load_after"] = machine.load()
        run.save(Path(chosen.json))
        if chosen.page and chosen.size == "full" and not (chosen.only or chosen.some):
            page.update(run, Path(chosen.page))
    report.show(run)


def spread(entrants: list[Entrant], rounds: int) -> list[Entrant]:
    """Who is measured when: this project first, last, and as often between its peers."""
    if TOCSIN not in entrants:
        return entrants
    peers = [entrant for entrant in entrants if entrant is not TOCSIN]
    gaps = max(1, rounds - 1)
    ends = [round(len(peers) * gap / gaps) for gap in range(gaps + 1)]
    order = [TOCSIN]
    for begin, end in pairwise(ends):
        order += [*peers[begin:end], *([TOCSIN] if rounds > 1 else [])]
    return order


def measure(entrant: Entrant, chosen: argparse.Namespace, folder: Path, run: Run) -> None:
    """All the chosen workloads of one entrant.

    Raises:
        Missing: what it needs cannot be had here.
    """
    ours = entrant is TOCSIN
    sizes = QUICK if chosen.size == "quick" else FULL if ours else FULL_PEERS
    pending = PENDING[chosen.size][0 if ours else 1]
    python = python_of(entrant)
    helper = postgresql_python() if entrant.server == "postgresql" else python
    with served(entrant.server, folder, helper) as server:
        runs = Runs(entrant, python, server, folder, pending=pending, sizes=sizes)
        for case in CASES:
            if case.workload in chosen.workloads and case.workload in entrant.workloads:
                result = runs.carry_out(case)
                print(result.told, flush=True)
                run.results.append(result)
                run.save(Path(chosen.json))


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workloads", nargs="*", metavar="W1", help="workloads; default all")
    parser.set_defaults(size="quick")
    for size, says in (("quick", "small sizes, the default"), ("full", "what the table asks for")):
        parser.add_argument(f"--{size}", dest="size", action="store_const", const=size, help=says)
    parser.add_argument(
        "--rounds", type=int, metavar="N",
        help="how often this project is measured; default 3, and 1 when quick",
    )  # fmt: skip
    parser.add_argument("--alone", action="store_true", help="without the peers")
    parser.add_argument("--only", action="append", metavar="NAME", help="who takes part")
    parser.add_argument("--folder", type=Path, help="where stores are kept, to use them again")
    parser.add_argument("--json", default=str(ROOT / "build" / "bench.json"), help="figures")
    parser.add_argument(
        "--page", metavar="FILE", help="the page whose tables are brought up to date"
    )
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (3 if chosen.size == "full" else 1)
    chosen.some = bool(chosen.workloads)
    chosen.workloads = [name.upper() for name in chosen.workloads] or list(WORKLOADS)
    strange = sorted(set(chosen.workloads) - set(WORKLOADS))
    if strange:
        parser.error(
            f"no workload is called {', '.join(strange)}: there are {', '.join(WORKLOADS)}"
        )
    return chosen


if __name__ == "__main__":
    main()
