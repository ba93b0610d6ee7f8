"""The checkout is the package `tocsin`: what makes that work, and what keeps it tidy."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import tocsin

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]

NOT_PACKAGED = {"tests", "benchmarks", "docs", "examples", "build", "dist"}
LIGHT = {"tocsin", "loguru", "msgspec", "peewee", "playhouse", "pykka", "typing_extensions"}
"""What `import tocsin` may load; everything else is imported where it is used."""

FOREIGN_WORDS = (
    r"/(?:root|work|opt)/",  # folders of somebody's machine
    r"(?:extra-)?index-url|find-links",  # somebody's package registry
    r"\b(?:TODO|FIXME|XXX)\b",  # unfinished work
)


def package_folders() -> list[Path]:
    """The root and every folder that ships in the wheel."""
    return [ROOT, *(folder for top in _top_folders() for folder in (top, *_folders_in(top)))]


def _top_folders() -> list[Path]:
    return [
        entry
        for entry in sorted(ROOT.iterdir())
        if (entry / "__init__.py").is_file() and entry.name not in NOT_PACKAGED
    ]


def _folders_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*/")) if "__pycache__" not in path.parts]


def modules() -> list[Path]:
    """Every Python file that ships in the wheel."""
    return [path for folder in package_folders() for path in sorted(folder.glob("*.py"))]


def dotted(path: Path) -> str:
    """The name under which a user imports a file or folder of the package."""
    parts = ("tocsin", *path.relative_to(ROOT).parts)
    return ".".join(parts).removesuffix(".py").removesuffix(".__init__")


def public_files() -> Iterator[Path]:
    """Every file of the checkout that people read."""
    skipped = {"build", "dist"}
    for entry in sorted(ROOT.iterdir()):
        if entry.is_dir() and not entry.name.startswith(".") and entry.name not in skipped:
            yield from (path for path in entry.rglob("*") if path.suffix in {".py", ".md", ".toml"})
        elif entry.suffix in {".py", ".md", ".toml"} or entry.name == "Makefile":
            yield entry
    yield ROOT / ".ci" / "run"


# ---------------------------------------------------------------- what is in the wheel


def test_the_packages_list_names_every_folder_of_modules() -> None:
    assert sorted(SETUPTOOLS["packages"]) == sorted(map(dotted, package_folders())), (
        "write it down in pyproject.toml, [tool.setuptools] packages: the wheel has only those"
    )


def test_every_folder_inside_a_package_is_a_package() -> None:
    bare = [str(path) for path in package_folders() if not (path / "__init__.py").is_file()]
    assert not bare, "without __init__.py these would be missing in the wheel"


def test_every_other_file_inside_a_package_is_named_as_package_data() -> None:
    data = SETUPTOOLS["package-data"]
    assert SETUPTOOLS["include-package-data"] is False
    assert data["tocsin"] == ["py.typed"]
    assert (ROOT / "py.typed").read_bytes() == b""
    missing = [
        str(path.relative_to(ROOT))
        for folder in package_folders()[1:]
        for path in folder.iterdir()
        if path.is_file() and path.suffix != ".py"
        if not any(fnmatch(path.name, pattern) for pattern in data.get(dotted(folder), []))
    ]
    assert not missing, "these files would not be in the wheel"


def test_there_is_one_version() -> None:
    assert tocsin.__version__ == PROJECT["project"]["version"] == version("tocsin")


# ---------------------------------------------------------------- one identity


def test_every_module_is_imported_under_its_public_name_only() -> None:
    shipped = {str(path): dotted(path) for path in modules() if path.name != "__main__.py"}
    for name in shipped.values():
        importlib.import_module(name)
    loaded = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    found = sorted((name, file) for name, file in loaded.items() if file in shipped)
    assert found == sorted((name, file) for file, name in shipped.items()), (
        "a module under a second name is a second module: its classes are not ours"
    )


def test_public_objects_say_that_they_come_from_tocsin() -> None:
    public = [getattr(tocsin, name) for name in tocsin.__all__]
    assert public
    strangers = {
        each for each in public if callable(each) and not each.__module__.startswith("tocsin.")
    }
    assert not strangers


def test_the_checkout_is_not_on_the_import_path() -> None:
    places = {str(Path(place or ".").resolve()) for place in sys.path}
    assert str(ROOT) not in places, "`import core` would find our core under a second name"


# ---------------------------------------------------------------- light to import


def test_importing_tocsin_loads_nothing_heavy() -> None:
    code = (
        "import sys; before = set(sys.modules); import tocsin; import json;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        timeout=60,
    )
    loaded = (name.partition(".")[0] for name in json.loads(answer.stdout))
    tops = {name for name in loaded if not name.startswith("_")}  # the interpreter's own
    heavy = sorted(tops - LIGHT - set(sys.stdlib_module_names))
    assert not heavy, f"import tocsin loads {heavy}: import them where they are used"


# ---------------------------------------------------------------- small enough to read


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_a_module_has_one_duty(path: Path) -> None:
    source = path.read_text()
    lines = source.count("\n")
    assert lines <= 400, f"{path.name} has {lines} lines: it has more than one duty"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert _length(node) <= 60, f"{path.name}:{node.lineno} {node.name} is too long"


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = function.body[0]
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    return lines - ((first.end_lineno or first.lineno) - first.lineno + 1)


# ---------------------------------------------------------------- what people read


def test_no_file_speaks_of_somebodys_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in public_files()
        if path != Path(__file__).resolve()
        for match in re.finditer("|".join(FOREIGN_WORDS), path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_every_relative_link_leads_to_a_file() -> None:
    links = [
        (path, link)
        for path in public_files()
        if path.suffix == ".md"
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8"))
        if "://" not in link and not link.startswith("mailto:")
    ]
    dead = [f"{p.relative_to(ROOT)}: {link}" for p, link in links if not (p.parent / link).exists()]
    assert not dead


def test_every_file_that_a_page_names_exists() -> None:
    named = [
        (page, name)
        for page in public_files()
        if page.suffix == ".md" and page.name != "CHANGELOG.md"
        for name in re.findall(r"`((?:[a-z_]+/)+\w+\.py)`", page.read_text(encoding="utf-8"))
        if (ROOT / name.partition("/")[0]).is_dir()
    ]
    gone = [
        f"{page.relative_to(ROOT)}: {name}" for page, name in named if not (ROOT / name).exists()
    ]
    assert not gone


def _make_targets() -> dict[str, str]:
    """Each target of the Makefile with its line of help."""
    makefile = (ROOT / "Makefile").read_text()
    return dict(re.findall(r"^([a-z]+):.*?## (.+)$", makefile, re.MULTILINE))


def test_every_make_command_explains_itself() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony.group(1).split()) == set(_make_targets())


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_commands_that_a_page_names_exist(page: str) -> None:
    commands = re.findall(r"(?:`|^)make ([a-z]+)", (ROOT / page).read_text(), re.MULTILINE)
    assert {"run", "test"} <= set(commands) <= set(_make_targets())


def test_the_changelog_has_the_unreleased_changes_on_top() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
