"""Carries out one entrant's measurements: each in a fresh process, on a copy of a filled store."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from cases import MANY, Case
from catalogue import Entrant
from results import Result
from servers import Missing
from sizes import Sizes

_MEASURE = Path(__file__).with_name("measure.py")
_LONGEST = 900.0


class Runs:
    """One entrant's measurements.

    Args:
        entrant: whose.
        python: the interpreter that has its packages.
        server: the URL of its server, empty for none.
        folder: where stores may lie.
        pending: how many tasks are pending where many are.
        sizes: how much of everything.
    """

    def __init__(
        self,
        entrant: Entrant,
        python: Path,
        server: str,
        folder: Path,
        *,
        pending: int,
        sizes: Sizes,
    ) -> None:
        self._entrant = entrant
        self._python = python
        self._server = server
        self._folder = folder
        self._pending = pending
        self._sizes = sizes

    def carry_out(self, case: Case) -> Result:
        """Measure. What goes wrong is in the result's `error`."""
        pending = self._pending if case.beside == MANY else 0
        begun = time.monotonic()
        work = self._folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        try:
            self._provide(work, pending)
            answer = self._process(work, case.function, pending)
            error = ""
        except (Missing, subprocess.TimeoutExpired) as failure:
            answer, error = {}, str(failure)
        shutil.rmtree(work, ignore_errors=True)
        seconds = round(time.monotonic() - begun, 1)
        return Result(
            self._entrant.name, case.workload, case.name, pending, **answer,
            error=error, seconds=seconds,
        )  # fmt: skip

    def _provide(self, work: Path, pending: int) -> None:
        """Make the store of a measurement: files are filled once and copied, servers refilled."""
        if self._server:
            work.mkdir(parents=True)
            self._process(work, "fill", pending)
            return
        stock = self._folder / f"stock-{self._entrant.module}-{self._entrant.kind}-{pending}"
        if not stock.exists():
            unfinished = stock.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            self._process(unfinished, "fill", pending)
            unfinished.rename(stock)
        shutil.copytree(stock, work)
        os.sync()  # or the first commits wait for a gigabyte that is still on its way to the disk

    def _process(self, work: Path, workload: str, pending: int) -> dict[str, Any]:
        """Start `measure.py`.

        Raises:
            Missing: it failed; the message is its last line.
        """
        order, result = work / "order.json", work / "result.json"
        order.write_text(
            json.dumps(
                {
                    "module": self._entrant.module,
                    "kind": self._entrant.kind,
                    "packages": [_bare(package) for package in self._entrant.packages],
                    "server": self._server,
                    "folder": str(work),
                    "workload": workload,
                    "pending": pending,
                    "sizes": self._sizes.to_dict(),
                    "result": str(result),
                }
            )
        )
        with (work / "errors.txt").open("w+") as errors:
            subprocess.run(
                [self._python, _MEASURE, order],
                stdout=errors,
                stderr=errors,
                env=self._environment(work),
                timeout=_LONGEST,
                check=False,
            )
            errors.seek(0)
            said = errors.read().strip().splitlines()
        order.unlink()
        if not result.exists():
            raise Missing(said[-1] if said else "the measurement ended without a result")
        answer: dict[str, Any] = json.loads(result.read_text())
        result.unlink()
        (work / "errors.txt").unlink()
        return answer

    def _environment(self, work: Path) -> dict[str, str]:
        """Ours, but with compiled files, which an installed package has, too."""
        found = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        found["BENCH_SERVER"] = self._server
        if self._entrant.apart:
            found["BENCH_RECORDS"] = str(work / "notes")
        return found


def _bare(requirement: str) -> str:
    for end in ("[", ">", "<", "="):
        requirement = requirement.partition(end)[0]
    return requirement
