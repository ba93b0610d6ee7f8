"""The table in the terminal."""

from catalogue import PEERS, TOCSIN
from lines import LINES, shown
from results import Run
from rich.console import Console
from rich.table import Table


def show(run: Run) -> None:
    """Print every line that was measured, and who did not take part and why."""
    ours = run.book(TOCSIN.name)
    peers = [(peer.name, book) for peer in PEERS if (book := run.book(peer.name))]
    table = Table(title=f"{run.machine['date']}, {run.machine['cores']} cores")
    for heading in ("", "", "to reach", TOCSIN.name, "x limit", *(name for name, _ in peers)):
        table.add_column(heading, justify="left" if not heading else "right")
    for line in LINES:
        value = line.read(ours)
        if value is None:
            continue
        colour = {True: "green", False: "red"}.get(bool(line.met(ours)), "")
        table.add_row(
            line.workload,
            line.what,
            f"{line.goal} {line.unit}",
            f"[{colour}]{shown(value)}[/]",
            shown(line.share(ours)),
            *(shown(line.read(book)) if line.peers else "" for _, book in peers),
        )
    console = Console()
    console.print(table)
    for name, why in run.skipped.items():
        console.print(f"{name} did not take part: {why}")
