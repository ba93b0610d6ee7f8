"""Pages whose examples are run: what they print is what the page says.

    python tests/pages.py PAGE ...      writes the outputs into the pages anew

In a page, a `toml` block becomes the folder's config.toml, a `console` block has commands
(`$ tocsin next ...`) with what they print, and a `pycon` block has Python as typed at a prompt.
"""

import contextlib
import doctest
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tocsin.cli.main import tocsin
from tocsin.core.environment import _VARIABLES

_BLOCK = re.compile(r"^```(toml|console|pycon)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_DISTANCE = re.compile(r" \((?:in [0-9a-z]+|[0-9a-z]+ ago|now)\)")


def fresh(page: str) -> str:
    """The page with the outputs that its examples have now."""
    names: dict[str, Any] = {}
    with _empty_folder() as folder:

        def run(block: re.Match[str]) -> str:
            kind, body = block[1], block[2]
            if kind == "toml":
                (folder / "config.toml").write_text(body)
            elif kind == "console":
                said = [_command(line) for line in body.splitlines() if line[:2] == "$ "]
                body = "\n\n".join(said) + "\n"
            else:
                body = _prompt(body, names)
            return f"```{kind}\n{_TRAILING.sub('', body)}```"

        return _BLOCK.sub(run, page)


def settled(page: str) -> str:
    """The page without the distances from now, such as "(in 3d)"."""
    return _DISTANCE.sub("", page)


@contextlib.contextmanager
def _empty_folder() -> Iterator[Path]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="tocsin-page-") as folder:
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def _command(line: str) -> str:
    """One command with what it prints; distances from now would be wrong tomorrow."""
    _, program, *words = shlex.split(line)
    if program != "tocsin":
        raise ValueError(f"a page runs tocsin only, not {program!r}")
    strange = dict.fromkeys((*_VARIABLES, "TOCSIN_CONFIG", "NO_COLOR"))
    result = CliRunner().invoke(
        tocsin, words, prog_name="tocsin", env={**strange, "COLUMNS": "100"}
    )
    return f"{line}\n{settled(result.output)}".rstrip()


def _prompt(body: str, names: dict[str, Any]) -> str:
    """Python as it is typed, with what it prints."""
    lines = []
    for example in doctest.DocTestParser().get_examples(body):
        first, *rest = example.source.splitlines()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                exec(compile(example.source, "<page>", "single"), names)
            except Exception as error:  # noqa: BLE001 - a refusal is an output like others
                printed.write(f"{type(error).__name__}: {error}\n")
        lines += [f">>> {first}", *(f"... {line}" for line in rest), printed.getvalue().rstrip()]
    return "".join(f"{line}\n" for line in lines if line)


def main(paths: list[str]) -> None:
    """Write the outputs anew."""
    for path in map(Path, paths):
        path.write_text(fresh(path.read_text()))


if __name__ == "__main__":
    main(sys.argv[1:])
