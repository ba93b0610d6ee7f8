"""What import-linter cannot say: how imports are written.

Which part may know which is in pyproject.toml, [tool.importlinter]; `make lint` checks it.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
OURS = {*PACKAGES, *(path.stem for path in ROOT.glob("[!_]*.py"))}

INSIDE = [
    path for place in ("*.py", *(f"{p}/**/*.py" for p in PACKAGES)) for path in ROOT.glob(place)
]
OUTSIDE = [path for p in ("tests", "examples", "benchmarks") for path in ROOT.glob(f"{p}/**/*.py")]


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def absolute_imports(path: Path) -> Iterator[str]:
    """The top-level names that a file imports by their full name."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", INSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_inside_the_package_imports_of_the_package_are_relative(path: Path) -> None:
    assert "tocsin" not in absolute_imports(path)


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_outside_the_package_code_imports_what_a_user_can_import(path: Path) -> None:
    by_folder = (OURS - sys.stdlib_module_names) & set(absolute_imports(path))
    assert not by_folder, "write `from tocsin...`: a folder's bare name has a second identity"


def test_actors_never_import_each_other() -> None:
    actors = {path.stem: path for path in ROOT.glob("actors/*.py") if _defines_an_actor(path)}
    imported = {name: neighbours(path) & (set(actors) - {name}) for name, path in actors.items()}
    assert not any(imported.values()), f"they share messages and write to names: {imported}"


def _defines_an_actor(path: Path) -> bool:
    classes = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)]
    return any(ast.unparse(base) == "Actor" for each in classes for base in each.bases)


def neighbours(path: Path) -> set[str]:
    """The modules of its own folder that a file imports."""
    imports = [
        node
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ImportFrom) and node.level == 1
    ]
    whole = {alias.name for node in imports if node.module is None for alias in node.names}
    return whole | {node.module.partition(".")[0] for node in imports if node.module}
