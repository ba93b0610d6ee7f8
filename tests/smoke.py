"""Try the installed wheel as a user has it: `make smoke` runs this in a fresh environment.

It needs nothing but the standard library and stops at the first thing that is not as promised.
"""

import importlib
import pkgutil
import subprocess
import sys
import sysconfig
from importlib.metadata import Distribution, distribution
from pathlib import Path

SCRIPTS = Path(sysconfig.get_path("scripts"))
SITE = Path(sysconfig.get_path("purelib")).resolve()


def main() -> None:
    """Run every check, from the files to the command."""
    installed = distribution("tocsin")
    check_only_tocsin_is_installed(installed)
    check_every_module_imports()
    check_commands(installed.version)
    print(f"tocsin {installed.version}: the wheel installs, imports and runs")  # noqa: T201 - its one line


def check_only_tocsin_is_installed(installed: Distribution) -> None:
    """The wheel brings one top-level package, typed, and nothing of the rest of the checkout."""
    files = [file for file in installed.files or [] if not str(file).startswith("..")]
    tops = {file.parts[0] for file in files}
    assert tops == {"tocsin", f"tocsin-{installed.version}.dist-info"}, f"brings also {tops}"
    folders = {file.parts[1] for file in files if len(file.parts) > 2}
    strangers = folders & {"tests", "benchmarks", "docs", "examples", "build", "dist"}
    assert not strangers, f"the wheel contains {strangers}"
    assert any(str(file) == "tocsin/py.typed" for file in files), "py.typed is missing"


def check_every_module_imports() -> None:
    """Each module comes from the wheel, alone, and has the names that it promises."""
    import tocsin  # noqa: PLC0415 - the checks of the files come first

    assert tocsin.__all__, "tocsin promises no names"
    names = {module.name for module in pkgutil.walk_packages(tocsin.__path__, "tocsin.")}
    runs, needs_pytest = "tocsin.__main__", "tocsin.fixtures"
    needs_psycopg = {name for name in names if name.startswith("tocsin.storage.postgres")}
    for name in ("tocsin", *sorted(names - {runs, needs_pytest} - needs_psycopg)):
        module = importlib.import_module(name)
        origin = module.__file__ or ""
        assert Path(origin).resolve().is_relative_to(SITE), f"{name} comes from {origin}"
        missing = [each for each in getattr(module, "__all__", ()) if not hasattr(module, each)]
        assert not missing, f"{name} promises {missing}"


def check_commands(version: str) -> None:
    """`tocsin version` and `python -m tocsin version` say which version this is."""
    for command in ([str(SCRIPTS / "tocsin")], [sys.executable, "-m", "tocsin"]):
        answer = subprocess.run([*command, "version"], capture_output=True, text=True, check=False)
        assert answer.returncode == 0, f"{command} failed: {answer.stderr}"
        assert version in answer.stdout, f"{command} says {answer.stdout!r}"


if __name__ == "__main__":
    main()
