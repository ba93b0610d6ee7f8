"""Every change that a program makes to the files of one folder, and what it waits for, by strace.

What is recorded are the steps of the system calls: a write has begun from its entry on, so that any
part of it may be on the disk; a sync orders what had ended before its own entry, once it ends.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRACED = (
    "openat,write,pwrite64,ftruncate,fsync,fdatasync,"
    "unlink,unlinkat,rename,renameat,renameat2,link,linkat"
)

LINE = re.compile(r"(?P<thread>\d+) +(?:<\.\.\. )?(?P<call>\w+)(?: resumed>|\()(?P<rest>.*)")
RESULT = re.compile(r"= (?P<result>-?\d+)")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
DESCRIPTOR = re.compile(r"^(?P<number>\d+)<(?P<path>(?:\\x[0-9a-f]{2})*)>")
NUMBERS = re.compile(r", (\d+)")


def missing() -> str | None:
    """What has to be installed before anything can be recorded, None when all is there."""
    if shutil.which("strace") is None:
        return "strace is not installed (Debian, Ubuntu: apt install strace)"
    tried = subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-e", "trace=fsync", "-o", os.devnull, "true"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if tried.returncode:
        return f"strace may not trace here: {tried.stderr.strip()}"
    return None


@dataclass(eq=False)
class Change:
    """Something that a call does: it has begun, and later it has ended.

    Attributes:
        kind: `write`, `cut` (a file is shortened), `create`, `link`, `unlink`, `rename`, or `sync`.
        file: which file, by a number of our own; the folder itself is file 0.
        name: of what is created, linked, unlinked or renamed; `target` is its new name.
    """

    kind: str
    file: int = 0
    data: bytes = b""
    offset: int = 0
    name: str = ""
    target: str = ""


@dataclass(frozen=True)
class Step:
    """One step of the record: a change begins or ends, or a line is written to a journal."""

    what: str
    change: Change | None = None
    journal: str = ""
    line: bytes = b""


@dataclass
class Recorder:
    """Turns the lines of strace into steps."""

    folder: str
    journals: frozenset[str]
    _files: dict[int, int] = field(default_factory=dict)
    _names: dict[str, int] = field(default_factory=dict)
    _positions: dict[int, int] = field(default_factory=dict)
    _open: dict[str, Change] = field(default_factory=dict)
    _count: int = 0

    def steps(self, lines: Iterator[str]) -> Iterator[Step]:
        """The record, in order."""
        for line in lines:
            match = LINE.match(line)
            if match is None:
                continue
            thread, call, rest = match["thread"], match["call"], match["rest"]
            ends = "<unfinished" not in rest
            resumed = " resumed>" in line[: match.start("rest")]
            if not resumed:
                yield from self._begin(thread, call, rest)
            if ends:
                yield from self._end(thread, call, rest)

    def _begin(self, thread: str, call: str, rest: str) -> Iterator[Step]:
        change = self._understand(call, rest)
        if isinstance(change, Step):
            yield change
        elif change is not None:
            self._open[thread] = change
            if change.kind != "create":
                yield Step("begins", change)

    def _end(self, thread: str, call: str, rest: str) -> Iterator[Step]:
        change = self._open.pop(thread, None)
        found = RESULT.findall(rest)
        if change is None or not found:
            return
        result = int(found[-1])
        if result < 0:
            assert change.kind in {"create", "link", "unlink"}, f"{call} failed: {rest[-200:]}"
            return
        if change.kind == "create":
            yield from self._opened(result, change)
        else:
            self._rename(change)
            yield Step("ends", change)

    def _opened(self, number: int, change: Change) -> Iterator[Step]:
        """A file was opened: made, if nothing had its name."""
        self._positions[number] = 0
        if not change.name:
            self._files[number] = 0
            return
        if change.name not in self._names:
            self._count += 1
            self._names[change.name] = change.file = self._count
            yield Step("begins", change)
            yield Step("ends", change)
        self._files[number] = self._names[change.name]

    def _rename(self, change: Change) -> None:
        if change.kind in {"link", "rename"}:
            self._names[change.target] = self._names[change.name]
        if change.kind in {"unlink", "rename"}:
            del self._names[change.name]

    def _understand(self, call: str, rest: str) -> Change | Step | None:
        """What a call is about to do; None when it is not about our folder."""
        if call in {"write", "pwrite64", "ftruncate", "fsync", "fdatasync"}:
            return self._on_descriptor(call, rest)
        paths = [self._name(_unhex(text)) for text in STRING.findall(rest)]
        if not paths or paths[0] is None:
            return None
        if call == "openat":
            return Change("create", name=paths[0])
        if call.startswith("unlink"):
            return Change("unlink", name=paths[0])
        kind = "link" if call.startswith("link") else "rename"
        return Change(kind, name=paths[0], target=paths[1] or "")

    def _on_descriptor(self, call: str, rest: str) -> Change | Step | None:
        match = DESCRIPTOR.match(rest)
        name = self._name(_unhex(match["path"])) if match else None
        if match is None or name is None:
            return None
        number = int(match["number"])
        if call in {"fsync", "fdatasync"}:
            return Change("sync", file=self._files.get(number, 0) if name else 0)
        if name in self.journals:
            return Step("says", journal=name, line=_unhex(STRING.findall(rest)[0]))
        numbers = [int(text) for text in NUMBERS.findall(STRING.sub("", rest))]
        if call == "ftruncate":
            return Change("cut", self._files[number], offset=numbers[0])
        data = _unhex(STRING.findall(rest)[0])
        assert len(data) == numbers[0], f"strace left out a part of {name}"
        if call == "pwrite64":
            return Change("write", self._files[number], data, numbers[1])
        position = self._positions[number]
        self._positions[number] += len(data)
        return Change("write", self._files[number], data, position)

    def _name(self, path: bytes) -> str | None:
        """The name of a path in our folder, empty for the folder itself, None for others."""
        text = os.fsdecode(path).removesuffix("(deleted)")
        if text == self.folder:
            return ""
        head, _, name = text.rpartition("/")
        return name if head == self.folder and not name.endswith("-shm") else None


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def record(folder: Path, program: Path, arguments: list[Any], journals: set[str]) -> list[Step]:
    """Run a Python program and record what it does to the files of a folder, which is empty."""
    log = folder.with_name(f"{folder.name}.strace")
    done = subprocess.run(
        [
            "strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "1000000", "-o", str(log),
            "-e", f"trace={TRACED}", "-e", "signal=none",
            sys.executable, str(program), str(folder), *map(str, arguments),
        ],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"the recorded program failed:\n{done.stderr[-4000:]}"
    with log.open(encoding="ascii", errors="replace") as lines:
        steps = list(Recorder(str(folder), frozenset(journals)).steps(lines))
    log.unlink()
    return steps
